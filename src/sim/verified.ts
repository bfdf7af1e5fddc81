/** Trusts a run only when it can be had again. */
import { type SimulateOptions, type SimulationResult, simulate } from './simulate.js';

/** One seed in so many is run twice although it did not fail. */
const VERIFIED_SHARE = 64;

/**
 * `simulate()`, and again when the run failed (or, as a sample, for one seed in 64): a run that
 * gives another trace hash the second time has the violation `determinism` in the place of its own.
 */
export function simulateVerified(options: SimulateOptions): SimulationResult {
  const result = simulate(options);
  const isSampled = BigInt(result.seed) % BigInt(VERIFIED_SHARE) === 0n;
  if (result.violations.length === 0 && !isSampled) return result;
  const { traceHash } = simulate(options);
  if (traceHash === result.traceHash) return result;
  const detail = `one seed gave the trace hashes ${result.traceHash} and ${traceHash}`;
  const { steps, simMicros } = result;
  const violation = { invariant: 'determinism', detail, step: steps, atMicros: simMicros };
  return { ...result, violations: [violation] };
}
