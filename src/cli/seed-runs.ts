/**
 * Many seeds of the simulator, some at a time, reported in the order of the seeds: what is printed
 * and hashed does not depend on how many threads ran them.
 */

/** What the run of one seed came to; plain data. */
export interface SeedResult {
  readonly seed: number;
  /** The scenario that ran; the swarm draws one for each seed. */
  readonly scenario: string;
  readonly failure?: {
    /** How many events had been handled when it was found. */
    readonly step: number;
    readonly invariant: string;
    readonly detail: string;
  };
  readonly simMicros: number;
  /** 16 hexadecimal digits. */
  readonly traceHash: string;
  readonly counters: Readonly<Record<string, number>>;
}

export interface SeedPlan {
  readonly first: number;
  /** Included. */
  readonly last: number;
  /** How many run at the same time. */
  readonly jobs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs the seeds and hands over each result, in the order of the seeds. Rejects with the signal's
 * reason, or with what a run rejected with; runs under way are the caller's to end.
 */
export async function runSeeds(
  plan: SeedPlan,
  run: (seed: number) => Promise<SeedResult>,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const { last, jobs, signal } = plan;
  const early = new Map<number, SeedResult>();
  let next = plan.first;
  let due = plan.first;
  const runner = async (): Promise<void> => {
    while (next <= last) {
      signal.throwIfAborted();
      const seed = next++;
      early.set(seed, await run(seed));
      for (let result = early.get(due); result !== undefined; result = early.get(due)) {
        early.delete(due);
        due++;
        onResult(result);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, last - next + 1) }, runner));
  signal.throwIfAborted();
}

/** What a range of seeds came to, folded one result at a time. */
export class SeedTotals {
  seeds = 0;
  simMicros = 0;
  readonly #counters = new Map<string, number>();

  add(result: SeedResult): void {
    this.seeds++;
    this.simMicros += result.simMicros;
    for (const [name, count] of Object.entries(result.counters)) {
      this.#counters.set(name, (this.#counters.get(name) ?? 0) + count);
    }
  }

  /** Sums over all seeds, by name. */
  counters(): Record<string, number> {
    return Object.fromEntries([...this.#counters].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
