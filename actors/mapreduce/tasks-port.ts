/**
 * How a MapReduce worker runs user code: a port that starts and aborts attempts. On threads an
 * attempt is a short Piscina task with limits of its own, so that its crash, exit or endless loop
 * cannot harm the actor; in the simulator it runs at once and its outcome arrives later in virtual
 * time.
 *
 * What an attempt does comes back as `{ type: 'completed', port: TASKS_PORT, event: TaskEvent }`.
 */
import type {
  Assignment,
  AttemptFailure,
  AttemptId,
  Counters,
  JobSpec,
  Progress,
  ResultFile,
} from '../../machines/mapreduce/job-spec.js';
import type { ActorPorts } from '../ports.js';

/** The `port` of the inputs that this port completes with. */
export const TASKS_PORT = 'tasks';

/** An attempt with all that is needed to run it. */
export type TaskAttempt = Assignment & { readonly job: JobSpec };

export interface TasksPort {
  /**
   * Begins an attempt. Exactly one `attemptFinished` or `attemptFailed` follows, unless it is
   * aborted first; any number of `attemptProgress` come before. Never throws for what the attempt
   * does.
   */
  start(attempt: TaskAttempt): void;
  /**
   * Ends an attempt if it still runs, and removes the files it made, finished ones too. Nothing
   * about it comes back that was not under way already. Unknown and aborted ids do nothing.
   */
  abort(attempt: AttemptId): void;
}

export type TaskEvent =
  | {
      readonly type: 'attemptFinished';
      readonly attempt: AttemptId;
      /** One per partition for a map (also where it has no records), one for a reduce. */
      readonly files: readonly ResultFile[];
      readonly counters: Counters;
    }
  | {
      readonly type: 'attemptFailed';
      readonly attempt: AttemptId;
      readonly failure: AttemptFailure;
    }
  /** At least once per tenth of the task time-out while there is progress; never without any. */
  | {
      readonly type: 'attemptProgress';
      readonly attempt: AttemptId;
      readonly progress: Progress;
    };

/** The ports of a worker actor. */
export interface MrWorkerPorts extends ActorPorts {
  readonly tasks: TasksPort;
}
