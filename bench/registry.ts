/** Every benchmark, in the order in which `conclave bench` lists and runs them: one line each. */
import { diskLog } from './disk-log.js';
import type { Benchmark } from './framework/benchmark.js';
import { mailbox } from './mailbox.js';
import { mapReduceBenchmark } from './mapreduce.js';
import { pipeline } from './pipeline.js';
import { simBenchmark } from './sim.js';
import { spawn } from './spawn.js';
import { stepBenchmark } from './step.js';

export const BENCHMARKS: readonly Benchmark[] = [
  stepBenchmark,
  mailbox,
  pipeline,
  spawn,
  diskLog,
  simBenchmark,
  mapReduceBenchmark,
];
