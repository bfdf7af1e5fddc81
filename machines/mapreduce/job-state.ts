/**
 * The coordinator's state and what can happen to it. Plain data, changed by pure functions and by
 * nothing else: time enters with each event and no order depends on a hash, so that the same
 * events make the same state on every replica of it.
 */
import type { ReplyTo } from './effects.js';
import type { AttemptId, JobSpec, MapTask } from './job-spec.js';
import type {
  JobFailure,
  NextTask,
  NextTaskResult,
  Note,
  SkippedRecord,
  Tally,
  TaskProgress,
  WorkerConfig,
  WorkerId,
  WorkerTimings,
} from './messages.js';
import { initialTask, type TaskLimits, type TaskState } from './task.js';

type Micros = number;

/** What the coordinator knows of a worker, whatever life it is in. */
export interface WorkerRecord {
  /** The latest life that was heard of; calls of earlier ones are not answered. */
  readonly incarnation: number;
  /** The number of its latest `nextTask`; 0 before the first. */
  readonly sequence: number;
  /** What that call was told of the attempt that it reported. */
  readonly verdict: NextTaskResult['previous'];
  /** What it was given; live or not. At most one attempt of a worker is live. */
  readonly attempt: AttemptId | null;
  /** It asked and there was nothing to give: the call waits here for up to `parkMicros`. */
  readonly parked: { readonly replyTo: ReplyTo; readonly since: Micros } | null;
  /** This life is known to be over: what it had has been taken back, and it is given nothing. */
  readonly isGone: boolean;
}

export interface JobContext {
  readonly spec: JobSpec;
  readonly timings: WorkerTimings;
  /** The map tasks' inputs, by index. */
  readonly plan: readonly MapTask[];
  readonly maps: readonly TaskState[];
  readonly reduces: readonly TaskState[];
  /** How many of them are done now: the phase depends on these (K7, K11). */
  readonly mapsDone: number;
  readonly reducesDone: number;
  /**
   * One more each time that a map which ran again made something else than before. Reduces of an
   * earlier epoch are void, so that all output is made from one generation of every map (K5).
   */
  readonly epoch: number;
  /** By name. Workers that have gone are kept: their number is bounded by those ever spawned. */
  readonly workers: Readonly<Record<string, WorkerRecord>>;
  readonly tally: Tally;
  readonly skipped: readonly SkippedRecord[];
  /** The latest `NOTES_MAX` notes, and how many there have been; older ones are dropped. */
  readonly notes: readonly Note[];
  readonly notesCount: number;
  readonly ended: 'succeeded' | 'failed' | 'cancelled' | null;
  readonly failure: JobFailure | null;
  /** When the present phase began, and how long each has taken before. */
  readonly phaseSince: Micros;
  readonly wallMicros: { readonly map: Micros; readonly reduce: Micros; readonly commit: Micros };
}

interface Asked {
  readonly now: Micros;
  readonly replyTo: ReplyTo;
}

export type JobEvent =
  | (Asked & { readonly type: 'configAsked'; readonly call: WorkerConfig })
  | (Asked & { readonly type: 'taskAsked'; readonly call: NextTask })
  | (Asked & { readonly type: 'progressReported'; readonly call: TaskProgress })
  | (Asked & { readonly type: 'statusAsked' })
  | { readonly type: 'outputCommitted'; readonly now: Micros }
  | { readonly type: 'commitFailed'; readonly now: Micros; readonly message: string }
  | { readonly type: 'jobCancelled'; readonly now: Micros }
  /** Somebody has seen this life of a worker end; may come late, twice, or never. */
  | { readonly type: 'workerLost'; readonly now: Micros; readonly worker: WorkerId }
  | { readonly type: 'sweepDue'; readonly now: Micros };

export interface JobInput {
  readonly spec: JobSpec;
  readonly plan: readonly MapTask[];
  readonly now: Micros;
}

/** The coordinator looks for attempts that are late this often. */
export function sweepMicros(spec: JobSpec): Micros {
  return Math.max(1_000, Math.min(500_000, Math.trunc(spec.taskTimeoutMicros / 20)));
}

export function timingsOf(spec: JobSpec): WorkerTimings {
  const tenth = Math.trunc(spec.taskTimeoutMicros / 10);
  return {
    beatMicros: Math.max(2_000, Math.min(1_000_000, tenth)),
    parkMicros: Math.max(5_000, Math.min(1_000_000, tenth)),
    callTimeoutMicros: 1_000_000,
  };
}

const NOTHING_HAPPENED: Tally = {
  attempts: 0,
  reissues: 0,
  backups: 0,
  backupsWon: 0,
  backupsLost: 0,
  failures: 0,
  timeouts: 0,
  silences: 0,
  revocations: 0,
  lostWorkers: 0,
  rejectedReports: 0,
  repeatedCalls: 0,
  staleCalls: 0,
  mapsLost: 0,
  reducesReset: 0,
  terminations: 0,
};

export function initialJob({ spec, plan, now }: JobInput): JobContext {
  const limits: TaskLimits = {
    maxAttempts: spec.maxAttempts,
    taskTimeoutMicros: spec.taskTimeoutMicros,
    skipBadRecords: spec.skipBadRecords && spec.splittable,
  };
  return {
    spec,
    timings: timingsOf(spec),
    plan,
    maps: plan.map((task) => initialTask('map', task.index, limits)),
    reduces: Array.from({ length: spec.reduces }, (_, i) => initialTask('reduce', i, limits)),
    mapsDone: 0,
    reducesDone: 0,
    epoch: 1,
    workers: {},
    tally: NOTHING_HAPPENED,
    skipped: [],
    notes: [],
    notesCount: 0,
    ended: null,
    failure: null,
    phaseSince: now,
    wallMicros: { map: 0, reduce: 0, commit: 0 },
  };
}

/** The phase that the counts say; the chart is in the state of that name. */
export function phaseOf(context: JobContext): 'map' | 'reduce' | 'commit' {
  if (context.mapsDone < context.maps.length) return 'map';
  return context.reducesDone < context.reduces.length ? 'reduce' : 'commit';
}

/** Adds one to some of the tally. */
export function tallied(context: JobContext, ...names: readonly (keyof Tally)[]): JobContext {
  const tally: Record<keyof Tally, number> = { ...context.tally };
  for (const name of names) tally[name]++;
  return { ...context, tally };
}

const NOTES_MAX = 20;

export function noted(context: JobContext, level: Note['level'], message: string): JobContext {
  const notes = [...context.notes, { level, message }].slice(-NOTES_MAX);
  return { ...context, notes, notesCount: context.notesCount + 1 };
}

/** Workers by name, in an order that is the same everywhere. */
export function workerNames(context: JobContext): readonly string[] {
  return Object.keys(context.workers).sort();
}

export function withWorker(context: JobContext, name: string, record: WorkerRecord): JobContext {
  return { ...context, workers: { ...context.workers, [name]: record } };
}
