/** What the coordinator's and the worker's charts ask for: one union each. */
import type { Assignment, AttemptId, JobSpec } from './job-spec.js';
import type {
  JobStatusResult,
  NextTask,
  NextTaskResult,
  TaskProgress,
  TaskProgressResult,
  WorkerConfig,
  WorkerConfigResult,
} from './messages.js';

type Micros = number;

/** Where an answer goes: the asker's address, and the number that pairs it with the call. */
export interface ReplyTo {
  readonly address: string;
  readonly correlation: number;
}

export type Answer =
  | { readonly kind: 'workerConfigResult'; readonly body: WorkerConfigResult }
  | { readonly kind: 'nextTaskResult'; readonly body: NextTaskResult }
  | { readonly kind: 'taskProgressResult'; readonly body: TaskProgressResult }
  | { readonly kind: 'jobStatusResult'; readonly body: JobStatusResult };

export type JobEffect =
  | { readonly type: 'reply'; readonly replyTo: ReplyTo; readonly answer: Answer }
  | { readonly type: 'setTimer'; readonly timer: 'sweep'; readonly delayMicros: Micros }
  | { readonly type: 'cancelTimer'; readonly timer: 'sweep' };

export type Call =
  | { readonly kind: 'workerConfig'; readonly body: WorkerConfig }
  | { readonly kind: 'nextTask'; readonly body: NextTask }
  | { readonly kind: 'taskProgress'; readonly body: TaskProgress };

export type MrWorkerTimer = 'retry' | 'ask' | 'beat';

export type MrWorkerEffect =
  | {
      readonly type: 'call';
      readonly to: string;
      readonly call: Call;
      readonly correlation: number;
      readonly timeoutMicros: Micros;
    }
  | { readonly type: 'startAttempt'; readonly assignment: Assignment; readonly spec: JobSpec }
  | { readonly type: 'abortAttempt'; readonly attempt: AttemptId }
  | { readonly type: 'setTimer'; readonly timer: MrWorkerTimer; readonly delayMicros: Micros }
  | { readonly type: 'cancelTimer'; readonly timer: MrWorkerTimer }
  | { readonly type: 'log'; readonly message: string };
