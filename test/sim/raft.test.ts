import { test } from 'tap';
import { simulate } from '../../src/sim/simulate.js';

const SEEDS = 40;
const DURATION_MICROS = 8_000_000;

/** Rare states that this many seeds reach; a batch that does not has lost its power. */
const REACHED = [
  'change waits for learners',
  'elected with a tail of two older terms',
  'entry replaced on disk',
  'joint configuration entered',
  'leader gave up in its term',
  'linearizable read',
  'log truncated',
  'pre-candidate caught up',
  'snapshot installed',
  'snapshot taken',
  'transfer begun',
  'vote split',
];

function run(seed: number, bug?: string) {
  const nodes = 1 + (seed % 7);
  return simulate({ scenario: 'raft', seed, nodes, durationMicros: DURATION_MICROS, bug });
}

test('raft: safe under all faults, and well again after them (S1-S13, S16-S19, S26-S30, L1-L8)', (t) => {
  const reached = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations, counters } = run(seed);
    t.same(violations, [], `SEED=${seed}`);
    for (const [name, count] of Object.entries(counters)) {
      reached.set(name, (reached.get(name) ?? 0) + count);
    }
  }
  for (const what of REACHED) t.ok((reached.get(`raft: ${what}`) ?? 0) > 0, what);
  t.end();
});

test('raft: the canary: a vote that leaves before it is on disk is seen, by name', (t) => {
  const [violation] = run(2, 'A3-vote-before-disk').violations;
  t.match(violation?.invariant, /^raft\.S(12|30)$/);
  t.end();
});

test('raft: a seed is a run: the same trace hash in the first and a later run', (t) => {
  const first = run(5).traceHash;
  run(6);
  t.equal(run(5).traceHash, first);
  t.not(run(6).traceHash, first);
  t.end();
});
