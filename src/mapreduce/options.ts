/**
 * What a caller of `mapReduce()` says and gets: the terms of the library and of the command line.
 * `machines/mapreduce/job-spec.ts` has the terms inside the system.
 */
import type { RecordId, TaskKind } from '../../machines/mapreduce/job-spec.js';
import type { ActorSystemOptions } from '../host/system-options.js';

/** Units are in the names; the defaults are the command line's. */
export interface MapReduceOptions {
  /** `wc`, `indexer`, `grep`, `sort`, or a module: a path or a file URL. */
  readonly app: string | URL;
  /** Files, directories, globs; relative paths are from the current directory. */
  readonly inputs: readonly string[];
  /** Output directory; default `./mr-out`. */
  readonly out?: string | undefined;
  /** Reduce tasks, and so output files; default 10. */
  readonly reduces?: number | undefined;
  /** Each on a thread of its own; default one per core. */
  readonly workers?: number | undefined;
  /** Without progress for this long a task goes to another worker too; default 10 000. */
  readonly taskTimeoutMs?: number | undefined;
  /** Failed attempts at a task that fail the job; default 10. */
  readonly maxAttempts?: number | undefined;
  /** Leaves out records that killed 3 attempts, and reports them; default false. */
  readonly skipBadRecords?: boolean | undefined;
  /** Default: if the app has a combiner. True for an app without one is a `USAGE` error. */
  readonly combine?: boolean | undefined;
  /** Input for a map task; default by the size of the input. */
  readonly splitSizeBytes?: number | undefined;
  /** Buffers of all workers together, beyond which they spill; default 64 MiB a worker. */
  readonly memoryBytes?: number | undefined;
  /** `key value` lines, or `["key","value"]` lines; default `text`. */
  readonly format?: 'text' | 'jsonl' | undefined;
  /** Replaces the output of an earlier job; default false: that is an `OUTPUT` error. */
  readonly force?: boolean | undefined;
  /** What `grep` looks for: a JavaScript regular expression, flag `u`. */
  readonly pattern?: string | undefined;
  /** How the network between the job's actors behaves; default: it loses nothing. */
  readonly network?: ActorSystemOptions['network'] | undefined;
  /** Stops the job cleanly; `mapReduce` then rejects with `INTERRUPTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Called at most some ten times a second, and at the end of each phase. */
  readonly onProgress?: ((progress: JobProgress) => void) | undefined;
  /** What a user may want to know while the job runs: a retry, a skipped record, a lost worker. */
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
  /** Called once when the workers run: to kill or add some while the job runs. */
  readonly onStart?: ((control: JobControl) => void) | undefined;
}

export interface JobProgress {
  readonly phase: TaskKind;
  readonly tasksDone: number;
  readonly tasksTotal: number;
  /** Of the job's input, what maps have read; 0 in the reduce phase. */
  readonly bytesDone: number;
}

export interface JobEvent {
  readonly level: 'debug' | 'info' | 'warn';
  /** One line. */
  readonly message: string;
}

/** Faults on demand, for tests and demonstrations. Its methods need no receiver. */
export interface JobControl {
  /** Names of the workers that live. */
  workers(): readonly string[];
  /** Ends a worker's thread at once, with the attempt that it runs. Resolves when it is gone. */
  killWorker(name: string): Promise<void>;
  /** Adds one; resolves with its name when it runs. */
  addWorker(): Promise<string>;
}

export interface PhaseReport {
  readonly tasks: number;
  readonly attempts: number;
  /** Attempts that failed, timed out or were lost with their worker. */
  readonly retries: number;
  /** Attempts given to a second worker near the end of the phase. */
  readonly backups: number;
  readonly recordsIn: number;
  readonly pairsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly wallSeconds: number;
  /** User and system time of the attempts. */
  readonly cpuSeconds: number;
}

export interface SkippedRecord extends RecordId {
  readonly file: string;
  /** Why its attempts failed. */
  readonly message: string;
}

export interface MapReduceReport {
  readonly jobId: string;
  /** The name of a built-in app, or the absolute path of a module. */
  readonly app: string;
  /** Absolute. */
  readonly out: string;
  /** `mr-out-0` … in order, absolute. */
  readonly files: readonly string[];
  readonly inputs: number;
  readonly workers: number;
  readonly map: PhaseReport;
  readonly reduce: PhaseReport;
  readonly skippedRecords: readonly SkippedRecord[];
  readonly wallSeconds: number;
}
