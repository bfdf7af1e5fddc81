import { test } from 'tap';
import type { Rpc } from '../../actors/ports.js';
import { type Fate, LinkPolicy } from '../../src/router/link-policy.js';
import { type LinkSettings, PLAIN_LINK } from '../../src/router/link-settings.js';
import { DOWN_CUT, LinkTable } from '../../src/router/link-table.js';
import { Network } from '../../src/router/network.js';
import { PRESETS, type PresetName } from '../../src/router/presets.js';

const NAMES = ['a', 'b', 'c', 'd'];
const nameOf = (id: number): string => NAMES[id] as string;
const directory = { idOf: (name: string) => NAMES.indexOf(name), names: () => NAMES };

function makeTable(): LinkTable {
  return new LinkTable(new ArrayBuffer(LinkTable.bytes(4)), 4);
}

function makeNet(seed = 1): { table: LinkTable; policy: LinkPolicy; network: Network } {
  const table = makeTable();
  const policy = new LinkPolicy({ table, seed, nameOf });
  return { table, policy, network: new Network(table, directory) };
}

/** The fates of n messages of 100 bytes from a to b, a second apart. */
function fates(settings: Partial<LinkSettings>, n: number, rpc: Rpc = 'none', seed = 1): Fate[] {
  const { table, policy } = makeNet(seed);
  table.set(0, 1, { ...PLAIN_LINK, ...settings });
  return Array.from({ length: n }, (_, i) => policy.fate(0, 1, 100, rpc, i * 1_000_000));
}

/** Six standard deviations of a binomial: a false alarm in a billion, and the seed is fixed. */
function isBinomial(hits: number, trials: number, probability: number): boolean {
  const deviation = Math.sqrt(trials * probability * (1 - probability));
  return Math.abs(hits - trials * probability) <= 6 * deviation;
}

function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce((sum, n, i) => sum + (n - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 0), 0);
}

test('link table: settings survive the buffer, and links are independent', (t) => {
  const table = makeTable();
  const settings: LinkSettings = {
    dropPpm: 1,
    duplicatePpm: 2,
    duplicateSpreadMicros: 3,
    delay: { kind: 'exponential', minMicros: 4, meanMicros: 5, maxMicros: 6 },
    tailPpm: 7,
    tailMicros: 8,
    reorder: true,
    bytesPerSecond: 9,
    lab: { unreliable: true, longReordering: false, longDelays: true },
  };
  table.set(1, 2, settings);
  t.same(table.get(1, 2), settings);
  t.same(table.get(2, 1), PLAIN_LINK);
  for (const delay of [
    { kind: 'none' },
    { kind: 'constant', micros: 5 },
    { kind: 'uniform', minMicros: 1, maxMicros: 2 },
  ] as const) {
    table.set(1, 2, { ...settings, delay });
    t.same(table.get(1, 2).delay, delay);
  }
  t.throws(() => table.set(0, 1, { ...PLAIN_LINK, dropPpm: 1_000_001 }), /dropPpm must be/);
  t.throws(() => table.set(0, 1, { ...PLAIN_LINK, tailMicros: 0.5 }), /tailMicros must be/);
  t.throws(() => table.set(0, 4, PLAIN_LINK), /ids must be below 4/);
  t.throws(() => new LinkTable(new ArrayBuffer(8), 4), /needs/);
  t.end();
});

test('link table: two views of one shared buffer are one table', (t) => {
  const buffer = new SharedArrayBuffer(LinkTable.bytes(4));
  const control = new LinkTable(buffer, 4);
  const thread = new LinkTable(buffer, 4);
  t.ok(thread.isPlain(0, 1));
  control.setDown(0, 1, DOWN_CUT, true);
  t.notOk(thread.isUp(0, 1));
  control.set(0, 1, { ...PLAIN_LINK, dropPpm: 5 });
  t.notOk(thread.isUp(0, 1), 'settings do not mend a cut');
  control.setDown(0, 1, DOWN_CUT, false);
  t.ok(thread.isUp(0, 1));
  t.notOk(thread.isPlain(0, 1));
  thread.countDelivered(0, 1, 10, 'none');
  t.equal(control.counters(0, 1).delivered, 1);
  t.end();
});

test('router: a plain link delivers at once, and deciding so allocates nothing', (t) => {
  const { table, policy } = makeNet();
  const first = policy.fate(0, 1, 100, 'none', 0);
  const plain = { copies: 1, delayMicros: 0, duplicateDelayMicros: 0 };
  t.same(first, { ...plain, inOrder: true, reported: false });
  t.equal(policy.fate(0, 1, 50, 'request', 5), first, 'one shared constant');
  t.ok(Object.isFrozen(first));
  policy.delivered(0, 1, 100, 'none');
  t.match(table.counters(0, 1), { sent: 2, sentBytes: 150, sentRequests: 1, delivered: 1 });
  t.end();
});

test('router: a one-way cut stops one direction only', (t) => {
  const { policy, network } = makeNet();
  network.cut('a', 'b');
  t.equal(policy.fate(0, 1, 1, 'none', 0).copies, 0);
  t.equal(policy.fate(1, 0, 1, 'none', 0).copies, 1);
  t.notOk(policy.admits(0, 1), 'what is on the wire is stopped too');
  t.ok(policy.admits(1, 0));
  t.match(network.counters('a', 'b'), { sent: 1, dropped: 1, refused: 1 });
  network.mend('a', 'b');
  t.equal(policy.fate(0, 1, 1, 'none', 0).copies, 1);
  t.end();
});

test('router: a partition cuts between groups, heals within, and leaves others alone', (t) => {
  const { network } = makeNet();
  network.cut('a', 'b');
  network.partition([['a', 'b'], ['c']]);
  t.ok(network.isUp('a', 'b'));
  t.notOk(network.isUp('a', 'c'));
  t.notOk(network.isUp('c', 'b'));
  t.ok(network.isUp('a', 'd'));
  t.ok(network.isUp('d', 'c'));
  t.throws(() => network.partition([['a'], ['a', 'b']]), /two groups/);
  network.heal();
  t.ok(network.isUp('a', 'c'));
  t.end();
});

test('router: connecting an actor leaves its links to disconnected ones down (labs)', (t) => {
  const { network } = makeNet();
  network.disconnect('a');
  network.disconnect('b');
  t.notOk(network.isUp('a', 'a'));
  t.notOk(network.isUp('c', 'a'));
  network.connect('a');
  t.ok(network.isUp('a', 'c'));
  t.ok(network.isUp('a', 'a'));
  t.notOk(network.isUp('a', 'b'));
  network.connect('b');
  t.ok(network.isUp('a', 'b'));
  t.end();
});

test('router: a preset applies to actors that come later', (t) => {
  const names = ['a'];
  const late = { idOf: (name: string) => NAMES.indexOf(name), names: () => names };
  const network = new Network(makeTable(), late);
  network.preset('lossy');
  network.disconnect('a');
  names.push('b');
  network.added('b');
  t.equal(network.link('a', 'b').dropPpm, 100_000);
  t.equal(network.link('b', 'a').dropPpm, 100_000);
  t.notOk(network.isUp('b', 'a'));
  t.throws(() => network.preset('nosuch' as PresetName), /no preset 'nosuch'; there are reliable/);
  t.end();
});

test('router: counters add up, by kind of rpc', (t) => {
  const { policy, network } = makeNet();
  for (const [from, to] of [
    [0, 1],
    [2, 1],
    [1, 0],
  ] as const) {
    const rpc = from === 1 ? 'reply' : 'request';
    policy.fate(from, to, 10, rpc, 0);
    policy.delivered(from, to, 10, rpc);
  }
  t.match(network.totals(), { sent: 3, sentRequests: 2, sentReplies: 1, delivered: 3 });
  t.match(network.totals(), { sentBytes: 30, deliveredReplyBytes: 10 });
  t.match(network.totalsInto('b'), { deliveredRequests: 2, deliveredReplies: 0 });
  t.end();
});

test('router: the n-th fate of a link depends on the seed, the link and n only', (t) => {
  const settings = { ...PLAIN_LINK, dropPpm: 300_000, reorder: true } as const;
  const alone = makeNet();
  alone.table.set(0, 1, settings);
  const expected = Array.from({ length: 100 }, (_, i) => alone.policy.fate(0, 1, 1, 'none', i));
  const busy = makeNet();
  busy.network.setAll(settings);
  const mixed: Fate[] = [];
  for (let i = 0; i < 100; i++) {
    busy.policy.fate(2, 3, 1, 'none', i);
    busy.policy.fate(1, 0, 1, 'none', i);
    mixed.push(busy.policy.fate(0, 1, 1, 'none', 7 * i));
  }
  t.same(mixed, expected, 'other links and other times change nothing');
  busy.table.set(0, 1, PLAIN_LINK);
  for (let i = 0; i < 10; i++) busy.policy.fate(0, 1, 1, 'none', 1e6);
  busy.table.set(0, 1, settings);
  for (let i = 100; i < 110; i++) alone.policy.fate(0, 1, 1, 'none', i);
  const after = (net: typeof alone): Fate[] =>
    Array.from({ length: 50 }, () => net.policy.fate(0, 1, 1, 'none', 1e6));
  t.same(after(busy), after(alone), 'a quiet spell shifts nothing');
  t.notSame(fates({ dropPpm: 300_000 }, 100, 'none', 2), fates({ dropPpm: 300_000 }, 100));
  t.end();
});

test('router: loss, duplication and delay have the configured probabilities', (t) => {
  const n = 100_000;
  const drawn = fates(
    {
      dropPpm: 100_000,
      duplicatePpm: 50_000,
      delay: { kind: 'uniform', minMicros: 0, maxMicros: 9 },
      reorder: true,
    },
    n,
  );
  const kept = drawn.filter((fate) => fate.copies > 0);
  t.ok(isBinomial(n - kept.length, n, 0.1), `${n - kept.length} lost`);
  const twice = kept.filter((fate) => fate.copies === 2).length;
  t.ok(isBinomial(twice, kept.length, 0.05), `${twice} duplicated`);
  const counts = new Array<number>(10).fill(0);
  for (const fate of kept) counts[fate.delayMicros] = (counts[fate.delayMicros] ?? 0) + 1;
  const statistic = chiSquare(counts, new Array(10).fill(kept.length / 10));
  t.ok(statistic < 27.88, `chi-square ${statistic}, 9 degrees, 0.1 %`);
  t.end();
});

test('router: without reorder a link keeps the order, also when it becomes plain again', (t) => {
  const { table, policy } = makeNet();
  const delay = { kind: 'uniform', minMicros: 0, maxMicros: 50_000 } as const;
  table.set(0, 1, { ...PLAIN_LINK, delay });
  const arrivals: number[] = [];
  for (let now = 0; now < 1_000_000; now += 1000) {
    arrivals.push(now + policy.fate(0, 1, 1, 'none', now).delayMicros);
  }
  table.set(0, 1, PLAIN_LINK);
  arrivals.push(1_000_000 + policy.fate(0, 1, 1, 'none', 1_000_000).delayMicros);
  t.same(
    arrivals,
    arrivals.toSorted((a, b) => a - b),
  );
  const loose = makeNet();
  loose.table.set(0, 1, { ...PLAIN_LINK, delay, reorder: true });
  const out = Array.from({ length: 100 }, () => loose.policy.fate(0, 1, 1, 'none', 0).delayMicros);
  t.notSame(
    out,
    out.toSorted((a, b) => a - b),
    'with reorder it does not',
  );
  t.end();
});

test('router: bandwidth delays by size and queueing', (t) => {
  const { table, policy } = makeNet();
  table.set(0, 1, { ...PLAIN_LINK, bytesPerSecond: 1_000_000 });
  t.equal(policy.fate(0, 1, 500, 'none', 0).delayMicros, 500);
  t.equal(policy.fate(0, 1, 500, 'none', 100).delayMicros, 900, 'waits for the first');
  t.equal(policy.fate(0, 1, 500, 'none', 5000).delayMicros, 500, 'the wire is idle again');
  t.end();
});

test('labs: an unreliable request waits 0 … 26 ms and a tenth is lost, reported (§ 0.1)', (t) => {
  const n = 108_000;
  const drawn = fates(PRESETS['labs-unreliable'], n, 'request');
  const lost = drawn.filter((fate) => fate.copies === 0);
  t.ok(isBinomial(lost.length, n, 0.1), `${lost.length} lost`);
  t.ok(lost.every((fate) => fate.reported));
  const counts = new Array<number>(27).fill(0);
  for (const fate of drawn)
    counts[fate.delayMicros / 1000] = (counts[fate.delayMicros / 1000] ?? Number.NaN) + 1;
  const statistic = chiSquare(counts, new Array(27).fill(n / 27));
  t.ok(statistic < 54.05, `chi-square ${statistic}, 26 degrees, 0.1 %`);
  const replies = fates(PRESETS['labs-unreliable'], n, 'reply');
  const lostReplies = replies.filter((fate) => fate.copies === 0);
  t.ok(isBinomial(lostReplies.length, n, 0.1), `${lostReplies.length} replies lost`);
  t.ok(replies.every((fate) => fate.delayMicros === 0 && fate.reported === (fate.copies === 0)));
  t.end();
});

test('labs: two thirds of long-reordered replies come 200 + rand(rand(2000)) ms late', (t) => {
  const n = 90_000;
  const drawn = fates(PRESETS['labs-long-reordering'], n, 'reply');
  const late = drawn.filter((fate) => fate.delayMicros > 0).map((fate) => fate.delayMicros / 1000);
  t.ok(isBinomial(late.length, n, 600 / 900), `${late.length} late`);
  t.ok(late.every((millis) => Number.isInteger(millis) && millis >= 200 && millis <= 2199));
  // The share of value v is Σ over r ≥ v of 1/2000 · 1/(r+1); cells of 200 ms.
  const expected = new Array<number>(10).fill(0);
  let tail = 0;
  for (let v = 1999; v >= 0; v--) {
    tail += 1 / 2000 / (v + 1);
    expected[Math.floor(v / 200)] = (expected[Math.floor(v / 200)] ?? 0) + tail * late.length;
  }
  const counts = new Array<number>(10).fill(0);
  for (const millis of late) {
    const cell = Math.floor((millis - 200) / 200);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const statistic = chiSquare(counts, expected);
  t.ok(statistic < 27.88, `chi-square ${statistic}, 9 degrees, 0.1 %`);
  const requests = fates(PRESETS['labs-long-reordering'], 100, 'request');
  t.ok(requests.every((fate) => fate.copies === 1 && fate.delayMicros === 0));
  t.end();
});

test('labs: a call over a cut link fails after 0 … 99 ms, or 0 … 6999 ms with long delays', (t) => {
  for (const [preset, limit] of [
    ['labs', 100],
    ['labs-long-delays', 7000],
  ] as const) {
    const { policy, network } = makeNet();
    network.preset(preset);
    network.cut('a', 'b');
    const counts = new Array<number>(10).fill(0);
    const n = 20_000;
    for (let i = 0; i < n; i++) {
      const fate = policy.fate(0, 1, 1, 'request', 0);
      if (fate.copies !== 0 || !fate.reported) t.fail('a cut link delivers');
      const cell = Math.floor(fate.delayMicros / (limit * 100));
      counts[cell] = (counts[cell] ?? Number.NaN) + 1;
    }
    const statistic = chiSquare(counts, new Array(10).fill(n / 10));
    t.ok(statistic < 27.88, `${preset}: chi-square ${statistic}, 9 degrees, 0.1 %`);
    t.same(policy.fate(1, 0, 1, 'request', 0), { ...policy.fate(1, 0, 1, 'reply', 0) });
  }
  t.end();
});

test('presets: lan, wan and lossy do what they say', (t) => {
  t.ok(fates(PRESETS.lan, 10_000).every((fate) => fate.copies === 1 && fate.delayMicros <= 501));
  const wan = fates(PRESETS.wan, 100_000);
  t.ok(isBinomial(wan.filter((fate) => fate.copies === 0).length, 100_000, 0.001));
  t.ok(wan.every((fate) => fate.copies === 0 || fate.delayMicros >= 40_000));
  t.ok(isBinomial(wan.filter((fate) => fate.delayMicros > 200_008).length, 100_000, 0.00085));
  const lossy = fates(PRESETS.lossy, 100_000);
  t.ok(isBinomial(lossy.filter((fate) => fate.copies === 0).length, 100_000, 0.1));
  t.ok(isBinomial(lossy.filter((fate) => fate.copies === 2).length, 100_000, 0.045));
  t.end();
});
