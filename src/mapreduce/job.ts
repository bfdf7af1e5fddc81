/**
 * `mapReduce()`: runs one job on worker threads from start to report. The calling thread is the
 * job's client: it asks the coordinator how things stand, and when every task has a winner it gives
 * the output its final names. It does that in one go, so that no signal can come between.
 */
import { decodeJobStatusResult, encodeClientNews } from '../../actors/mapreduce/wire.js';
import type { ClientNews, JobFailure, JobStatusResult } from '../../machines/mapreduce/messages.js';
import { ConclaveError } from '../errors.js';
import { JobActors } from './job-actors.js';
import { type JobPlan, planJob } from './job-plan.js';
import { JobProgressReporter } from './job-progress.js';
import type { MapReduceOptions, MapReduceReport } from './options.js';
import { reportOf } from './report.js';

/** The client asks this often: what a job's end waits for at most. */
const POLL_MILLIS = 15;
const ANSWER_MILLIS_MAX = 500;

/**
 * Runs a job and resolves with its report once the output stands under its final names. Rejects
 * with a `ConclaveError`: `USAGE`, `APP`, `INPUT`, `OUTPUT` before it starts, `JOB_FAILED` when a
 * task has failed for good, `INTERRUPTED` when `signal` aborts. Whatever happens, nothing is left
 * in the output directory but the output.
 */
export async function mapReduce(options: MapReduceOptions): Promise<MapReduceReport> {
  throwIfAborted(options.signal);
  const startedAt = performance.now();
  const plan = await planJob(options);
  try {
    throwIfAborted(options.signal);
    return await runJob(plan, options, startedAt);
  } finally {
    plan.output.close();
  }
}

async function runJob(
  plan: JobPlan,
  options: MapReduceOptions,
  startedAt: number,
): Promise<MapReduceReport> {
  const input = { spec: plan.spec, plan: plan.tasks };
  const actors = await JobActors.start(input, plan.workersCount, options);
  const client = new JobClient(plan, actors, new JobProgressReporter(options));
  // What has been committed is done: an abort that comes later changes nothing.
  const interruption = interruptionOf(options.signal, () => !client.isCommitted);
  try {
    options.onStart?.(actors);
    await Promise.race([client.run(), actors.lost, interruption.interrupted]);
    const { status, files } = client.outcome();
    const wallSeconds = (performance.now() - startedAt) / 1000;
    return reportOf({ plan, status, files, wallSeconds });
  } finally {
    interruption.end();
    client.stop();
    await actors.close();
  }
}

class JobClient {
  readonly #plan: JobPlan;
  readonly #actors: JobActors;
  readonly #progress: JobProgressReporter;
  #news: ClientNews = { type: 'none' };
  #files: readonly string[] = [];
  #status: JobStatusResult | undefined;
  #isStopped = false;

  constructor(plan: JobPlan, actors: JobActors, progress: JobProgressReporter) {
    this.#plan = plan;
    this.#actors = actors;
    this.#progress = progress;
  }

  get isCommitted(): boolean {
    return this.#news.type === 'committed';
  }

  /** From now on it commits nothing. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Asks until the job has ended, and commits on the way. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const status = await this.#ask();
      if (this.#isStopped) return;
      if (status !== undefined) {
        this.#status = status;
        this.#progress.tell(status);
        if (status.report !== null) return;
        if (status.phase === 'commit' && this.#news.type === 'none') {
          this.#files = this.#plan.output.commit(status.results);
          this.#news = { type: 'committed' };
          continue;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
    }
  }

  /** How it ended. Throws when not well. */
  outcome(): { status: JobStatusResult; files: readonly string[] } {
    if (this.#status === undefined) throw new Error('the job has not ended');
    if (this.#status.phase === 'succeeded') return { status: this.#status, files: this.#files };
    throw asJobFailed(this.#status.failure);
  }

  /** Undefined when the network swallowed the question or the answer: it is asked again. */
  async #ask(): Promise<JobStatusResult | undefined> {
    try {
      const reply = await this.#actors.client.request({
        to: this.#actors.coordinator,
        kind: 'jobStatus',
        payload: encodeClientNews(this.#news),
        timeoutMs: ANSWER_MILLIS_MAX,
      });
      return decodeJobStatusResult(reply.payload);
    } catch (error) {
      if (error instanceof ConclaveError && error.code === 'TIMEOUT') return undefined;
      throw error;
    }
  }
}

function asJobFailed(failure: JobFailure | null): ConclaveError {
  const cause = failure?.cause ?? undefined;
  const error = new Error(cause?.message);
  if (cause?.stack !== undefined) error.stack = cause.stack;
  return new ConclaveError('JOB_FAILED', failure?.message ?? 'the job was cancelled', {
    ...(cause === undefined ? {} : { cause: error }),
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw interrupted(signal);
}

function interrupted(signal: AbortSignal): ConclaveError {
  return new ConclaveError('INTERRUPTED', 'the job was interrupted; no output was written', {
    cause: signal.reason,
  });
}

/** A promise that rejects when the signal aborts, and how to stop listening. */
function interruptionOf(
  signal: AbortSignal | undefined,
  isWanted: () => boolean,
): {
  readonly interrupted: Promise<never>;
  end(): void;
} {
  let end = () => {};
  const promise = new Promise<never>((_, reject) => {
    if (signal === undefined) return;
    const abort = () => {
      if (isWanted()) reject(interrupted(signal));
    };
    signal.addEventListener('abort', abort, { once: true });
    end = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  });
  promise.catch(() => {});
  return { interrupted: promise, end };
}
