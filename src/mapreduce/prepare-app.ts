/**
 * Finds an app and learns what it is like before a job begins. A user's module is loaded in a
 * process of its own, so that nothing in it can end, stop or write into the process.
 */
import type { AppOptions, AppReference } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError } from '../errors.js';
import { type AppTraits, traitsOf } from './app.js';
import { findApp, loadApp } from './app-loader.js';
import { ProcessPool } from './process-pool.js';

/** A module that has not been loaded by then never will be. */
const LOAD_MILLIS_MAX = 30_000;

export interface PreparedApp {
  readonly reference: AppReference;
  readonly traits: AppTraits;
}

/**
 * Throws `USAGE` for an unknown app, a module without map and reduce or with exports of the wrong
 * kind, and a `grep` without a pattern; `APP` for a module that throws while it is loaded.
 */
export async function prepareApp(app: string | URL, options: AppOptions): Promise<PreparedApp> {
  const reference = findApp(app, options);
  if (reference.type === 'builtin') {
    return { reference, traits: traitsOf(await loadApp(reference, options)) };
  }
  return { reference, traits: await inspectModule(reference, options) };
}

async function inspectModule(reference: AppReference, options: AppOptions): Promise<AppTraits> {
  const pool = new ProcessPool();
  const timeout = AbortSignal.timeout(LOAD_MILLIS_MAX);
  try {
    const reply = await pool.inspect({ type: 'inspect', app: reference, options }, timeout);
    if (reply.type === 'traits') return reply.traits;
    if (reply.type === 'wrongExports') throw new ConclaveError('USAGE', reply.message);
    const reason = timeout.aborted
      ? `did not finish loading within ${LOAD_MILLIS_MAX / 1000} s`
      : reply.type === 'failed'
        ? reply.failure.message
        : 'could not be inspected';
    throw new ConclaveError('APP', `the app cannot be loaded: ${reason}`);
  } finally {
    await pool.close();
  }
}
