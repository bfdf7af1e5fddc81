/** What `conclave bench --json` prints: figures with all that gives them a meaning. */
import type { Machine, Versions } from './machine.js';
import type { BenchmarkReport } from './runner.js';

export interface BenchmarkDocument {
  readonly machine: Machine;
  readonly versions: Versions;
  readonly benchmarks: readonly BenchmarkReport[];
}
