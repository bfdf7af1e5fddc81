/**
 * One thread for attempts, by Piscina: a thread is started when it is needed, kept while it
 * behaves, and thrown away with all that user code did to it after any failure or abort.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { TaskAttempt } from '../../actors/mapreduce/tasks-port.js';
import type { AttemptFailure, JobSpec } from '../../machines/mapreduce/job-spec.js';
import { messageOf } from '../errors.js';
import type { WorkerReply, WorkerRequest } from './attempt-worker.js';

const MEBIBYTE = 1 << 20;
/** User code gets at least so much heap. */
const HEAP_MIB_MIN = 256;
/** A file that is not cut is in memory as bytes and as a string of up to two bytes a character. */
const WHOLE_FILE_FACTOR = 4;
/** An idle thread ends after so long; the next attempt starts another in about 40 ms. */
const IDLE_MILLIS = 30_000;

/** How much heap the thread of a job may have: never less than its largest task needs. */
export function heapMebibytes(job: JobSpec, attempt: TaskAttempt): number {
  const buffers = Math.ceil(job.memoryBytes / MEBIBYTE);
  if (attempt.task.kind === 'reduce' || job.splittable) return Math.max(HEAP_MIB_MIN, buffers);
  const largest = attempt.task.splits.reduce((max, s) => Math.max(max, s.end - s.start), 0);
  const whole = Math.ceil((largest * WHOLE_FILE_FACTOR) / MEBIBYTE);
  return Math.max(HEAP_MIB_MIN, buffers) + whole;
}

/** What the user is told when an attempt has used up its heap. */
export function memoryMessage(heapMebibytes: number): string {
  const limit = `it may use ${heapMebibytes} MiB`;
  return `the app ran out of memory: ${limit}; --memory above that for each worker raises it`;
}

export interface RunningAttempt {
  /** Settles once its thread or process writes no more for this attempt; never rejects. */
  readonly ended: Promise<WorkerReply>;
  /** Terminates it. `ended` settles all the same. */
  kill(): void;
}

/** Runs attempts where no actor is: here in a thread, or in a process (process-pool.ts). */
export interface AttemptRunner {
  /** One at a time: the caller awaits `ended` first. */
  run(attempt: TaskAttempt, progress: SharedArrayBuffer): RunningAttempt;
  /** Loads an app and says what it is like. */
  inspect(
    request: Extract<WorkerRequest, { type: 'inspect' }>,
    signal: AbortSignal,
  ): Promise<WorkerReply>;
  /** Ends what the attempts ran in. */
  close(): Promise<void>;
}

export class AttemptPool implements AttemptRunner {
  #pool: Piscina<WorkerRequest, WorkerReply> | undefined;
  #heapMebibytes = 0;

  run(attempt: TaskAttempt, progress: SharedArrayBuffer): RunningAttempt {
    const heap = heapMebibytes(attempt.job, attempt);
    if (heap > this.#heapMebibytes) this.#replace(heap);
    const pool = this.#open();
    const { port1, port2 } = new MessageChannel();
    const closed = closeOf(port1);
    const controller = new AbortController();
    const reply = pool
      .run(
        { type: 'attempt', attempt, progress, alive: port2 },
        { transferList: [port2], signal: controller.signal },
      )
      .catch((error: unknown): WorkerReply => {
        // A thread that never began has not taken its end of the channel.
        port2.close();
        return { type: 'failed', failure: crashOf(error, memoryMessage(this.#heapMebibytes)) };
      });
    return {
      ended: this.#settle(reply, closed),
      kill: () => controller.abort(),
    };
  }

  async inspect(
    request: Extract<WorkerRequest, { type: 'inspect' }>,
    signal: AbortSignal,
  ): Promise<WorkerReply> {
    this.#heapMebibytes = HEAP_MIB_MIN;
    return await this.#open()
      .run(request, { signal })
      .catch((error: unknown): WorkerReply => {
        const memory = 'the app ran out of memory';
        return { type: 'failed', failure: crashOf(error, memory) };
      });
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.destroy();
  }

  async #settle(reply: Promise<WorkerReply>, closed: Promise<void>): Promise<WorkerReply> {
    const result = await reply;
    if (result.type === 'failed') await this.close();
    await closed;
    return result;
  }

  #replace(heap: number): void {
    this.#heapMebibytes = heap;
    void this.close();
  }

  #open(): Piscina<WorkerRequest, WorkerReply> {
    if (this.#pool !== undefined) return this.#pool;
    const pool = new Piscina<WorkerRequest, WorkerReply>({
      filename: new URL('./attempt-entry.cjs', import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
      idleTimeout: IDLE_MILLIS,
      resourceLimits: { maxOldGenerationSizeMb: this.#heapMebibytes },
    });
    // What user code leaves behind may fail after its attempt; the thread is replaced then.
    pool.on('error', () => {
      if (this.#pool === pool) void this.close();
    });
    this.#pool = pool;
    return pool;
  }
}

function closeOf(port: MessagePort): Promise<void> {
  return new Promise((resolve) => {
    port.once('close', () => resolve());
    // A port is only heard, and only keeps its thread alive, once it has been started and held.
    port.start();
    port.ref();
  });
}

/** What the end of a thread says about the attempt that ran in it. */
function crashOf(error: unknown, memory: string): AttemptFailure {
  const message = messageOf(error);
  const exit = /worker exited with code: (\d+)/i.exec(message);
  if (exit !== null)
    return { kind: 'exit', message: `the app ended its thread (exit code ${exit[1]})` };
  if ((error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return { kind: 'memory', message: memory };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  return { kind: 'exception', message, ...(stack === undefined ? {} : { stack }) };
}
