/**
 * What must hold of the coordinator's state at any time, and of any one step. The simulator runs
 * both after every step; each returns what is wrong, or undefined.
 */
import { type JobContext, phaseOf } from './job-state.js';
import type { LiveAttempt, TaskContext, TaskState } from './task.js';

/** Stated here again, so that a slip in the machine's own constant is seen (K10). */
const LIVE_ATTEMPTS_ALLOWED = 2;

/** The coordinator's snapshot as the host sees it. */
export interface JobSnapshot {
  readonly value: unknown;
  readonly context: JobContext;
}

/** Checks one state. */
export function checkState({ value, context }: JobSnapshot): string | undefined {
  return (
    checkCounts(context) ??
    checkPhase(pathOf(value), context) ??
    firstOf(context.maps, (task) => checkTask(task, context)) ??
    firstOf(context.reduces, (task) => checkTask(task, context)) ??
    checkWorkers(context) ??
    checkGone(context)
  );
}

/** Checks one step. */
export function checkDelta(before: JobSnapshot, after: JobSnapshot): string | undefined {
  const [a, b] = [before.context, after.context];
  return (
    checkOrder(pathOf(before.value), pathOf(after.value), a, b) ??
    checkTally(a, b) ??
    firstOf(b.maps, (task, i) => checkTaskDelta(a.maps[i], task, a, b)) ??
    firstOf(b.reduces, (task, i) => checkTaskDelta(a.reduces[i], task, a, b))
  );
}

function firstOf<T>(
  items: readonly T[],
  check: (item: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const wrong = check(item, index);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** `working.mapping` of `{ working: 'mapping' }`. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[parent, child] = ['', '']] = Object.entries(value as Record<string, string>);
  return `${parent}.${child}`;
}

/** Done tasks are counted once (K7). */
function checkCounts(context: JobContext): string | undefined {
  const done = (tasks: readonly TaskState[]) => tasks.filter((it) => it.value === 'done').length;
  if (done(context.maps) !== context.mapsDone) {
    return `${context.mapsDone} maps are counted as done, and ${done(context.maps)} are`;
  }
  if (done(context.reduces) !== context.reducesDone) {
    return `${context.reducesDone} reduces are counted as done, and ${done(context.reduces)} are`;
  }
  return undefined;
}

const PHASE_STATES = {
  map: 'working.mapping',
  reduce: 'working.reducing',
  commit: 'working.committing',
};

/** The chart is in the phase that the tasks say (K11). */
function checkPhase(path: string, context: JobContext): string | undefined {
  if (path.startsWith('ended.')) {
    if (path === `ended.${context.ended}`) return undefined;
    return `the chart is in ${path} and the outcome is ${context.ended}`;
  }
  if (context.ended !== null || context.failure !== null)
    return `the job is in ${path} past its end`;
  const expected = PHASE_STATES[phaseOf(context)];
  return path === expected ? undefined : `the chart is in ${path} instead of ${expected}`;
}

function nameOf({ context }: TaskState): string {
  return `${context.kind} ${context.index}`;
}

function checkTask(task: TaskState, job: JobContext): string | undefined {
  const { live, winner, failuresCount, limits, attemptsCount } = task.context;
  const name = nameOf(task);
  if (live.length > LIVE_ATTEMPTS_ALLOWED) return `${name} has ${live.length} live attempts`;
  if (new Set(live.map((it) => it.id)).size < live.length) return `${name} has one attempt twice`;
  if (live.length > 0 && task.value !== 'running') {
    return `${name} is ${task.value} with live attempts`;
  }
  if (live.length === 0 && task.value === 'running') return `${name} runs without an attempt`;
  if ((winner !== null) !== (task.value === 'done')) return `${name} is ${task.value} and has won`;
  if (live.length > attemptsCount) return `${name} has attempts that were never given out`;
  if (task.value !== 'failed' && failuresCount >= limits.maxAttempts) {
    return `${name} has failed ${failuresCount} times and goes on`;
  }
  return winner === null ? undefined : checkWinner(task, job);
}

function checkWinner(task: TaskState, job: JobContext): string | undefined {
  const { kind, winner, index } = task.context;
  const name = nameOf(task);
  if (kind === 'reduce') {
    if (winner?.epoch !== job.epoch) return `${name} was made of another generation of maps (K5)`;
    return winner.files[0]?.partition === index ? undefined : `${name} has another's result`;
  }
  const partitions = winner?.files.map((file) => file.partition).join();
  const all = job.reduces.map((reduce) => reduce.context.index).join();
  return partitions === all ? undefined : `${name} does not have a file for each partition`;
}

/** A life that is over has no attempt and waits for nothing. */
function checkGone(context: JobContext): string | undefined {
  const ghost = Object.entries(context.workers).find(
    ([, { isGone, attempt, parked }]) => isGone && (attempt !== null || parked !== null),
  );
  return ghost === undefined ? undefined : `worker ${ghost[0]} is gone and has something still`;
}

/** Every live attempt is on record for one worker in its present life, and each has at most one. */
function checkWorkers(context: JobContext): string | undefined {
  const seen = new Set<string>();
  return firstOf([...context.maps, ...context.reduces], (task) =>
    firstOf(task.context.live, (attempt) => {
      const record = context.workers[attempt.worker];
      if (seen.has(attempt.worker)) return `worker ${attempt.worker} has two live attempts`;
      seen.add(attempt.worker);
      const isOnRecord =
        record?.attempt === attempt.id && record.incarnation === attempt.incarnation;
      return isOnRecord ? undefined : `${attempt.id} is not on ${attempt.worker}'s record`;
    }),
  );
}

/** Phases follow each other; only a lost map leads back. Nothing follows the end. */
function checkOrder(
  from: string,
  to: string,
  before: JobContext,
  after: JobContext,
): string | undefined {
  if (from === to) return undefined;
  if (from.startsWith('ended.')) return `the job left its end: ${from} to ${to}`;
  const isBack = to === 'working.mapping' || from === 'working.committing';
  if (to.startsWith('working.') && isBack && after.tally.mapsLost === before.tally.mapsLost) {
    return `the job went from ${from} back to ${to} though no map was lost`;
  }
  if (to === 'ended.succeeded' && from !== 'working.committing') return `${from} led to success`;
  return undefined;
}

function checkTally(before: JobContext, after: JobContext): string | undefined {
  const shrank = (Object.keys(before.tally) as (keyof JobContext['tally'])[]).find(
    (name) => after.tally[name] < before.tally[name],
  );
  return shrank === undefined ? undefined : `the tally of ${shrank} went down`;
}

function checkTaskDelta(
  before: TaskState | undefined,
  after: TaskState,
  jobBefore: JobContext,
  job: JobContext,
): string | undefined {
  if (before === undefined || before === after) return undefined;
  const [was, is] = [before.context, after.context];
  const name = nameOf(after);
  if (is.attemptsCount < was.attemptsCount) return `${name} gave out fewer attempts than before`;
  if (was.winner !== null && is.winner !== was.winner) {
    const isAllowed = is.kind === 'map' ? is.lost === was.winner : job.epoch > jobBefore.epoch;
    if (!isAllowed) return `${name} was won by ${was.winner.id} and then again`;
  }
  const known = new Set(was.live.map((attempt) => attempt.id));
  return firstOf(
    is.live.filter((attempt) => !known.has(attempt.id)),
    (attempt) => checkGiven(is, attempt, job),
  );
}

/** What was given out in this step. */
function checkGiven(
  { kind, live }: TaskContext,
  attempt: LiveAttempt,
  job: JobContext,
): string | undefined {
  if (kind === 'reduce' && job.mapsDone < job.maps.length) {
    return `${attempt.id} was given out while a map was not done (K11)`;
  }
  const tasks = kind === 'map' ? job.maps : job.reduces;
  if (attempt.isBackup && tasks.some((task) => task.value === 'idle')) {
    return `${attempt.id} was given out as a second attempt while a task was idle (K10)`;
  }
  const isSameWorker = live.some((it) => it !== attempt && it.worker === attempt.worker);
  return isSameWorker ? `${attempt.id} was given to the worker that has the other one` : undefined;
}
