/** The reducers and guards of the `mr-worker` chart: its calls, their answers, and its attempt. */
import { type Reduced, unchanged } from '../reducer.js';
import type { MrWorkerEffect } from './effects.js';
import type { AttemptId } from './job-spec.js';
import type { MrWorkerContext, MrWorkerEvent } from './mr-worker.js';
import { NO_PROGRESS } from './task-attempts.js';

type Context = MrWorkerContext;
type Result = Reduced<MrWorkerContext, MrWorkerEffect>;
type On<T extends MrWorkerEvent['type']> = Extract<MrWorkerEvent, { type: T }>;

/** A worker stops when this many of its calls in a row have had no answer. */
export const TRIES_MAX = 10;
/** Before the coordinator has said how long to wait for an answer. */
const FIRST_CALL_TIMEOUT_MICROS = 1_000_000;
const PAUSE_MICROS_MIN = 100_000;
const PAUSE_MICROS_MAX = 1_000_000;

export function isCurrentCall(context: Context, event: MrWorkerEvent): boolean {
  return event.type === 'callUnanswered' && event.correlation === context.correlation;
}

export function isLastTry(context: Context, event: MrWorkerEvent): boolean {
  return isCurrentCall(context, event) && context.tries + 1 >= TRIES_MAX;
}

/** An answer to an earlier call of the same life says nothing any more. */
export function isCurrentSequence(context: Context, event: MrWorkerEvent): boolean {
  return 'sequence' in event && event.sequence === context.sequence;
}

/** Late news of an attempt that was given up is none. */
export function isCurrentAttempt(context: Context, event: MrWorkerEvent): boolean {
  return 'attempt' in event && event.attempt === context.assignment?.id;
}

export function askConfig(context: Context): Result {
  const correlation = context.correlation + 1;
  const { worker, incarnation } = context;
  const call: MrWorkerEffect = {
    type: 'call',
    to: context.coordinator,
    call: { kind: 'workerConfig', body: { worker, incarnation } },
    correlation,
    timeoutMicros: FIRST_CALL_TIMEOUT_MICROS,
  };
  return [{ ...context, correlation }, [call]];
}

/** A new question, with a new number. */
export function askNext(context: Context): Result {
  return askAgain({ ...context, sequence: context.sequence + 1, isBeatOut: false });
}

/** The same question once more: the coordinator takes in its report once only. */
export function askAgain(context: Context): Result {
  const { worker, incarnation, sequence, report, timings } = context;
  if (timings === null) throw new Error('a worker that asks for tasks has its configuration');
  const correlation = context.correlation + 1;
  const call: MrWorkerEffect = {
    type: 'call',
    to: context.coordinator,
    call: { kind: 'nextTask', body: { worker, incarnation, sequence, previous: report } },
    correlation,
    timeoutMicros: timings.parkMicros + timings.callTimeoutMicros,
  };
  return [{ ...context, correlation }, [call]];
}

export function countTry(context: Context): Result {
  return unchanged({ ...context, tries: context.tries + 1, isBeatOut: false });
}

export function pause(context: Context): Result {
  const doubled = PAUSE_MICROS_MIN * 2 ** Math.min(10, Math.max(0, context.tries - 1));
  const delayMicros = Math.min(PAUSE_MICROS_MAX, doubled);
  return [context, [{ type: 'setTimer', timer: 'retry', delayMicros }]];
}

export function noteConfig(context: Context, event: On<'configReceived'>): Result {
  const { spec, timings } = event.result;
  return [{ ...context, spec, timings, tries: 0 }, [{ type: 'cancelTimer', timer: 'retry' }]];
}

export function noteAnswer(context: Context): Result {
  return unchanged({ ...context, tries: 0, isBeatOut: false });
}

/** The report has been heard. What did not win is of no use: its files go. */
export function takeVerdict(
  context: Context,
  event: On<'taskGiven' | 'waitTold' | 'terminateTold'>,
): Result {
  const effects: MrWorkerEffect[] = [{ type: 'cancelTimer', timer: 'retry' }];
  if (event.previous === 'rejected' && context.report !== null) {
    effects.push({ type: 'abortAttempt', attempt: context.report.attempt });
  }
  return [{ ...context, report: null, tries: 0 }, effects];
}

export function start(context: Context, event: On<'taskGiven'>): Result {
  const { spec, timings } = context;
  const { assignment } = event;
  if (spec === null || timings === null)
    throw new Error('a worker that runs has its configuration');
  return [
    { ...context, assignment, progress: NO_PROGRESS, isBeatOut: false },
    [
      { type: 'startAttempt', assignment, spec },
      { type: 'setTimer', timer: 'beat', delayMicros: timings.beatMicros },
    ],
  ];
}

export function wait(context: Context, event: On<'waitTold'>): Result {
  return [context, [{ type: 'setTimer', timer: 'ask', delayMicros: event.micros }]];
}

/** At most one call is out at a time, so that a silent network counts its tries slowly. */
export function beat(context: Context): Result {
  const { worker, incarnation, assignment, progress, timings } = context;
  if (assignment === null || timings === null) throw new Error('a worker that beats runs a task');
  const armed: MrWorkerEffect = {
    type: 'setTimer',
    timer: 'beat',
    delayMicros: timings.beatMicros,
  };
  if (context.isBeatOut) return [context, [armed]];
  const correlation = context.correlation + 1;
  const call: MrWorkerEffect = {
    type: 'call',
    to: context.coordinator,
    call: { kind: 'taskProgress', body: { worker, incarnation, attempt: assignment.id, progress } },
    correlation,
    timeoutMicros: timings.callTimeoutMicros,
  };
  return [{ ...context, correlation, isBeatOut: true }, [armed, call]];
}

export function disarmBeat(context: Context): Result {
  return [context, [{ type: 'cancelTimer', timer: 'beat' }]];
}

export function noteProgress(context: Context, event: On<'attemptProgress'>): Result {
  return unchanged({ ...context, progress: event.progress });
}

export function noteFinish(context: Context, event: On<'attemptFinished'>): Result {
  const { attempt, files, counters } = event;
  const report = { type: 'finished', attempt, files, counters } as const;
  return unchanged({ ...context, assignment: null, report });
}

export function noteFailure(context: Context, event: On<'attemptFailed'>): Result {
  const { attempt, failure } = event;
  return unchanged({
    ...context,
    assignment: null,
    report: { type: 'failed', attempt, failure },
  });
}

export function abort(context: Context): Result {
  const attempt: AttemptId | undefined = context.assignment?.id;
  if (attempt === undefined) return unchanged(context);
  const effects: MrWorkerEffect[] = [{ type: 'abortAttempt', attempt }];
  return [{ ...context, assignment: null, tries: 0, isBeatOut: false }, effects];
}

export function logGone(context: Context): Result {
  const message = `no answer from '${context.coordinator}' to ${TRIES_MAX} calls: stopping`;
  return [context, [{ type: 'log', message }]];
}
