/**
 * What workers and clients ask of the coordinator, and its answers. Workers only ask: a worker
 * needs no address but the coordinator's, and a lost answer is asked for again. Every call carries
 * who asks and which life of it, so that the coordinator can tell a repeated call from a new one
 * and a new life from the one that died.
 */
import type {
  Assignment,
  AttemptFailure,
  AttemptId,
  Counters,
  JobSpec,
  Progress,
  RecordId,
  ResultFile,
  Split,
} from './job-spec.js';

type Micros = number;

/** Who asks: an actor's name, and its incarnation (1 for its first life). */
export interface WorkerId {
  readonly worker: string;
  readonly incarnation: number;
}

/** `workerConfig`: a worker's first call. */
export type WorkerConfig = WorkerId;

export interface WorkerConfigResult {
  readonly spec: JobSpec;
  readonly timings: WorkerTimings;
}

/** How a worker is to behave; derived from the task time-out (`timingsOf`). */
export interface WorkerTimings {
  /** A running attempt is spoken of this often. */
  readonly beatMicros: Micros;
  /** The coordinator keeps a worker that asks waiting for at most this long. */
  readonly parkMicros: Micros;
  /** A worker gives up on an answer after this long, beyond `parkMicros`. */
  readonly callTimeoutMicros: Micros;
}

/** What became of the attempt that the worker had. */
export type Report =
  | {
      readonly type: 'finished';
      readonly attempt: AttemptId;
      readonly files: readonly ResultFile[];
      readonly counters: Counters;
    }
  | { readonly type: 'failed'; readonly attempt: AttemptId; readonly failure: AttemptFailure };

/**
 * `nextTask`: a worker that has nothing to run asks for something, reporting what it ran before.
 * `sequence` is 1 for the first call of a life and one more for each new one; a call that is
 * repeated for want of an answer keeps its number, and changes nothing the second time.
 */
export interface NextTask extends WorkerId {
  readonly sequence: number;
  readonly previous: Report | null;
}

export interface NextTaskResult {
  readonly sequence: number;
  /** `rejected`: somebody else has won, or it took too long; its files are of no use. */
  readonly previous: 'accepted' | 'rejected' | 'none';
  readonly next:
    | { readonly type: 'task'; readonly assignment: Assignment }
    | { readonly type: 'wait'; readonly micros: Micros }
    | { readonly type: 'terminate' };
}

/** `taskProgress`: the worker runs the attempt still; the numbers may be the same as before. */
export interface TaskProgress extends WorkerId {
  readonly attempt: AttemptId;
  readonly progress: Progress;
}

export interface TaskProgressResult {
  readonly attempt: AttemptId;
  /** `abort`: the attempt can no longer win. */
  readonly verdict: 'continue' | 'abort';
}

/**
 * `workerLost`: a message without an answer, from whoever saw a worker's thread die, so that its
 * attempt is given again at once. Nothing depends on its arrival: a worker that is silent without
 * such news is found by the time-out.
 */
export type WorkerLost = WorkerId;

/** `jobStatus`: the client asks how it stands, and tells what it has done meanwhile. */
export type ClientNews =
  | { readonly type: 'none' }
  /** All output stands under its final names. */
  | { readonly type: 'committed' }
  | { readonly type: 'commitFailed'; readonly message: string }
  /** The caller wants no result any more. */
  | { readonly type: 'cancel' };

export type JobPhase = 'map' | 'reduce' | 'commit' | 'succeeded' | 'failed' | 'cancelled';

export interface TaskCounts {
  readonly total: number;
  readonly done: number;
  readonly running: number;
}

/** What happened that is not in the totals of the winners. All only grow. */
export interface Tally {
  /** Attempts given to workers. */
  readonly attempts: number;
  /** Attempts given out because the one before made no progress for the time-out. */
  readonly reissues: number;
  /** Attempts given out because the one before was slow (MapReduce §3.6). */
  readonly backups: number;
  /** Second attempts that finished first. */
  readonly backupsWon: number;
  /** Second attempts that were outrun by the first. */
  readonly backupsLost: number;
  readonly failures: number;
  /** Attempts ended after twice the time-out: hanging ones, and those of silent workers. */
  readonly timeouts: number;
  readonly silences: number;
  /** Attempts taken back from a worker that died or let go of them. */
  readonly revocations: number;
  /** Lives of workers whose end was told. */
  readonly lostWorkers: number;
  /** Reports about an attempt that was not, or no longer, the worker's. */
  readonly rejectedReports: number;
  /** Calls that came again, and calls that came too late to matter. */
  readonly repeatedCalls: number;
  readonly staleCalls: number;
  /** Done map tasks that ran again because their output was gone. */
  readonly mapsLost: number;
  /** Reduce tasks that ran again because a map's second output was not like its first. */
  readonly reducesReset: number;
  readonly terminations: number;
}

/** A bad record that was left out. */
export interface SkippedRecord extends RecordId {
  readonly file: string;
  /** Why its attempts failed. */
  readonly message: string;
}

/** Totals of one phase. */
export interface PhaseReport extends Counters {
  readonly tasks: number;
  readonly attempts: number;
  /** Attempts that failed, timed out, or were lost with their worker. */
  readonly retries: number;
  /** Attempts given out while another one at the task was live. */
  readonly backups: number;
  readonly wallMicros: Micros;
}

export interface JobReport {
  readonly map: PhaseReport;
  readonly reduce: PhaseReport;
  readonly commitWallMicros: Micros;
  readonly tally: Tally;
  readonly skipped: readonly SkippedRecord[];
}

/** Why a job failed for good. */
export interface JobFailure {
  /** One line for the user, which says what to do where something can be done. */
  readonly message: string;
  readonly cause: AttemptFailure | null;
}

/** What a user may want to know while the job runs. */
export interface Note {
  readonly level: 'info' | 'warn';
  /** One line. */
  readonly message: string;
}

export interface JobStatusResult {
  readonly phase: JobPhase;
  readonly maps: TaskCounts;
  readonly reduces: TaskCounts;
  /** Input bytes of map tasks that are done or read, of all. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly workers: number;
  readonly tally: Tally;
  /** How many notes there have been, and the latest of them. */
  readonly notesCount: number;
  readonly notes: readonly Note[];
  /** In `commit` and `succeeded`: one file per partition, in order; else empty. */
  readonly results: readonly ResultFile[];
  /** Once the job has ended. */
  readonly report: JobReport | null;
  readonly failure: JobFailure | null;
}

/** The names of a task's inputs for a message: `a.txt`, or `a.txt and 3 more`. */
export function nameInputs(splits: readonly Split[]): string {
  const files = [...new Set(splits.map((split) => split.file))];
  const [first = 'no input'] = files;
  return files.length > 1 ? `${first} and ${files.length - 1} more` : first;
}
