/**
 * Which task a worker that asks is given. In order: one that no attempt is live at, by index; one
 * whose attempt has made no progress for the time-out; one whose attempt is slow, near the end of
 * the phase (MapReduce §3.6). A task never has more than two live attempts.
 *
 * The policy for slow ones, so that a tail is cut and no storm begins (K10): no task of the phase
 * is idle; the task's one attempt has run for more than `SLOW_FACTOR` times the median of those
 * that are done; and either it is so far from its end, going by the input it has read, that
 * a new attempt would be done sooner, or it has run for `BACKUP_AFTER` of the time-out (a task
 * that tells nothing of its progress may just be one that takes long, and a second execution of
 * something short costs more than it can win).
 */
import type { MapAttempt, ReduceAttempt, ReduceInput } from './job-spec.js';
import { type Assignment, attemptId, LIVE_ATTEMPTS_MAX, type TaskKind } from './job-spec.js';
import { type JobContext, phaseOf } from './job-state.js';
import { tasksOf } from './job-tasks.js';
import type { LiveAttempt, TaskState } from './task.js';

/** An attempt that has run for this many medians is slow. */
export const SLOW_FACTOR = 2;
/** As tenths of the time-out: a slow attempt that does not tell how far it is gets a backup. */
export const BACKUP_AFTER_TENTHS = 6;

export interface Choice {
  readonly kind: TaskKind;
  readonly index: number;
  readonly reason: 'idle' | 'overdue' | 'slow';
}

/** What is to be given out next at this time; undefined when there is nothing. */
export function chooseTask(context: JobContext, now: number): Choice | undefined {
  const phase = phaseOf(context);
  if (phase === 'commit' || context.failure !== null || context.ended !== null) return undefined;
  const tasks = tasksOf(context, phase);
  const idle = tasks.find((task) => task.value === 'idle');
  if (idle !== undefined) return { kind: phase, index: idle.context.index, reason: 'idle' };
  const running = tasks.filter(
    (task) => task.value === 'running' && task.context.live.length < LIVE_ATTEMPTS_MAX,
  );
  const overdue = longestWaiting(running, now - context.spec.taskTimeoutMicros);
  if (overdue !== undefined) return { kind: phase, index: overdue, reason: 'overdue' };
  const slow = slowest(context, phase, running, now);
  return slow === undefined ? undefined : { kind: phase, index: slow, reason: 'slow' };
}

function onlyAttempt(task: TaskState): LiveAttempt {
  const [attempt] = task.context.live;
  if (attempt === undefined) throw new Error('a running task has a live attempt');
  return attempt;
}

/** Of those without progress since before `since`, the one whose progress is the oldest. */
function longestWaiting(running: readonly TaskState[], since: number): number | undefined {
  let found: number | undefined;
  let oldest = since;
  for (const task of running) {
    const { progressAt } = onlyAttempt(task);
    if (progressAt > oldest || (progressAt === oldest && found !== undefined)) continue;
    oldest = progressAt;
    found = task.context.index;
  }
  return found;
}

function slowest(
  context: JobContext,
  kind: TaskKind,
  running: readonly TaskState[],
  now: number,
): number | undefined {
  if (running.length === 0) return undefined;
  const median = medianDuration(tasksOf(context, kind));
  if (median === undefined) return undefined;
  const after = Math.trunc((context.spec.taskTimeoutMicros * BACKUP_AFTER_TENTHS) / 10);
  let found: number | undefined;
  let earliest = now + 1;
  for (const task of running) {
    const attempt = onlyAttempt(task);
    const elapsed = now - attempt.startedAt;
    if (elapsed <= SLOW_FACTOR * median || attempt.startedAt >= earliest) continue;
    const rest = remaining(attempt, inputBytes(context, kind, task.context.index), elapsed);
    if (elapsed < after && rest <= median) continue;
    earliest = attempt.startedAt;
    found = task.context.index;
  }
  return found;
}

/** The lower median of how long the phase's winners took; undefined when there is none yet. */
function medianDuration(tasks: readonly TaskState[]): number | undefined {
  const durations: number[] = [];
  for (const task of tasks) {
    if (task.context.winner !== null) durations.push(task.context.winner.durationMicros);
  }
  durations.sort((a, b) => a - b);
  return durations[Math.trunc((durations.length - 1) / 2)];
}

/** How much longer an attempt needs at its pace so far; 0 when it has not told its pace. */
function remaining(attempt: LiveAttempt, bytesTotal: number, elapsed: number): number {
  const { bytes } = attempt.progress;
  if (bytes <= 0 || bytes >= bytesTotal) return 0;
  return Math.trunc((elapsed * (bytesTotal - bytes)) / bytes);
}

function inputBytes(context: JobContext, kind: TaskKind, index: number): number {
  if (kind === 'map') return context.plan[index]?.bytes ?? 0;
  let bytes = 0;
  for (const map of context.maps) bytes += map.context.winner?.files[index]?.bytes ?? 0;
  return bytes;
}

/** All that a worker needs to run an attempt at this task, made anew each time it is told. */
export function assignmentOf(
  context: JobContext,
  kind: TaskKind,
  index: number,
  attempt: number,
): Assignment {
  const id = attemptId(kind, index, attempt);
  if (kind === 'reduce') {
    const inputs = inputsOf(context, index);
    return { id, attempt, task: { kind, index }, inputs } satisfies ReduceAttempt;
  }
  const task = context.plan[index];
  if (task === undefined) throw new Error(`there is no map task ${index}`);
  const skip = context.maps[index]?.context.skip ?? [];
  return { id, attempt, task, skip } satisfies MapAttempt;
}

/** The sections of a partition, in the order of the input, each pinned to its map's winner. */
function inputsOf(context: JobContext, partition: number): readonly ReduceInput[] {
  const inputs: ReduceInput[] = [];
  for (const map of context.maps) {
    const { winner, index } = map.context;
    if (winner === null)
      throw new Error(`reduce ${partition} needs map ${index}, which is not done`);
    const file = winner.files.find((it) => it.partition === partition);
    if (file !== undefined && file.records > 0) {
      inputs.push({ map: index, attempt: winner.id, file });
    }
  }
  return inputs;
}
