/**
 * What happens to the attempts at one task: the reducers and guards of the `task` chart. An event
 * that names an attempt which is not live is late news and changes nothing: this, together with
 * the coordinator's check of the worker on record, is why no task is ever won twice (K1, K7).
 */
import { type Reduced, unchanged } from '../reducer.js';
import {
  type AttemptFailure,
  type AttemptId,
  attemptId,
  isFatal,
  LIVE_ATTEMPTS_MAX,
  type Progress,
  RECORD_DEATHS_MAX,
  type RecordId,
} from './job-spec.js';
import type { AttemptEnd, LiveAttempt, TaskContext, TaskEffect, TaskEvent } from './task.js';

type Result = Reduced<TaskContext, TaskEffect>;
type On<T extends TaskEvent['type']> = Extract<TaskEvent, { type: T }>;

export const NO_PROGRESS: Progress = { bytes: 0, records: 0, pairs: 0 };

export function hasWinner(context: TaskContext): boolean {
  return context.winner !== null;
}

export function hasNoLiveAttempt(context: TaskContext): boolean {
  return context.live.length === 0;
}

/** No further attempt is allowed, or none could help. */
export function isExhausted({ failuresCount, limits, lastFailure }: TaskContext): boolean {
  if (lastFailure === null) return false;
  return failuresCount >= limits.maxAttempts || isFatal(lastFailure);
}

export function assign(context: TaskContext, event: On<'attemptAssigned'>): Result {
  if (context.live.length >= LIVE_ATTEMPTS_MAX) {
    throw new Error(`task ${context.kind} ${context.index} has enough live attempts`);
  }
  const number = context.attemptsCount + 1;
  const attempt: LiveAttempt = {
    id: attemptId(context.kind, context.index, number),
    worker: event.worker,
    incarnation: event.incarnation,
    epoch: event.epoch,
    isBackup: context.live.length > 0,
    startedAt: event.now,
    progressAt: event.now,
    heardAt: event.now,
    progress: NO_PROGRESS,
  };
  const backupsCount = context.backupsCount + (attempt.isBackup ? 1 : 0);
  const live = [...context.live, attempt];
  return [{ ...context, attemptsCount: number, backupsCount, live }, []];
}

export function noteProgress(context: TaskContext, event: On<'attemptProgressed'>): Result {
  const attempt = find(context, event.attempt);
  if (attempt === undefined) return unchanged(context);
  const heard = { ...attempt, heardAt: event.now };
  const next = isFurther(event.progress, attempt.progress)
    ? { ...heard, progressAt: event.now, progress: event.progress }
    : { ...heard, progress: withLaterRecord(attempt.progress, event.progress) };
  return [{ ...context, live: context.live.map((it) => (it === attempt ? next : it)) }, []];
}

/** Reports can overtake each other; the numbers of an attempt only grow. */
function isFurther(next: Progress, last: Progress): boolean {
  return next.bytes > last.bytes || next.records > last.records || next.pairs > last.pairs;
}

/**
 * Between one record and the next only the record in hand changes: no progress, but should that
 * record never end, it is the one to blame.
 */
function withLaterRecord(last: Progress, next: Progress): Progress {
  const isSameCount = next.bytes === last.bytes && next.records === last.records;
  if (!isSameCount || next.pairs !== last.pairs || next.record === undefined) return last;
  const isLater = last.record === undefined || byPosition(next.record, last.record) > 0;
  return isLater ? { ...last, record: next.record } : last;
}

/** The first to finish wins; whoever else is live is outrun. */
export function finish(context: TaskContext, event: On<'attemptFinished'>): Result {
  const attempt = find(context, event.attempt);
  if (attempt === undefined) return unchanged(context);
  const winner = {
    id: attempt.id,
    files: event.files,
    counters: event.counters,
    durationMicros: event.now - attempt.startedAt,
    epoch: attempt.epoch,
  };
  const effects = context.live.map((it) => ended(it, it === attempt ? 'won' : 'outrun'));
  return [{ ...context, winner, live: [] }, effects];
}

export function fail(context: TaskContext, event: On<'attemptFailed'>): Result {
  const attempt = find(context, event.attempt);
  if (attempt === undefined) return unchanged(context);
  const [blamed, effects] = blame(without(context, attempt), event.failure);
  return [blamed, [ended(attempt, 'failed', event.failure), ...effects]];
}

export function revoke(context: TaskContext, event: On<'attemptRevoked'>): Result {
  const attempt = find(context, event.attempt);
  if (attempt === undefined) return unchanged(context);
  return [without(context, attempt), [ended(attempt, 'revoked')]];
}

/**
 * Ends what made no progress for twice the time-out. When the worker spoke of the attempt within
 * the last time-out, the attempt hangs, and that is a failure of it. When it did not, the worker
 * is dead or cut off, which says nothing about the task and is not counted against it.
 */
export function passDeadline(context: TaskContext, event: On<'deadlinePassed'>): Result {
  let next = context;
  const effects: TaskEffect[] = [];
  const { taskTimeoutMicros } = context.limits;
  for (const attempt of context.live) {
    if (event.now - attempt.progressAt < 2 * taskTimeoutMicros) continue;
    next = without(next, attempt);
    if (event.now - attempt.heardAt >= taskTimeoutMicros) {
      effects.push(ended(attempt, 'silent'));
      continue;
    }
    const failure = hanging(attempt, taskTimeoutMicros);
    const [blamed, more] = blame(next, failure);
    next = blamed;
    effects.push(ended(attempt, 'timedOut', failure), ...more);
  }
  return [next, effects];
}

/** Counted as a failure: an output that is lost again and again must not run the job for ever. */
export function loseOutput(context: TaskContext, event: On<'outputLost'>): Result {
  const { winner } = context;
  if (winner === null || winner.id !== event.attempt) {
    throw new Error(`${event.attempt} is not the winner whose output could be lost`);
  }
  const [blamed, effects] = blame({ ...context, winner: null, lost: winner }, event.failure);
  return [blamed, effects];
}

export function reset(context: TaskContext): Result {
  return dropLive({ ...context, winner: null });
}

/** Gives up what runs still. */
export function dropLive(context: TaskContext): Result {
  const retriesCount = context.retriesCount + context.live.length;
  return [
    { ...context, live: [], retriesCount },
    context.live.map((attempt) => ended(attempt, 'revoked')),
  ];
}

function hanging(attempt: LiveAttempt, taskTimeoutMicros: number): AttemptFailure {
  const milliseconds = Math.round((2 * taskTimeoutMicros) / 1000);
  const { record } = attempt.progress;
  return {
    kind: 'timeout',
    message: `no progress for ${milliseconds} ms`,
    ...(record === undefined ? {} : { record }),
  };
}

/**
 * Counts a failure. Once a record has killed `RECORD_DEATHS_MAX` attempts and skipping is on, it
 * is left out from now on (MapReduce §4.6), and these failures no longer count: their cause is
 * gone, and a split with many bad records can still be finished.
 */
function blame(context: TaskContext, failure: AttemptFailure): Result {
  const counted = {
    ...context,
    failuresCount: context.failuresCount + 1,
    lastFailure: failure,
  };
  const { record } = failure;
  if (record === undefined || !context.limits.skipBadRecords) return [counted, []];
  // A backup that began before the record was skipped can still die of it.
  if (context.skip.some((it) => isSame(it, record))) return [context, []];
  const deaths = withDeath(context.deaths, record);
  const count = deaths.find((it) => isSame(it.record, record))?.count ?? 0;
  if (count < RECORD_DEATHS_MAX) return [{ ...counted, deaths }, []];
  return [
    {
      ...counted,
      failuresCount: Math.max(0, counted.failuresCount - count),
      deaths: deaths.filter((it) => !isSame(it.record, record)),
      skip: [...context.skip, record].sort(byPosition),
    },
    [{ type: 'recordSkipped', record, cause: failure }],
  ];
}

function withDeath(deaths: TaskContext['deaths'], record: RecordId): TaskContext['deaths'] {
  const known = deaths.some((it) => isSame(it.record, record));
  if (!known) return [...deaths, { record, count: 1 }];
  return deaths.map((it) => (isSame(it.record, record) ? { record, count: it.count + 1 } : it));
}

function isSame(a: RecordId, b: RecordId): boolean {
  return a.input === b.input && a.offset === b.offset;
}

function byPosition(a: RecordId, b: RecordId): number {
  return a.input - b.input || a.offset - b.offset;
}

function find(context: TaskContext, id: AttemptId): LiveAttempt | undefined {
  return context.live.find((attempt) => attempt.id === id);
}

/** Without an attempt that came to nothing. */
function without(context: TaskContext, gone: LiveAttempt): TaskContext {
  const live = context.live.filter((attempt) => attempt.id !== gone.id);
  return { ...context, live, retriesCount: context.retriesCount + 1 };
}

function ended(
  attempt: LiveAttempt,
  end: AttemptEnd,
  failure: AttemptFailure | null = null,
): TaskEffect {
  return { type: 'attemptEnded', attempt, end, failure };
}
