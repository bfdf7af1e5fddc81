/**
 * What a MapReduce job is made of, as plain data: what is asked for (`JobSpec`), the tasks it is
 * cut into, an attempt at a task, and what an attempt leaves behind. The coordinator, the workers,
 * the code that runs attempts and the simulator all speak in these terms. Everything here survives
 * `structuredClone` and the wire.
 */

/** Microseconds, an integer. */
type Micros = number;

/** Which user code a job runs. */
export type AppReference =
  /** One of the built-in apps: `wc`, `indexer`, `grep`, `sort`. */
  | { readonly type: 'builtin'; readonly name: string }
  /** A module, by the URL that imports it. */
  | { readonly type: 'module'; readonly url: string };

/** How keys are spread over the reduce tasks. */
export type Partitioning =
  /** FNV-1a 32 over the key's UTF-8 bytes, `& 0x7fffffff`, mod N; or the app's own `partition`. */
  | { readonly type: 'hash' }
  /** Partition i holds the keys below `bounds[i]` and not below `bounds[i - 1]`, by UTF-8 bytes. */
  | { readonly type: 'ranges'; readonly bounds: readonly string[] };

/** Values of an app's own options, such as `pattern` of `grep`. */
export type AppOptions = Readonly<Record<string, string | number | boolean>>;

/** A job as it was asked for; constant while it runs. Sent to each worker once (`WorkerConfig`). */
export interface JobSpec {
  /** Unique among the jobs that could meet in one output directory. */
  readonly jobId: string;
  readonly app: AppReference;
  readonly options: AppOptions;
  /** How many reduce tasks there are, and so how many output files. At least 1. */
  readonly reduces: number;
  readonly partitioning: Partitioning;
  readonly format: 'text' | 'jsonl';
  /** The app's combiner is to be used. */
  readonly combine: boolean;
  /** The app takes an input record by record, so that files may be cut and records skipped. */
  readonly splittable: boolean;
  /** A record that killed `RECORD_DEATHS_MAX` attempts is left out. Needs `splittable`. */
  readonly skipBadRecords: boolean;
  /** The job fails for good when attempts at one task have failed this often. At least 1. */
  readonly maxAttempts: number;
  /** Without progress for this long a task is given to another worker too. Positive. */
  readonly taskTimeoutMicros: Micros;
  /** About how much memory an attempt may use for buffers before it spills to disk. */
  readonly memoryBytes: number;
  /** Where attempts write: an absolute path, on the file system of the output directory. */
  readonly directory: string;
}

/** Part of an input file: whole records, of which the first begins in `[start, end)`. */
export interface Split {
  /** Position of the file in the sorted list of inputs; orders values. */
  readonly input: number;
  /** The path as reached: what the app is told. */
  readonly file: string;
  /** The path to open. */
  readonly path: string;
  /** First byte, and the byte after the last; `end` is the size for the last split of a file. */
  readonly start: number;
  readonly end: number;
}

/** One map task: one large split, or several small files, in input order. */
export interface MapTask {
  readonly kind: 'map';
  /** Position among the map tasks; ascending index is ascending (input, start). */
  readonly index: number;
  readonly splits: readonly Split[];
  /** Sum of the splits' sizes. */
  readonly bytes: number;
}

/** One reduce task: all pairs of one partition. */
export interface ReduceTask {
  readonly kind: 'reduce';
  /** The partition, and the number in `mr-out-N`. */
  readonly index: number;
}

export type TaskKind = 'map' | 'reduce';

/**
 * Names an attempt within its job: `m3.2` is the second attempt at map task 3. Never used twice,
 * not even when a task runs again because its output was lost; so files may be named by it.
 */
export type AttemptId = string;

export function attemptId(kind: TaskKind, index: number, attempt: number): AttemptId {
  return `${kind === 'map' ? 'm' : 'r'}${index}.${attempt}`;
}

/** What `attemptId` was made of; undefined for a text that it cannot have made. */
export function parseAttemptId(
  id: AttemptId,
): { readonly kind: TaskKind; readonly index: number; readonly attempt: number } | undefined {
  const match = /^([mr])(\d{1,9})\.(\d{1,9})$/.exec(id);
  if (match === null) return undefined;
  const kind = match[1] === 'm' ? 'map' : 'reduce';
  return { kind, index: Number(match[2]), attempt: Number(match[3]) };
}

/**
 * A complete file, or a section of one, that an attempt made. It stands under its final name for
 * this attempt (written elsewhere and renamed), so whoever sees it sees all of it (S25).
 */
export interface ResultFile {
  /** The partition of the pairs inside; for a reduce task its index. */
  readonly partition: number;
  readonly path: string;
  /** Where the section begins; 0 when the file holds nothing else. */
  readonly offset: number;
  readonly bytes: number;
  /** Pairs of a map's output, lines of a reduce's. */
  readonly records: number;
  /** CRC-32 of the section, unsigned. Whoever reads the file checks `bytes` and this. */
  readonly checksum: number;
}

/** One map's section of the partition that a reduce attempt reads, pinned to one attempt (K5). */
export interface ReduceInput {
  readonly map: number;
  readonly attempt: AttemptId;
  readonly file: ResultFile;
}

/** A record of the input, by where it begins. */
export interface RecordId {
  /** Position of the file among the inputs. */
  readonly input: number;
  /** First byte of the record in its file. */
  readonly offset: number;
}

interface AttemptBase {
  readonly id: AttemptId;
  /** 1 for the first attempt at the task. */
  readonly attempt: number;
}

export interface MapAttempt extends AttemptBase {
  readonly task: MapTask;
  /** Records to leave out, in order of (input, offset). */
  readonly skip: readonly RecordId[];
}

export interface ReduceAttempt extends AttemptBase {
  readonly task: ReduceTask;
  /** In order of map task; sections without records are left out. */
  readonly inputs: readonly ReduceInput[];
}

/** An attempt as it is handed to a worker. */
export type Assignment = MapAttempt | ReduceAttempt;

/**
 * How far an attempt is. The numbers only grow; a change of any of them is a sign of progress,
 * which is what the time-out counts from.
 */
export interface Progress {
  /** Input bytes handed to the app so far: of the splits, or of the sorted runs. */
  readonly bytes: number;
  /** Records (map) or keys (reduce) that the app has finished. */
  readonly records: number;
  /** Pairs emitted. */
  readonly pairs: number;
  /**
   * The record in hand, where the app goes record by record (`skipBadRecords`). The last report
   * before a stall names the record that stalls, so that an attempt that is aborted can be charged
   * to it.
   */
  readonly record?: RecordId;
}

/** What one attempt did. Only the winning attempt of each task is counted in the job's totals. */
export interface Counters {
  readonly bytesIn: number;
  readonly recordsIn: number;
  readonly pairsOut: number;
  readonly bytesOut: number;
  /** Times that a full buffer was written to disk before the end. */
  readonly spills: number;
  /** User plus system time of the thread that ran it. */
  readonly cpuMicros: number;
}

/** Why an attempt failed. */
export type FailureKind =
  /** User code threw or rejected. */
  | 'exception'
  /** User code ended its thread. */
  | 'exit'
  /** The memory limit of the attempt was reached. */
  | 'memory'
  /** No progress for twice the time-out. */
  | 'timeout'
  /** A section of map output was missing, short or damaged: `lostMap` says whose. */
  | 'inputLost'
  /** Reading an input or writing a result failed. */
  | 'io'
  /** A key or value cannot be written in the output format; fails the job at once. */
  | 'badOutput'
  /** The app could not be loaded; fails the job at once. */
  | 'app';

export interface AttemptFailure {
  readonly kind: FailureKind;
  /** One line for the user: what happened, without a stack trace. */
  readonly message: string;
  /** The stack, for `--verbose`. */
  readonly stack?: string;
  /** The input file in hand, as reached, where one was. */
  readonly file?: string;
  /** The record in hand, where the app goes record by record. */
  readonly record?: RecordId;
  /** With `inputLost`: the attempt whose output is gone. */
  readonly lostMap?: AttemptId;
}

/** These say nothing that another attempt could change. */
export function isFatal(failure: AttemptFailure): boolean {
  return failure.kind === 'badOutput' || failure.kind === 'app';
}

/** A record that kills this many attempts is a bad one (MapReduce §4.6; the paper's is 2). */
export const RECORD_DEATHS_MAX = 3;

/** At most this many attempts at one task are live at once: the first and one backup (K10). */
export const LIVE_ATTEMPTS_MAX = 2;
