import { test } from 'tap';
import { SCENARIOS, simulate } from '../../src/sim/index.js';
import { pipelineScenario } from '../../src/sim/scenarios/pipeline.js';

/** Rare states that this many seeds reach; a batch that does not has lost its power. */
const REACHED = [
  'disk: damage refused',
  'disk: torn tail',
  'disk: un-synced write lost',
  'disk: un-synced write survived a crash',
  'fault: power loss',
  'fault: process crash',
  'fault: rot',
  'pipeline: tail cut',
];

test('pipeline: what was acknowledged stays, whichever replica dies at whichever instant', (t) => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= 80; seed++) {
    const { violations, counters } = simulate({ scenario: 'pipeline', seed });
    t.same(violations, [], `SEED=${seed}`);
    for (const [name, count] of Object.entries(counters)) {
      reached.set(name, (reached.get(name) ?? 0) + count);
    }
  }
  for (const what of REACHED) t.ok((reached.get(what) ?? 0) > 0, `sometimes ${what}`);
  t.end();
});

test('pipeline: a late answer does not make a follower cut what it has committed', (t) => {
  for (const seed of [69, 90, 124]) {
    const { violations } = simulate({ scenario: 'pipeline', seed, nodes: 5 });
    t.same(violations, [], `SEED=${seed}`);
  }
  t.end();
});

test('pipeline: every bug of the zoo is caught within 200 seeds', (t) => {
  for (const bug of Object.keys(pipelineScenario.bugs)) {
    let seed = 1;
    while (simulate({ scenario: 'pipeline', seed, bug }).violations.length === 0) {
      if (++seed > 200) break;
    }
    t.ok(seed <= 200, `${bug} was caught by seed ${seed}`);
  }
  t.end();
});

test('swarm: the seed draws the scenario, each about as often as the others', (t) => {
  const counts = new Map<string, number>(SCENARIOS.map(({ name }) => [name, 0]));
  const seeds = 60 * SCENARIOS.length;
  for (let seed = 1; seed <= seeds; seed++) {
    const { scenario } = simulate({
      seed,
      durationMicros: 0,
      isCalm: true,
      watchdogs: { events: 1 },
    });
    counts.set(scenario, (counts.get(scenario) ?? 0) + 1);
  }
  for (const [name, count] of counts) t.ok(Math.abs(count - 60) < 30, `${name} ${count} times`);
  t.end();
});
