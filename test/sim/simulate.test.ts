import { test } from 'tap';
import { simulate } from '../../src/sim/index.js';
import { exactlyOnce } from '../../src/sim/scenarios/exactly-once.js';

test('sim: every addition counts once, whatever fails (exactly-once)', (t) => {
  const sums = new Map<string, number>();
  for (let seed = 1; seed <= 200; seed++) {
    const { violations, counters } = simulate({ scenario: 'exactly-once', seed });
    if (violations.length > 0) t.fail(`seed ${seed}`, { violations });
    for (const [name, count] of Object.entries(counters)) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  for (const state of [
    'actor: killed between two effects',
    'chaos: labs-chaos',
    'chaos: clog',
    'chaos: mailbox',
    'chaos: timers',
    'disk: full',
    'disk: hung',
    'disk: stall',
    'disk: write or sync failed',
    'disk: torn tail',
    'disk: un-synced write lost',
    'disk: un-synced write survived a crash',
    'fault: clock',
    'fault: crash',
    'fault: link clogged',
    'fault: partition bridge',
    'fault: partition chain',
    'fault: partition healed',
    'fault: partition link',
    'fault: partition ring',
    'fault: partition isolated',
    'fault: partition one-way',
    'fault: partition split',
    'fault: pause',
    'fault: pause of a shared process',
    'fault: process crash',
    'fault: swizzle',
    'fault: power loss',
    'mailbox: overflow',
    'net: clogged',
    'net: cut',
    'net: cut at delivery',
    'net: duplicate',
    'net: gone at delivery',
    'net: loss',
    'net: stray at delivery',
  ]) {
    t.ok((sums.get(state) ?? 0) > 0, `sometimes ${state}`);
  }
  t.end();
});

test('sim: every bug of the zoo is caught within 300 seeds', (t) => {
  for (const bug of Object.keys(exactlyOnce.bugs)) {
    let seed = 1;
    while (simulate({ scenario: exactlyOnce, seed, bug }).violations.length === 0) {
      if (++seed > 300) break;
    }
    t.ok(seed <= 300, `${bug} was caught by seed ${seed}`);
  }
  t.end();
});

test('sim: the faults stop also for a scenario that has nothing to heal (SEED=1000003)', (t) => {
  const durationMicros = 10_000_000;
  const { trace, violations } = simulate({
    scenario: 'exactly-once',
    seed: 1_000_003,
    durationMicros,
    isTraced: true,
  });
  t.same(violations, []);
  const faults = (trace?.events ?? []).filter(({ type }) => type === 'fault');
  t.ok(faults.length > 2, 'there were some');
  t.match(faults.at(-1), { fault: 'healed', at: durationMicros });
  t.end();
});
