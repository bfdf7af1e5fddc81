/**
 * A worker's chart: it asks the coordinator for the job, then for one task after the other, and
 * runs each by its `tasks` port. It is always the worker that asks, so whatever gets lost is asked
 * for again. After `TRIES_MAX` calls in a row without an answer the coordinator counts as gone.
 */
import { setup } from 'xstate';
import { reducerFor } from '../reducer.js';
import type { MrWorkerEffect } from './effects.js';
import type {
  Assignment,
  AttemptFailure,
  AttemptId,
  Counters,
  JobSpec,
  Progress,
  ResultFile,
} from './job-spec.js';
import type { NextTaskResult, Report, WorkerConfigResult, WorkerTimings } from './messages.js';
import {
  abort,
  askAgain,
  askConfig,
  askNext,
  beat,
  countTry,
  disarmBeat,
  isCurrentAttempt,
  isCurrentCall,
  isCurrentSequence,
  isLastTry,
  logGone,
  noteAnswer,
  noteConfig,
  noteFailure,
  noteFinish,
  noteProgress,
  pause,
  start,
  takeVerdict,
  wait,
} from './mr-worker-calls.js';

export interface MrWorkerContext {
  readonly worker: string;
  readonly incarnation: number;
  /** The address of the coordinator. */
  readonly coordinator: string;
  /** Pairs answers with calls; one more for each call, repeated or new. */
  readonly correlation: number;
  /** A `taskProgress` call whose answer is still to come. */
  readonly isBeatOut: boolean;
  /** The number of the latest `nextTask` (`NextTask.sequence`). */
  readonly sequence: number;
  /** Calls in a row without an answer. */
  readonly tries: number;
  readonly spec: JobSpec | null;
  readonly timings: WorkerTimings | null;
  /** What runs, and how far it is. */
  readonly assignment: Assignment | null;
  readonly progress: Progress;
  /** What the next `nextTask` reports; kept until that call is answered. */
  readonly report: Report | null;
}

export type MrWorkerEvent =
  | { readonly type: 'configReceived'; readonly result: WorkerConfigResult }
  | {
      readonly type: 'taskGiven';
      readonly sequence: number;
      readonly previous: NextTaskResult['previous'];
      readonly assignment: Assignment;
    }
  | {
      readonly type: 'waitTold';
      readonly sequence: number;
      readonly previous: NextTaskResult['previous'];
      readonly micros: number;
    }
  | {
      readonly type: 'terminateTold';
      readonly sequence: number;
      readonly previous: NextTaskResult['previous'];
    }
  /** The coordinator has heard of the attempt and it may go on. */
  | { readonly type: 'attemptContinued'; readonly attempt: AttemptId }
  /** The attempt can no longer win. */
  | { readonly type: 'attemptCancelled'; readonly attempt: AttemptId }
  /** A call has had no answer. */
  | { readonly type: 'callUnanswered'; readonly correlation: number }
  | { readonly type: 'retryDue' }
  | { readonly type: 'askDue' }
  | { readonly type: 'beatDue' }
  | {
      readonly type: 'attemptFinished';
      readonly attempt: AttemptId;
      readonly files: readonly ResultFile[];
      readonly counters: Counters;
    }
  | {
      readonly type: 'attemptFailed';
      readonly attempt: AttemptId;
      readonly failure: AttemptFailure;
    }
  | {
      readonly type: 'attemptProgress';
      readonly attempt: AttemptId;
      readonly progress: Progress;
    };

export interface MrWorkerInput {
  readonly worker: string;
  readonly incarnation: number;
  readonly coordinator: string;
}

interface MrWorkerTypes {
  context: MrWorkerContext;
  events: MrWorkerEvent;
  emitted: MrWorkerEffect;
  input: MrWorkerInput;
}

const on = reducerFor<MrWorkerContext, MrWorkerEvent, MrWorkerEffect>();

export const mrWorkerMachine = setup({
  types: {} as MrWorkerTypes,
  guards: {
    isCurrentCall: ({ context, event }) => isCurrentCall(context, event),
    isLastTry: ({ context, event }) => isLastTry(context, event),
    isCurrentSequence: ({ context, event }) => isCurrentSequence(context, event),
    isCurrentAttempt: ({ context, event }) => isCurrentAttempt(context, event),
  },
  actions: {
    askConfig: on('*', askConfig),
    askNext: on('*', askNext),
    askAgain: on('*', askAgain),
    pause: on('*', pause),
    countTry: on('callUnanswered', countTry),
    noteConfig: on('configReceived', noteConfig),
    noteAnswer: on('attemptContinued', noteAnswer),
    takeVerdict: on(['taskGiven', 'waitTold', 'terminateTold'], takeVerdict),
    start: on('taskGiven', start),
    wait: on('waitTold', wait),
    beat: on('beatDue', beat),
    disarmBeat: on('*', disarmBeat),
    noteProgress: on('attemptProgress', noteProgress),
    noteFinish: on('attemptFinished', noteFinish),
    noteFailure: on('attemptFailed', noteFailure),
    abort: on('*', abort),
    logGone: on('*', logGone),
  },
}).createMachine({
  id: 'mr-worker',
  initial: 'configuring',
  context: ({ input }) => ({
    ...input,
    // Numbers of this life only: an answer to an earlier life's call pairs with none.
    correlation: input.incarnation * 2 ** 32,
    isBeatOut: false,
    sequence: 0,
    tries: 0,
    spec: null,
    timings: null,
    assignment: null,
    progress: { bytes: 0, records: 0, pairs: 0 },
    report: null,
  }),
  states: {
    configuring: {
      description: 'Asks what the job is (WorkerConfig).',
      meta: { source: 'ARCHITECTURE: MapReduce' },
      initial: 'calling',
      on: { configReceived: { target: 'asking', actions: 'noteConfig' } },
      states: {
        calling: {
          description: 'The call is out.',
          meta: { source: 'ARCHITECTURE: MapReduce' },
          entry: 'askConfig',
          on: {
            callUnanswered: [
              { guard: 'isLastTry', target: '#mr-worker.orphaned', actions: 'logGone' },
              { guard: 'isCurrentCall', target: 'pausing', actions: 'countTry' },
            ],
          },
        },
        pausing: {
          description: 'Lets some time pass before it calls again.',
          meta: {
            source: 'ARCHITECTURE: MapReduce',
            timers: { retry: '0.1 s, doubled up to 1 s' },
          },
          entry: 'pause',
          on: { retryDue: { target: 'calling' } },
        },
      },
    },
    asking: {
      description: 'Reports what it ran before and asks for the next task (NextTask).',
      meta: { source: 'MapReduce §3.1 steps 3-7' },
      initial: 'calling',
      entry: 'askNext',
      on: {
        taskGiven: {
          guard: 'isCurrentSequence',
          target: 'running',
          actions: ['takeVerdict', 'start'],
        },
        waitTold: {
          guard: 'isCurrentSequence',
          target: 'waiting',
          actions: ['takeVerdict', 'wait'],
        },
        terminateTold: {
          guard: 'isCurrentSequence',
          target: 'dismissed',
          actions: 'takeVerdict',
        },
      },
      states: {
        calling: {
          description: 'The call is out.',
          meta: { source: 'ARCHITECTURE: MapReduce' },
          on: {
            callUnanswered: [
              { guard: 'isLastTry', target: '#mr-worker.orphaned', actions: 'logGone' },
              { guard: 'isCurrentCall', target: 'pausing', actions: 'countTry' },
            ],
          },
        },
        pausing: {
          description: 'Lets some time pass before it repeats the call, under the same number.',
          meta: {
            source: 'ARCHITECTURE: MapReduce',
            timers: { retry: '0.1 s, doubled up to 1 s' },
          },
          entry: 'pause',
          on: { retryDue: { target: 'calling', actions: 'askAgain' } },
        },
      },
    },
    waiting: {
      description: 'There was nothing to run; asks again when the time it was told has passed.',
      meta: { source: 'ARCHITECTURE: MapReduce', timers: { ask: 'as told' } },
      on: { askDue: { target: 'asking' } },
    },
    running: {
      description: 'An attempt runs; tells the coordinator of it at every beat.',
      meta: { source: 'MapReduce §3.1 steps 3, 6; §3.3', timers: { beat: 'T/10' } },
      exit: 'disarmBeat',
      on: {
        attemptProgress: { guard: 'isCurrentAttempt', actions: 'noteProgress' },
        attemptFinished: {
          guard: 'isCurrentAttempt',
          target: 'asking',
          actions: 'noteFinish',
        },
        attemptFailed: { guard: 'isCurrentAttempt', target: 'asking', actions: 'noteFailure' },
        beatDue: { actions: 'beat' },
        attemptContinued: { guard: 'isCurrentAttempt', actions: 'noteAnswer' },
        attemptCancelled: { guard: 'isCurrentAttempt', target: 'asking', actions: 'abort' },
        callUnanswered: [
          { guard: 'isLastTry', target: 'orphaned', actions: ['abort', 'logGone'] },
          { guard: 'isCurrentCall', actions: 'countTry' },
        ],
      },
    },
    dismissed: {
      type: 'final',
      description: 'Sent home: the job has ended.',
      meta: { source: 'the early-exit test of the labs: workers exit by themselves' },
    },
    orphaned: {
      type: 'final',
      description: 'The coordinator is gone.',
      meta: { source: 'ARCHITECTURE: MapReduce' },
    },
  },
});
