/**
 * The life of one task: waiting, running in one or two attempts, done when one of them has won.
 * The coordinator's reducers step one of these charts per task (`stepTask`); what it emits tells
 * them what became of the attempts. A map task that was done can be needed again (MapReduce §3.3:
 * the output of a map is lost with the machine that has it), so only `failed` is final.
 */
import { type SnapshotFrom, setup } from 'xstate';
import { reducerFor } from '../reducer.js';
import { createStepper } from '../step.js';
import type {
  AttemptFailure,
  AttemptId,
  Counters,
  Progress,
  RecordId,
  ResultFile,
  TaskKind,
} from './job-spec.js';
import {
  assign,
  dropLive,
  fail,
  finish,
  hasNoLiveAttempt,
  hasWinner,
  isExhausted,
  loseOutput,
  noteProgress,
  passDeadline,
  reset,
  revoke,
} from './task-attempts.js';

type Micros = number;

/** What a task needs of the job's specification. */
export interface TaskLimits {
  readonly maxAttempts: number;
  readonly taskTimeoutMicros: Micros;
  readonly skipBadRecords: boolean;
}

/** An attempt that may still win. */
export interface LiveAttempt {
  readonly id: AttemptId;
  /** The worker on record: nobody else may report this attempt. */
  readonly worker: string;
  readonly incarnation: number;
  /** The generation of map output that it reads (`JobContext.epoch`). */
  readonly epoch: number;
  /** Another attempt was live when this one began. */
  readonly isBackup: boolean;
  readonly startedAt: Micros;
  /** When its progress last changed; at first when it began. The time-out counts from here. */
  readonly progressAt: Micros;
  /** When its worker last spoke of it. */
  readonly heardAt: Micros;
  readonly progress: Progress;
}

/** The attempt that won, and what it left. */
export interface Winner {
  readonly id: AttemptId;
  readonly files: readonly ResultFile[];
  readonly counters: Counters;
  readonly durationMicros: Micros;
  readonly epoch: number;
}

export interface TaskContext {
  readonly kind: TaskKind;
  readonly index: number;
  readonly limits: TaskLimits;
  /** Attempts given out so far: the number of the latest one. */
  readonly attemptsCount: number;
  /** How many of them were given out while another one was live. */
  readonly backupsCount: number;
  /** How many of them came to nothing without being outrun: each made another one necessary. */
  readonly retriesCount: number;
  readonly live: readonly LiveAttempt[];
  /** Failures that count towards `maxAttempts`. */
  readonly failuresCount: number;
  readonly lastFailure: AttemptFailure | null;
  /** How many attempts died with which record in hand. */
  readonly deaths: readonly { readonly record: RecordId; readonly count: number }[];
  /** Bad records, left out by later attempts; ordered by (input, offset). */
  readonly skip: readonly RecordId[];
  /** Set exactly while the task is done. */
  readonly winner: Winner | null;
  /** The winner whose output was lost: the next one is compared with it. */
  readonly lost: Winner | null;
}

export type TaskEvent =
  | {
      readonly type: 'attemptAssigned';
      readonly now: Micros;
      readonly worker: string;
      readonly incarnation: number;
      readonly epoch: number;
    }
  | {
      readonly type: 'attemptProgressed';
      readonly now: Micros;
      readonly attempt: AttemptId;
      readonly progress: Progress;
    }
  | {
      readonly type: 'attemptFinished';
      readonly now: Micros;
      readonly attempt: AttemptId;
      readonly files: readonly ResultFile[];
      readonly counters: Counters;
    }
  | {
      readonly type: 'attemptFailed';
      readonly attempt: AttemptId;
      readonly failure: AttemptFailure;
    }
  /** Its worker died, let go of it, or needs input that is gone: nobody's failure. */
  | { readonly type: 'attemptRevoked'; readonly attempt: AttemptId }
  /** Time has passed: attempts without progress may have to go. */
  | { readonly type: 'deadlinePassed'; readonly now: Micros }
  /** A reader found the winner's output missing or damaged. */
  | { readonly type: 'outputLost'; readonly attempt: AttemptId; readonly failure: AttemptFailure }
  /** What this task read has changed: all that it did is void. */
  | { readonly type: 'inputChanged' };

/** How an attempt ended. Only `failed` and `timedOut` count as failures. */
export type AttemptEnd = 'won' | 'outrun' | 'failed' | 'timedOut' | 'silent' | 'revoked';

export type TaskEffect =
  | {
      readonly type: 'attemptEnded';
      readonly attempt: LiveAttempt;
      readonly end: AttemptEnd;
      /** With `failed` and `timedOut`. */
      readonly failure: AttemptFailure | null;
    }
  | { readonly type: 'recordSkipped'; readonly record: RecordId; readonly cause: AttemptFailure };

interface TaskTypes {
  context: TaskContext;
  events: TaskEvent;
  emitted: TaskEffect;
  input: Pick<TaskContext, 'kind' | 'index' | 'limits'>;
  output: AttemptFailure | null;
}

const on = reducerFor<TaskContext, TaskEvent, TaskEffect>();

export const taskMachine = setup({
  types: {} as TaskTypes,
  guards: {
    hasWinner: ({ context }) => hasWinner(context),
    isExhausted: ({ context }) => isExhausted(context),
    hasNoLiveAttempt: ({ context }) => hasNoLiveAttempt(context),
  },
  actions: {
    assign: on('attemptAssigned', assign),
    noteProgress: on('attemptProgressed', noteProgress),
    finish: on('attemptFinished', finish),
    fail: on('attemptFailed', fail),
    revoke: on('attemptRevoked', revoke),
    passDeadline: on('deadlinePassed', passDeadline),
    loseOutput: on('outputLost', loseOutput),
    reset: on('inputChanged', reset),
    dropLive: on('*', dropLive),
  },
}).createMachine({
  id: 'task',
  initial: 'idle',
  context: ({ input }) => ({
    kind: input.kind,
    index: input.index,
    limits: input.limits,
    attemptsCount: 0,
    backupsCount: 0,
    retriesCount: 0,
    live: [],
    failuresCount: 0,
    lastFailure: null,
    deaths: [],
    skip: [],
    winner: null,
    lost: null,
  }),
  output: ({ context }) => context.lastFailure,
  states: {
    idle: {
      description: 'No attempt is live: the task waits for a worker that asks.',
      meta: { source: 'MapReduce §3.2: idle' },
      always: { guard: 'isExhausted', target: 'failed' },
      on: { attemptAssigned: { target: 'running', actions: 'assign' } },
    },
    running: {
      description: 'One attempt is live, or two of which the first to finish wins.',
      meta: { source: 'MapReduce §3.2: in-progress; §3.6: backup tasks' },
      always: [
        { guard: 'hasWinner', target: 'done' },
        { guard: 'isExhausted', target: 'failed' },
        { guard: 'hasNoLiveAttempt', target: 'idle' },
      ],
      on: {
        attemptAssigned: { actions: 'assign' },
        attemptProgressed: { actions: 'noteProgress' },
        attemptFinished: { actions: 'finish' },
        attemptFailed: { actions: 'fail' },
        attemptRevoked: { actions: 'revoke' },
        deadlinePassed: { actions: 'passDeadline' },
        inputChanged: { actions: 'reset' },
      },
    },
    done: {
      description: 'One attempt has won; its files stand until a reader misses them.',
      meta: { source: 'MapReduce §3.2: completed; §3.3: re-execution of completed maps' },
      on: {
        outputLost: { target: 'idle', actions: 'loseOutput' },
        inputChanged: { target: 'idle', actions: 'reset' },
      },
    },
    failed: {
      type: 'final',
      description: 'Too many attempts have failed, or one in a way that none can mend.',
      meta: { source: 'ARCHITECTURE: MapReduce, failures' },
      entry: 'dropLive',
    },
  },
});

export type TaskValue = 'idle' | 'running' | 'done' | 'failed';

/** A task's chart as plain data: survives `structuredClone`, a log and the wire. */
export interface TaskState {
  readonly value: TaskValue;
  readonly context: TaskContext;
}

/** Holds nothing between steps: the scope that it reuses is inert (`machines/step.ts`). */
const stepper = createStepper(taskMachine);

export function initialTask(kind: TaskKind, index: number, limits: TaskLimits): TaskState {
  return plain(stepper.initial({ kind, index, limits })[0]);
}

/** One step of one task. An event that its state does not take changes nothing. */
export function stepTask(task: TaskState, event: TaskEvent): [TaskState, readonly TaskEffect[]] {
  if (task.value === 'failed') return [task, []];
  const before = taskMachine.resolveState({ value: task.value, context: task.context });
  const [after, effects] = stepper.step(before, event);
  return [plain(after), effects];
}

function plain(snapshot: SnapshotFrom<typeof taskMachine>): TaskState {
  return { value: snapshot.value as TaskValue, context: snapshot.context };
}
