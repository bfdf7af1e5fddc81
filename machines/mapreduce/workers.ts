/**
 * The coordinator's side of the workers' calls. Calls may be lost, repeated, late or overtaken, and
 * workers may die and come back: what a call means is decided by the life and the sequence number
 * that it carries and by the attempt on record, never by when it arrives.
 */
import { type Reduced, unchanged } from '../reducer.js';
import { assignmentOf, type Choice, chooseTask } from './assignment.js';
import type { Answer, JobEffect, ReplyTo } from './effects.js';
import { parseAttemptId } from './job-spec.js';
import {
  type JobContext,
  type JobEvent,
  phaseOf,
  tallied,
  type WorkerRecord,
  withWorker,
  workerNames,
} from './job-state.js';
import {
  changeTask,
  changeTaskOf,
  liveAttempt,
  liveAttemptOf,
  loseMapOutput,
  tasksOf,
} from './job-tasks.js';
import type { NextTask, NextTaskResult, Report, WorkerId } from './messages.js';

type Result = Reduced<JobContext, JobEffect>;
type On<T extends JobEvent['type']> = Extract<JobEvent, { type: T }>;

const NEW_LIFE = {
  sequence: 0,
  verdict: 'none',
  attempt: null,
  parked: null,
  isGone: false,
} as const;

export function reply(replyTo: ReplyTo, answer: Answer): JobEffect {
  return { type: 'reply', replyTo, answer };
}

/**
 * Makes sure that the worker is known in this life, and takes back what an earlier life had: the
 * thread that ran it is gone. Undefined when the call comes from a life that is over.
 */
function admit(context: JobContext, { worker, incarnation }: WorkerId): JobContext | undefined {
  const record = context.workers[worker];
  if (record === undefined) return withWorker(context, worker, { incarnation, ...NEW_LIFE });
  if (record.incarnation > incarnation) return undefined;
  if (record.incarnation === incarnation) return record.isGone ? undefined : context;
  const free = release(context, record);
  return withWorker(free, worker, { incarnation, ...NEW_LIFE });
}

/** Takes the worker's attempt back, if it is live still. */
function release(context: JobContext, record: WorkerRecord): JobContext {
  if (record.attempt === null || liveAttempt(context, record.attempt) === undefined) return context;
  const event = { type: 'attemptRevoked', attempt: record.attempt } as const;
  return changeTaskOf(context, record.attempt, event);
}

/** Takes back what a life had that is over. It may be news of a worker that has not called yet. */
export function loseWorker(context: JobContext, event: On<'workerLost'>): Result {
  const { worker, incarnation } = event.worker;
  const record = context.workers[worker];
  const isOld = record !== undefined && record.incarnation > incarnation;
  const isKnown = record?.incarnation === incarnation && record.isGone;
  if (isOld || isKnown) return unchanged(context);
  const free = record === undefined ? context : release(context, record);
  const gone = { ...NEW_LIFE, incarnation, isGone: true };
  return serve(tallied(withWorker(free, worker, gone), 'lostWorkers'), event.now);
}

function recordOf(context: JobContext, worker: string): WorkerRecord {
  const record = context.workers[worker];
  if (record === undefined) throw new Error(`worker '${worker}' has not been admitted`);
  return record;
}

/** Answers `workerConfig`. The first call of a new life frees what the last one had. */
export function answerConfig(context: JobContext, event: On<'configAsked'>): Result {
  const admitted = admit(context, event.call);
  if (admitted === undefined) return unchanged(tallied(context, 'staleCalls'));
  const { spec, timings } = admitted;
  const answer = reply(event.replyTo, { kind: 'workerConfigResult', body: { spec, timings } });
  const [next, effects] = serve(admitted, event.now);
  return [next, [answer, ...effects]];
}

/** Answers `nextTask`: takes the report, and gives out work or lets the call wait. */
export function answerTask(context: JobContext, event: On<'taskAsked'>): Result {
  const { call, replyTo, now } = event;
  const admitted = admit(context, call);
  if (admitted === undefined) return unchanged(tallied(context, 'staleCalls'));
  const record = recordOf(admitted, call.worker);
  if (call.sequence < record.sequence) return unchanged(tallied(admitted, 'staleCalls'));
  if (call.sequence === record.sequence) return answerAgain(admitted, record, event);
  const settled = settle(admitted, call, now);
  // Whoever asks has nothing to run: what is on record for it otherwise never reached it.
  const free = release(settled, record);
  const verdict = verdictOn(admitted, call);
  const parked = { replyTo, since: now };
  const { sequence, incarnation } = call;
  const asking = { incarnation, sequence, verdict, attempt: null, parked, isGone: false };
  return serve(withWorker(free, call.worker, asking), now);
}

/** The call has come again, because its answer was lost or the network repeated it. */
function answerAgain(context: JobContext, record: WorkerRecord, event: On<'taskAsked'>): Result {
  const { call, replyTo, now } = event;
  const next = tallied(context, 'repeatedCalls');
  const parts = record.attempt === null ? undefined : parseAttemptId(record.attempt);
  const isLive = parts !== undefined && liveAttempt(next, record.attempt ?? '') !== undefined;
  // While a map's output is missing, a reduce cannot be told its inputs again.
  if (isLive && (parts.kind === 'map' || phaseOf(next) !== 'map')) {
    const assignment = assignmentOf(next, parts.kind, parts.index, parts.attempt);
    return [next, [answerNext(replyTo, record, { type: 'task', assignment })]];
  }
  const parked = { replyTo, since: record.parked?.since ?? now };
  const waiting = { ...record, attempt: null, parked };
  return serve(withWorker(release(next, record), call.worker, waiting), now);
}

function verdictOn(context: JobContext, call: NextTask): NextTaskResult['previous'] {
  if (call.previous === null) return 'none';
  return liveAttemptOf(context, call, call.previous.attempt) ? 'accepted' : 'rejected';
}

/** Gives a worker's report to the task, if that worker is on record for the attempt. */
function settle(context: JobContext, call: NextTask, now: number): JobContext {
  const report = call.previous;
  if (report === null) return context;
  if (liveAttemptOf(context, call, report.attempt) === undefined) {
    return tallied(context, 'rejectedReports');
  }
  if (report.type === 'finished') {
    const { attempt, files, counters } = report;
    const event = { type: 'attemptFinished', now, attempt, files, counters } as const;
    return changeTaskOf(context, attempt, event);
  }
  return settleFailure(context, report);
}

function settleFailure(context: JobContext, report: Report & { type: 'failed' }): JobContext {
  const { attempt, failure } = report;
  if (failure.kind !== 'inputLost') {
    return changeTaskOf(context, attempt, { type: 'attemptFailed', attempt, failure });
  }
  // Not this task's failure, but the map's whose output is gone.
  const revoked = changeTaskOf(context, attempt, { type: 'attemptRevoked', attempt });
  return loseMapOutput(revoked, failure.lostMap, failure);
}

function answerNext(
  replyTo: ReplyTo,
  { sequence, verdict }: WorkerRecord,
  next: NextTaskResult['next'],
): JobEffect {
  const body = { sequence, previous: verdict, next };
  return reply(replyTo, { kind: 'nextTaskResult', body });
}

/** Gives the workers that wait what there is to give: who has waited longest comes first. */
export function serve(context: JobContext, now: number): Result {
  let next = context;
  const effects: JobEffect[] = [];
  for (const name of waiting(context)) {
    const choice = chooseTask(next, now);
    if (choice === undefined) break;
    const [given, effect] = give(next, name, choice, now);
    next = given;
    effects.push(effect);
  }
  return [next, effects];
}

function waiting(context: JobContext): readonly string[] {
  const since = (name: string) => context.workers[name]?.parked?.since ?? 0;
  return workerNames(context)
    .filter((name) => context.workers[name]?.parked)
    .sort((a, b) => since(a) - since(b));
}

function give(
  context: JobContext,
  name: string,
  { kind, index, reason }: Choice,
  now: number,
): readonly [JobContext, JobEffect] {
  const record = recordOf(context, name);
  if (record.parked === null) throw new Error(`worker '${name}' has not asked`);
  const { incarnation } = record;
  const { epoch } = context;
  const event = { type: 'attemptAssigned', now, worker: name, incarnation, epoch } as const;
  const changed = changeTask(context, kind, index, event);
  const number = tasksOf(changed, kind)[index]?.context.attemptsCount ?? 0;
  const assignment = assignmentOf(changed, kind, index, number);
  const served = { ...record, attempt: assignment.id, parked: null };
  const next = tallied(withWorker(changed, name, served), ...tallyNamesOf(reason));
  return [next, answerNext(record.parked.replyTo, record, { type: 'task', assignment })];
}

function tallyNamesOf(reason: Choice['reason']): readonly ('attempts' | 'reissues' | 'backups')[] {
  if (reason === 'overdue') return ['attempts', 'reissues'];
  return reason === 'slow' ? ['attempts', 'backups'] : ['attempts'];
}

/** Tells workers that have waited for `parkMicros` to ask again, so that they hear of us. */
export function unpark(context: JobContext, now: number): Result {
  let next = context;
  const effects: JobEffect[] = [];
  const { parkMicros } = context.timings;
  for (const name of waiting(context)) {
    const record = recordOf(next, name);
    if (record.parked === null || now - record.parked.since < parkMicros) continue;
    const micros = Math.trunc(parkMicros / 10);
    effects.push(answerNext(record.parked.replyTo, record, { type: 'wait', micros }));
    next = withWorker(next, name, { ...record, parked: null });
  }
  return [next, effects];
}

/** Answers `taskProgress`. Only the worker on record keeps an attempt alive. */
export function answerProgress(context: JobContext, event: On<'progressReported'>): Result {
  const { call, replyTo, now } = event;
  const admitted = admit(context, call);
  if (admitted === undefined) return unchanged(tallied(context, 'staleCalls'));
  const { attempt, progress } = call;
  const isLive = liveAttemptOf(admitted, call, attempt) !== undefined;
  const verdict = isLive ? 'continue' : 'abort';
  const answer = reply(replyTo, { kind: 'taskProgressResult', body: { attempt, verdict } });
  if (!isLive) return [admitted, [answer]];
  const news = { type: 'attemptProgressed', now, attempt, progress } as const;
  return [changeTaskOf(admitted, attempt, news), [answer]];
}

/** After the end: every worker that asks is sent home, as often as it asks. */
export function terminateAsker(context: JobContext, event: On<'taskAsked'>): Result {
  const { call, replyTo } = event;
  const { incarnation, sequence } = call;
  const known = context.workers[call.worker];
  const isRepeated = known?.incarnation === incarnation && known.sequence === sequence;
  const late = call.previous === null ? 'none' : 'rejected';
  const verdict = isRepeated ? known.verdict : late;
  const record = { ...NEW_LIFE, incarnation, sequence, verdict };
  const answer = answerNext(replyTo, record, { type: 'terminate' });
  return [tallied(context, 'terminations'), [answer]];
}

/** At the end: sends home those that wait. */
export function terminateWaiting(context: JobContext): Result {
  let next = context;
  const effects: JobEffect[] = [];
  for (const name of waiting(context)) {
    const record = recordOf(next, name);
    if (record.parked === null) continue;
    effects.push(answerNext(record.parked.replyTo, record, { type: 'terminate' }));
    next = tallied(withWorker(next, name, { ...record, parked: null }), 'terminations');
  }
  return [next, effects];
}

/** After the end, whatever runs still is of no use. */
export function abortAsker(context: JobContext, event: On<'progressReported'>): Result {
  const body = { attempt: event.call.attempt, verdict: 'abort' } as const;
  return [context, [reply(event.replyTo, { kind: 'taskProgressResult', body })]];
}
