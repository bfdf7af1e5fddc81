/**
 * Threads for actors: never-ending tasks in Piscina pools, one pool for each class of resource
 * limits, because limits are a pool's (DESIGN § 2).
 */
import { Piscina } from 'piscina';
import { messageOf } from '../errors.js';
import type { ThreadBoot } from './control-protocol.js';

/** Limits of one thread, enforced by V8: an actor that exceeds them dies, not the process. */
export interface ResourceLimits {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly stackSizeMb?: number;
}

const ENTRY = new URL('./thread-entry.cjs', import.meta.url).href;
/** Memory that a thread of another class does not give back soon is a leak in a long test run. */
const IDLE_TIMEOUT_MS = 100;

/** A thread that runs, or did. */
export interface RunningThread {
  /** Ends the thread where it stands; nothing is flushed. */
  abort(): void;
  /** Resolves with the reason when the task has ended. The thread may still be running then. */
  readonly ended: Promise<string>;
}

export class ActorThreadPool {
  readonly #pools = new Map<string, Piscina>();

  /** Starts a thread. It is dead when its control port has closed, not before. */
  run(boot: ThreadBoot, limits: ResourceLimits): RunningThread {
    const pool = this.#poolFor(limits);
    const abort = new AbortController();
    pool.options.maxThreads = Math.max(pool.options.maxThreads, pool.threads.length + 1);
    const { control } = boot;
    const task = pool.run(boot, { transferList: [control], signal: abort.signal });
    if (pool.queueSize > 0) throw new Error('an actor was queued instead of started');
    const ended = task.then(neverEnds, messageOf).finally(() => {
      // A thread that was aborted before it was up has never been given its port, and nobody else
      // closes it. One that was transferred is an empty shell here.
      control.close();
    });
    return { abort: () => abort.abort(), ended };
  }

  /** Ends all threads at once. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #poolFor(limits: ResourceLimits): Piscina {
    const key = JSON.stringify(Object.entries(limits).sort());
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = new Piscina({
        filename: ENTRY,
        minThreads: 0,
        maxThreads: 1,
        maxQueue: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker: 1,
        atomics: 'disabled',
        idleTimeout: IDLE_TIMEOUT_MS,
        resourceLimits: limits,
        execArgv: inheritedFlags(process.execArgv),
        recordTiming: false,
      });
      // What a dying thread throws after its task has ended; its control port tells of the death.
      pool.on('error', () => {});
      this.#pools.set(key, pool);
    }
    return pool;
  }
}

function neverEnds(): string {
  return 'the task of an actor thread ended';
}

const LOADER_FLAG = /^(--import|--require|--loader|--experimental-loader|-r)(=|$)/;

/**
 * The flags of this process that its actor threads have too: all but loaders. Actors are compiled
 * modules; a loader (a test runner's TypeScript compiler, say) costs each thread a third of a
 * second and more memory than a limited one may have.
 */
export function inheritedFlags(flags: readonly string[]): string[] {
  return flags.filter((flag, at) => {
    const before = flags[at - 1];
    const isValue = before !== undefined && LOADER_FLAG.test(before) && !before.includes('=');
    return !isValue && !LOADER_FLAG.test(flag);
  });
}
