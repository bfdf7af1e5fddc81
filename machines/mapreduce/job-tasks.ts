/**
 * The job's tasks: steps one task's chart and draws the consequences for the job, which are the
 * counts of done tasks, the tally, the job's failure, and a new epoch when a map that ran again
 * made something else.
 */
import {
  type AttemptFailure,
  type AttemptId,
  parseAttemptId,
  type ResultFile,
  type TaskKind,
} from './job-spec.js';
import { type JobContext, noted, tallied } from './job-state.js';
import { type JobFailure, nameInputs, type Tally, type WorkerId } from './messages.js';
import {
  type AttemptEnd,
  type LiveAttempt,
  stepTask,
  type TaskEffect,
  type TaskEvent,
  type TaskState,
} from './task.js';

export function tasksOf(context: JobContext, kind: TaskKind): readonly TaskState[] {
  return kind === 'map' ? context.maps : context.reduces;
}

/** The attempt, if it is live and this life of this worker is the one on record for it. */
export function liveAttemptOf(
  context: JobContext,
  { worker, incarnation }: WorkerId,
  id: AttemptId,
): LiveAttempt | undefined {
  const attempt = liveAttempt(context, id);
  const isOnRecord = attempt?.worker === worker && attempt.incarnation === incarnation;
  return isOnRecord ? attempt : undefined;
}

export function liveAttempt(context: JobContext, id: AttemptId): LiveAttempt | undefined {
  const parts = parseAttemptId(id);
  if (parts === undefined) return undefined;
  const task = tasksOf(context, parts.kind)[parts.index];
  return task?.context.live.find((attempt) => attempt.id === id);
}

/** Gives an event to the task that the attempt belongs to. */
export function changeTaskOf(context: JobContext, id: AttemptId, event: TaskEvent): JobContext {
  const parts = parseAttemptId(id);
  if (parts === undefined) throw new Error(`'${id}' names no attempt`);
  return changeTask(context, parts.kind, parts.index, event);
}

/** Steps one task. The task must exist. */
export function changeTask(
  context: JobContext,
  kind: TaskKind,
  index: number,
  event: TaskEvent,
): JobContext {
  const before = tasksOf(context, kind)[index];
  if (before === undefined) throw new Error(`there is no ${kind} task ${index}`);
  const [after, effects] = stepTask(before, event);
  if (after.context === before.context && after.value === before.value) return context;
  let next = replaceTask(context, kind, index, after);
  for (const effect of effects) next = noteEffect(next, effect);
  if (after.value === 'failed' && next.failure === null) {
    next = { ...next, failure: describeFailure(next, kind, index, after) };
  }
  const isNewlyDone = after.value === 'done' && before.value !== 'done';
  return isNewlyDone && kind === 'map' && hasOtherOutput(after) ? changeEpoch(next) : next;
}

function replaceTask(
  context: JobContext,
  kind: TaskKind,
  index: number,
  task: TaskState,
): JobContext {
  const tasks = tasksOf(context, kind).slice();
  const wasDone = tasks[index]?.value === 'done' ? 1 : 0;
  tasks[index] = task;
  const change = (task.value === 'done' ? 1 : 0) - wasDone;
  return kind === 'map'
    ? { ...context, maps: tasks, mapsDone: context.mapsDone + change }
    : { ...context, reduces: tasks, reducesDone: context.reducesDone + change };
}

function noteEffect(context: JobContext, effect: TaskEffect): JobContext {
  if (effect.type === 'attemptEnded') {
    const names = namesOfEnd(effect.end, effect.attempt.isBackup);
    const counted = names.length === 0 ? context : tallied(context, ...names);
    const message = messageOfEnd(context, effect);
    return message === undefined ? counted : noted(counted, 'info', message);
  }
  const { record, cause } = effect;
  const { input, offset } = record;
  const skipped = { input, offset, file: fileOf(context, input), message: cause.message };
  return { ...context, skipped: [...context.skipped, skipped] };
}

function messageOfEnd(
  context: JobContext,
  { attempt, end, failure }: Extract<TaskEffect, { type: 'attemptEnded' }>,
): string | undefined {
  const parts = parseAttemptId(attempt.id);
  if (parts === undefined || end === 'won' || end === 'outrun') return undefined;
  const input = parts.kind === 'map' ? nameInputs(context.plan[parts.index]?.splits ?? []) : '';
  const task = `${parts.kind} task ${parts.index}${input === '' ? '' : ` (${input})`}`;
  const who = `${task}, attempt ${parts.attempt} on ${attempt.worker}`;
  if (end === 'silent') return `${who}: nothing heard of the worker`;
  return failure === null ? `${who}: taken back` : `${who}: ${failure.message}`;
}

function namesOfEnd(end: AttemptEnd, isBackup: boolean): readonly (keyof Tally)[] {
  switch (end) {
    case 'won':
      return isBackup ? ['backupsWon'] : [];
    case 'outrun':
      return isBackup ? ['backupsLost'] : [];
    case 'failed':
      return ['failures'];
    case 'timedOut':
      return ['failures', 'timeouts'];
    case 'silent':
      return ['silences'];
    case 'revoked':
      return ['revocations'];
  }
}

function fileOf(context: JobContext, input: number): string {
  for (const task of context.plan) {
    const split = task.splits.find((it) => it.input === input);
    if (split !== undefined) return split.file;
  }
  return `input ${input}`;
}

/** The map ran before, readers may have used what it made, and this is something else. */
function hasOtherOutput({ context: { winner, lost } }: TaskState): boolean {
  if (winner === null || lost === null || winner.files.length !== lost.files.length) {
    return lost !== null;
  }
  return winner.files.some((file, i) => !isSameContent(file, lost.files[i]));
}

function isSameContent(a: ResultFile, b: ResultFile | undefined): boolean {
  return (
    b !== undefined &&
    a.partition === b.partition &&
    a.bytes === b.bytes &&
    a.records === b.records &&
    a.checksum === b.checksum
  );
}

/**
 * Voids all reduce work: with an app whose map is not deterministic, outputs made of two different
 * generations of a map would not be the output of any run (K5, as SPARK-23243 found).
 */
function changeEpoch(context: JobContext): JobContext {
  let next: JobContext = { ...context, epoch: context.epoch + 1 };
  for (const task of context.reduces) {
    if (task.value !== 'running' && task.value !== 'done') continue;
    next = changeTask(next, 'reduce', task.context.index, { type: 'inputChanged' });
    next = tallied(next, 'reducesReset');
  }
  return next;
}

/** A reduce attempt could not read what `lost` made: that map must run again (MapReduce §3.3). */
export function loseMapOutput(
  context: JobContext,
  lost: AttemptId | undefined,
  failure: AttemptFailure,
): JobContext {
  const parts = lost === undefined ? undefined : parseAttemptId(lost);
  if (lost === undefined || parts?.kind !== 'map') return context;
  const task = context.maps[parts.index];
  if (task?.context.winner?.id !== lost) return context;
  const event = { type: 'outputLost', attempt: lost, failure } as const;
  return tallied(changeTask(context, 'map', parts.index, event), 'mapsLost');
}

function describeFailure(
  context: JobContext,
  kind: TaskKind,
  index: number,
  task: TaskState,
): JobFailure {
  const { lastFailure: cause, failuresCount } = task.context;
  if (cause === null) throw new Error(`${kind} task ${index} failed without a failure`);
  const splits = context.plan[index]?.splits ?? [];
  const input = kind === 'map' ? ` (${cause.file ?? nameInputs(splits)})` : '';
  const times = failuresCount === 1 ? 'failed' : `failed ${failuresCount} times`;
  const advice =
    cause.kind === 'timeout' ? '; if it is only slow, give it more time with --task-timeout' : '';
  return { message: `${kind} task ${index}${input} ${times}: ${cause.message}${advice}`, cause };
}
