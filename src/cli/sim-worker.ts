/** Runs one seed in a thread of its own, so that the main thread hears signals meanwhile. */
import { messageOf } from '../errors.js';
import { simulateVerified } from '../sim/index.js';
import { formatTrace, type Trace } from '../trace/trace-file.js';
import type { SeedResult } from './seed-runs.js';

/** Plain data. */
export interface SeedTask {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly durationMicros: number;
  readonly bug: string | undefined;
  readonly isTraced: boolean;
}

export interface SeedOutcome {
  readonly result: SeedResult;
  /** The text of the trace file. */
  readonly trace?: string;
}

export default function runSeed(task: SeedTask): SeedOutcome {
  const { scenario, seed } = task;
  try {
    const run = simulateVerified(task);
    const [first] = run.violations;
    const result: SeedResult = {
      seed,
      scenario: run.scenario,
      simMicros: run.simMicros,
      traceHash: run.traceHash,
      counters: run.counters,
      ...(first && { failure: first }),
    };
    return { result, ...(run.trace && { trace: textOf(run.trace) }) };
  } catch (error) {
    // A run that breaks off is a find like any other, and its seed must not be lost.
    const failure = { step: 0, invariant: 'exception', detail: messageOf(error) };
    return {
      result: { seed, scenario, simMicros: 0, traceHash: '0'.repeat(16), counters: {}, failure },
    };
  }
}

function textOf({ header, events }: Trace): string {
  return [...formatTrace(header, events)].join('');
}
