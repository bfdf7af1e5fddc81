/**
 * How much simulated time passes in a second of real time, and how many seeds an hour that makes:
 * whole runs of each scenario, with faults, every invariant checked after every event, and then the
 * healing. One thread; seeds are independent, so more cores give more.
 */
import { SCENARIOS, simulate } from '../src/sim/index.js';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';

/**
 * Runs the seeds of one scenario. A violation ends the benchmark: figures of a bug mean nothing.
 */
function measure(scenario: string, context: RunContext): readonly Row[] {
  const seeds = context.option('seeds');
  const started = performance.now();
  let simSeconds = 0;
  let steps = 0;
  for (let index = 0; index < seeds; index++) {
    const seed = context.seed * 1_000_000 + context.run * 1_000 + index;
    const nodes = context.option('nodes');
    const durationMicros = Math.round(context.option('duration') * 1_000_000);
    const {
      violations,
      simMicros,
      steps: taken,
    } = simulate({
      scenario,
      seed,
      nodes,
      durationMicros,
    });
    const violation = violations[0];
    if (violation !== undefined) {
      throw new Error(`${scenario}, seed ${seed}: ${violation.invariant}: ${violation.detail}`);
    }
    simSeconds += simMicros / 1_000_000;
    steps += taken;
  }
  const seconds = (performance.now() - started) / 1000;
  return [
    { name: `${scenario}: simulated time`, unit: 's/s', value: simSeconds / seconds },
    { name: `${scenario}: events`, unit: 'events/s', value: steps / seconds },
    { name: `${scenario}: runs`, unit: 'seeds/h', value: (seeds / seconds) * 3600 },
  ];
}

export const simBenchmark: Benchmark = {
  name: 'sim',
  description: 'simulated to real time, and seeds an hour, with faults and every invariant on',
  options: [
    { name: 'seeds', unit: 'seeds', description: 'of each scenario in a run', value: 40, quick: 8 },
    { name: 'nodes', unit: 'nodes', description: 'of the simulated system', value: 5 },
    { name: 'duration', unit: 's', description: 'simulated time with faults', value: 30 },
  ],
  runs: { full: 5, quick: 2 },
  run: (context) => SCENARIOS.flatMap(({ name }) => measure(name, context)),
};
