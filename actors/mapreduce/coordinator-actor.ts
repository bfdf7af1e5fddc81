/** The coordinator: the `job` chart behind a mailbox. It needs no storage: the job dies with it. */
import type { JobEffect } from '../../machines/mapreduce/effects.js';
import { jobMachine } from '../../machines/mapreduce/job.js';
import type { JobSpec, MapTask } from '../../machines/mapreduce/job-spec.js';
import type { JobEvent } from '../../machines/mapreduce/job-state.js';
import type { ClientNews } from '../../machines/mapreduce/messages.js';
import { defineActor } from '../define-actor.js';
import type { ActorPorts, Envelope, Input, LoggerPort } from '../ports.js';
import {
  decodeClientNews,
  decodeNextTask,
  decodeTaskProgress,
  decodeWorkerConfig,
  decodeWorkerLost,
  encodeJobStatusResult,
  encodeNextTaskResult,
  encodeTaskProgressResult,
  encodeWorkerConfigResult,
  eventsOfMessage,
} from './wire.js';

/** What a coordinator is spawned with. */
export interface CoordinatorInput {
  readonly spec: JobSpec;
  readonly plan: readonly MapTask[];
}

export const coordinatorActor = defineActor<typeof jobMachine, ActorPorts, CoordinatorInput>(
  jobMachine,
  {
    boot: ({ input, now }) => ({ spec: input.spec, plan: input.plan, now }),
    receive: (inputs, { now }, { logger }) =>
      inputs.flatMap((input) => eventsOf(input, now, logger)),
    perform: {
      reply: ({ replyTo, answer }, { router }) =>
        router.send({
          to: replyTo.address,
          kind: answer.kind,
          rpc: 'reply',
          correlation: replyTo.correlation,
          payload: encodeAnswer(answer),
        }),
      setTimer: ({ timer, delayMicros }, { timers }) => timers.set(timer, delayMicros),
      cancelTimer: ({ timer }, { timers }) => timers.cancel(timer),
    },
  },
);

function eventsOf(input: Input, now: number, logger: LoggerPort): readonly JobEvent[] {
  if (input.type === 'timer') return [{ type: 'sweepDue', now }];
  if (input.type !== 'message') return [];
  const { rpc } = input.envelope;
  if (rpc !== 'request' && rpc !== 'none') return [];
  const read = rpc === 'request' ? eventsOfCall : eventsOfNews;
  return eventsOfMessage(input.envelope, logger, (message) => read(message, now));
}

/** What is told without an answer. */
function eventsOfNews({ kind, payload }: Envelope, now: number): readonly JobEvent[] {
  if (kind !== 'workerLost') return [];
  return [{ type: 'workerLost', now, worker: decodeWorkerLost(payload) }];
}

function eventsOfCall(envelope: Envelope, now: number): readonly JobEvent[] {
  const { kind, payload, from, correlation } = envelope;
  const asked = { now, replyTo: { address: from, correlation } };
  switch (kind) {
    case 'workerConfig':
      return [{ type: 'configAsked', ...asked, call: decodeWorkerConfig(payload) }];
    case 'nextTask':
      return [{ type: 'taskAsked', ...asked, call: decodeNextTask(payload) }];
    case 'taskProgress':
      return [{ type: 'progressReported', ...asked, call: decodeTaskProgress(payload) }];
    case 'jobStatus':
      return [...newsOf(decodeClientNews(payload), now), { type: 'statusAsked', ...asked }];
    default:
      return [];
  }
}

/**
 * News come with each call until it is answered; the chart takes the first and ignores the rest.
 */
function newsOf(news: ClientNews, now: number): readonly JobEvent[] {
  switch (news.type) {
    case 'none':
      return [];
    case 'committed':
      return [{ type: 'outputCommitted', now }];
    case 'commitFailed':
      return [{ type: 'commitFailed', now, message: news.message }];
    case 'cancel':
      return [{ type: 'jobCancelled', now }];
  }
}

function encodeAnswer(answer: Extract<JobEffect, { type: 'reply' }>['answer']): Uint8Array {
  switch (answer.kind) {
    case 'workerConfigResult':
      return encodeWorkerConfigResult(answer.body);
    case 'nextTaskResult':
      return encodeNextTaskResult(answer.body);
    case 'taskProgressResult':
      return encodeTaskProgressResult(answer.body);
    case 'jobStatusResult':
      return encodeJobStatusResult(answer.body);
  }
}
