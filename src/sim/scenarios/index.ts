/** The scenarios by name. `swarm` draws one of them by the seed: append, so that seeds stay. */
import { ConclaveError } from '../../errors.js';
import type { Scenario } from '../scenario.js';
import { exactlyOnce } from './exactly-once.js';
import { mapReduceScenario } from './mapreduce.js';
import { pipelineScenario } from './pipeline.js';
import { raftScenario } from './raft/raft.js';

export const SCENARIOS: readonly Scenario[] = [
  exactlyOnce,
  mapReduceScenario,
  pipelineScenario,
  raftScenario,
];

/** Throws a `ConclaveError` USAGE that names what there is. */
export function findScenario(name: string): Scenario {
  const scenario = SCENARIOS.find((candidate) => candidate.name === name);
  if (scenario === undefined) {
    const known = ['swarm', ...SCENARIOS.map((candidate) => candidate.name)].join(', ');
    throw new ConclaveError('USAGE', `there is no scenario '${name}'; there are ${known}`);
  }
  return scenario;
}
