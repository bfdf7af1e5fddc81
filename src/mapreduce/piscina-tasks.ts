/**
 * The tasks port on threads: runs the attempts of one worker actor, one at a time, and reports on
 * them as events of the actor. Attempts of a built-in app run in a nested thread of their own,
 * those of a user's module in a process.
 */
import { rmSync } from 'node:fs';
import {
  TASKS_PORT,
  type TaskAttempt,
  type TaskEvent,
  type TasksPort,
} from '../../actors/mapreduce/tasks-port.js';
import type {
  AttemptFailure,
  AttemptId,
  JobSpec,
  Progress,
} from '../../machines/mapreduce/job-spec.js';
import type { PortContext } from '../host/binding.js';
import { positionPath, resultPath, scratchPath } from './attempt-files.js';
import { AttemptPool, type AttemptRunner, type RunningAttempt } from './attempt-pool.js';
import { makeProgressBuffer, ProgressReader, reportMillis } from './attempt-progress.js';
import type { WorkerReply } from './attempt-worker.js';
import { ProcessPool } from './process-pool.js';

interface Current {
  readonly attempt: TaskAttempt;
  readonly running: RunningAttempt;
  readonly progress: ProgressReader;
  readonly timer: NodeJS.Timeout;
  isAborted: boolean;
}

export class PiscinaTasks implements TasksPort {
  readonly #context: PortContext;
  readonly #pools: Readonly<Record<JobSpec['app']['type'], AttemptRunner>> = {
    builtin: new AttemptPool(),
    module: new ProcessPool(),
  };
  /** Directories of attempts that have ended, so that a late abort can remove their files. */
  readonly #directories = new Map<AttemptId, string>();
  /** Attempts that wait for the thread, oldest first. */
  #queue: TaskAttempt[] = [];
  #current: Current | undefined;

  constructor(context: PortContext) {
    this.#context = context;
    context.onStop(() => this.#stop());
  }

  start(attempt: TaskAttempt): void {
    this.#directories.set(attempt.id, attempt.job.directory);
    this.#queue.push(attempt);
    this.#startNext();
  }

  abort(id: AttemptId): void {
    this.#queue = this.#queue.filter((waiting) => waiting.id !== id);
    const current = this.#current;
    if (current?.attempt.id === id) {
      current.isAborted = true;
      current.running.kill();
      return;
    }
    const directory = this.#directories.get(id);
    if (directory !== undefined) this.#remove(id, directory);
  }

  #startNext(): void {
    if (this.#current !== undefined) return;
    const attempt = this.#queue.shift();
    if (attempt === undefined) return;
    const buffer = makeProgressBuffer();
    const progress = new ProgressReader(buffer);
    const running = this.#pools[attempt.job.app.type].run(attempt, buffer);
    const timer = this.#watch(attempt, progress);
    const current = { attempt, running, progress, timer, isAborted: false };
    this.#current = current;
    void running.ended.then((reply) => this.#end(current, reply));
  }

  #end(current: Current, reply: WorkerReply): void {
    const { attempt, progress, timer } = current;
    clearInterval(timer);
    this.#current = undefined;
    if (current.isAborted) {
      this.#remove(attempt.id, attempt.job.directory);
    } else if (reply.type === 'finished') {
      const { files, counters } = reply;
      this.#report({ type: 'attemptFinished', attempt: attempt.id, files, counters });
    } else if (reply.type === 'failed') {
      this.#remove(attempt.id, attempt.job.directory);
      const failure = withPosition(reply.failure, attempt, progress);
      this.#report({ type: 'attemptFailed', attempt: attempt.id, failure });
    }
    this.#startNext();
  }

  /** Reports progress whenever there has been some since the last look. */
  #watch(attempt: TaskAttempt, reader: ProgressReader): NodeJS.Timeout {
    let last: Progress = reader.read();
    return setInterval(() => {
      const progress = reader.read();
      if (isSame(last, progress)) return;
      last = progress;
      this.#report({ type: 'attemptProgress', attempt: attempt.id, progress });
    }, reportMillis(attempt.job));
  }

  #remove(id: AttemptId, directory: string): void {
    this.#directories.delete(id);
    const result = resultPath(directory, id);
    for (const path of [result, `${result}.tmp`, positionPath(directory, id)]) {
      rmSync(path, { force: true });
    }
    rmSync(scratchPath(directory, id), { recursive: true, force: true });
  }

  async #stop(): Promise<void> {
    this.#queue = [];
    const current = this.#current;
    if (current !== undefined) {
      current.isAborted = true;
      current.running.kill();
      await current.running.ended;
    }
    await Promise.all(Object.values(this.#pools).map((pool) => pool.close()));
  }

  #report(event: TaskEvent): void {
    this.#context.complete(TASKS_PORT, event);
  }
}

function isSame(a: Progress, b: Progress): boolean {
  return (
    a.bytes === b.bytes &&
    a.records === b.records &&
    a.pairs === b.pairs &&
    a.record?.input === b.record?.input &&
    a.record?.offset === b.record?.offset
  );
}

/** Adds what the attempt had in hand when it failed. */
function withPosition(
  failure: AttemptFailure,
  attempt: TaskAttempt,
  reader: ProgressReader,
): AttemptFailure {
  if (attempt.task.kind !== 'map') return failure;
  const { input, record } = reader.position;
  const split = attempt.task.splits.find((candidate) => candidate.input === input);
  return {
    ...failure,
    ...(split === undefined ? {} : { file: split.file }),
    ...(record === undefined ? {} : { record }),
  };
}
