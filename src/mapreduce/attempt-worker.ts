/**
 * The thread in which attempts run, apart from all actors: it loads user code, runs one map or
 * reduce attempt at a time, and turns whatever goes wrong into an `AttemptFailure`. What it cannot
 * catch (an exit, no memory, an endless loop) its owner sees from outside (attempt-pool.ts).
 */
import { readFileSync, rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import type { TaskAttempt } from '../../actors/mapreduce/tasks-port.js';
import type {
  AppOptions,
  AppReference,
  AttemptFailure,
  Counters,
  FailureKind,
  JobSpec,
  ResultFile,
} from '../../machines/mapreduce/job-spec.js';
import { messageOf } from '../errors.js';
import { type App, type AppTraits, traitsOf } from './app.js';
import { loadApp } from './app-loader.js';
import {
  AppError,
  BadOutputError,
  InputLostError,
  IoError,
  TooLargeError,
  WrongExportsError,
} from './attempt-errors.js';
import { positionPath, resultPath, scratchPath } from './attempt-files.js';
import { ProgressWriter } from './attempt-progress.js';
import { type AttemptContext, runMapAttempt } from './map-attempt.js';
import { runReduceAttempt } from './reduce-attempt.js';

// Standard output belongs to the command's result; what user code prints goes beside it.
process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;

/** What the thread is asked to do. */
export type WorkerRequest =
  | {
      readonly type: 'attempt';
      readonly attempt: TaskAttempt;
      readonly progress: SharedArrayBuffer;
      /** Closes with this thread, or when the attempt is over: only then does it write no more. */
      readonly alive: MessagePort;
    }
  /** Loads the app and says what it exports. */
  | { readonly type: 'inspect'; readonly app: AppReference; readonly options: AppOptions };

export type WorkerReply =
  | {
      readonly type: 'finished';
      readonly files: readonly ResultFile[];
      readonly counters: Counters;
    }
  | { readonly type: 'failed'; readonly failure: AttemptFailure }
  | { readonly type: 'traits'; readonly traits: AppTraits }
  /** The module was loaded, but is no app. */
  | { readonly type: 'wrongExports'; readonly message: string };

/** The app that was loaded last, and what it was loaded for. */
let loaded: { readonly key: string; readonly app: Promise<App> } | undefined;

function loadOnce(job: JobSpec): Promise<App> {
  const key = JSON.stringify([job.app, job.options]);
  if (loaded?.key !== key) loaded = { key, app: loadApp(job.app, job.options) };
  return loaded.app;
}

/** The entry point: what Piscina calls. */
export default async function run(request: WorkerRequest): Promise<WorkerReply> {
  if (request.type === 'inspect') return await inspect(request);
  try {
    return await runAttempt(request.attempt, new ProgressWriter(request.progress));
  } catch (error) {
    return { type: 'failed', failure: failureOf(error) };
  } finally {
    request.alive.close();
  }
}

async function inspect(request: WorkerRequest & { type: 'inspect' }): Promise<WorkerReply> {
  try {
    return { type: 'traits', traits: traitsOf(await loadApp(request.app, request.options)) };
  } catch (error) {
    if (error instanceof WrongExportsError) return { type: 'wrongExports', message: error.message };
    return { type: 'failed', failure: failureOf(error) };
  }
}

async function runAttempt(attempt: TaskAttempt, progress: ProgressWriter): Promise<WorkerReply> {
  const { job, id } = attempt;
  const startMicros = threadCpuMicros();
  const app = await loadOnce(job);
  const scratch = scratchPath(job.directory, id);
  const path = resultPath(job.directory, id);
  const context: AttemptContext = { app, job, progress, scratch, path };
  if (job.app.type === 'module' && isMap(attempt)) {
    progress.keepPositionIn(positionPath(job.directory, id));
  }
  try {
    const result = isMap(attempt)
      ? await runMapAttempt(attempt, context)
      : await runReduceAttempt(attempt, context);
    const counters: Counters = {
      bytesIn: progress.bytes,
      recordsIn: progress.records,
      pairsOut: progress.pairs,
      bytesOut: result.files.reduce((sum, file) => sum + file.bytes, 0),
      spills: result.spills,
      cpuMicros: threadCpuMicros() - startMicros,
    };
    return { type: 'finished', files: result.files, counters };
  } finally {
    progress.close();
    rmSync(positionPath(job.directory, id), { force: true });
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isMap(attempt: TaskAttempt): attempt is Extract<TaskAttempt, { skip: unknown }> {
  return attempt.task.kind === 'map';
}

function kindOf(error: unknown): FailureKind {
  if (error instanceof InputLostError) return 'inputLost';
  if (error instanceof BadOutputError) return 'badOutput';
  if (error instanceof TooLargeError) return 'memory';
  if (error instanceof AppError) return 'app';
  return error instanceof IoError ? 'io' : 'exception';
}

function failureOf(error: unknown): AttemptFailure {
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    kind: kindOf(error),
    message: messageOf(error),
    ...(stack === undefined ? {} : { stack }),
    ...(error instanceof InputLostError ? { lostMap: error.lostMap } : {}),
  };
}

/**
 * Processor time of this thread. Linux tells it by thread; elsewhere Node 20 has only the time that
 * the event loop was busy, which includes waiting for the disk.
 */
function threadCpuMicros(): number {
  try {
    return Math.round(
      Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1000,
    );
  } catch {
    return Math.round(performance.eventLoopUtilization().active * 1000);
  }
}
