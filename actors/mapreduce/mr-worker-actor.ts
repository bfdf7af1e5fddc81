/** A MapReduce worker: the `mr-worker` chart, with a port that runs attempts (`tasks-port.ts`). */
import type { Call } from '../../machines/mapreduce/effects.js';
import { type MrWorkerEvent, mrWorkerMachine } from '../../machines/mapreduce/mr-worker.js';
import { defineActor } from '../define-actor.js';
import type { Address, Envelope, Input, LoggerPort } from '../ports.js';
import { type MrWorkerPorts, TASKS_PORT, type TaskEvent } from './tasks-port.js';
import {
  decodeNextTaskResult,
  decodeTaskProgressResult,
  decodeWorkerConfigResult,
  encodeNextTask,
  encodeTaskProgress,
  encodeWorkerConfig,
  eventsOfMessage,
} from './wire.js';

/** What a worker is spawned with. */
export interface MrWorkerSpawn {
  readonly coordinator: Address;
}

const TIMER_EVENTS = {
  retry: { type: 'retryDue' },
  ask: { type: 'askDue' },
  beat: { type: 'beatDue' },
} as const;

export const mrWorkerActor = defineActor<typeof mrWorkerMachine, MrWorkerPorts, MrWorkerSpawn>(
  mrWorkerMachine,
  {
    boot: ({ name, incarnation, input }) => ({
      worker: name,
      incarnation,
      coordinator: input.coordinator,
    }),
    receive: (inputs, _, { logger }) => inputs.flatMap((input) => eventsOf(input, logger)),
    perform: {
      call: ({ to, call, correlation, timeoutMicros }, { router }) =>
        router.send({
          to,
          kind: call.kind,
          rpc: 'request',
          correlation,
          timeoutMicros,
          payload: encodeCall(call),
        }),
      startAttempt: ({ assignment, spec }, { tasks }) => tasks.start({ ...assignment, job: spec }),
      abortAttempt: ({ attempt }, { tasks }) => tasks.abort(attempt),
      setTimer: ({ timer, delayMicros }, { timers }) => timers.set(timer, delayMicros),
      cancelTimer: ({ timer }, { timers }) => timers.cancel(timer),
      log: ({ message }, { logger }) => logger.log('warn', message),
    },
  },
);

function encodeCall(call: Call): Uint8Array {
  switch (call.kind) {
    case 'workerConfig':
      return encodeWorkerConfig(call.body);
    case 'nextTask':
      return encodeNextTask(call.body);
    case 'taskProgress':
      return encodeTaskProgress(call.body);
  }
}

function eventsOf(input: Input, logger: LoggerPort): readonly MrWorkerEvent[] {
  switch (input.type) {
    case 'timer': {
      const event = TIMER_EVENTS[input.timer as keyof typeof TIMER_EVENTS];
      return event === undefined ? [] : [event];
    }
    case 'noReply':
      return [{ type: 'callUnanswered', correlation: input.correlation }];
    case 'completed':
      return input.port === TASKS_PORT ? [input.event as TaskEvent] : [];
    case 'message':
      return eventsOfMessage(input.envelope, logger, eventsOfAnswer);
    case 'persisted':
      return [];
  }
}

function eventsOfAnswer({ rpc, kind, payload }: Envelope): readonly MrWorkerEvent[] {
  if (rpc !== 'reply') return [];
  if (kind === 'workerConfigResult') {
    return [{ type: 'configReceived', result: decodeWorkerConfigResult(payload) }];
  }
  if (kind === 'nextTaskResult') return [eventOfNextTask(payload)];
  return kind === 'taskProgressResult' ? [eventOfProgress(payload)] : [];
}

function eventOfNextTask(payload: Uint8Array): MrWorkerEvent {
  const { sequence, previous, next } = decodeNextTaskResult(payload);
  switch (next.type) {
    case 'task':
      return { type: 'taskGiven', sequence, previous, assignment: next.assignment };
    case 'wait':
      return { type: 'waitTold', sequence, previous, micros: next.micros };
    case 'terminate':
      return { type: 'terminateTold', sequence, previous };
  }
}

function eventOfProgress(payload: Uint8Array): MrWorkerEvent {
  const { attempt, verdict } = decodeTaskProgressResult(payload);
  const type = verdict === 'abort' ? 'attemptCancelled' : 'attemptContinued';
  return { type, attempt };
}
