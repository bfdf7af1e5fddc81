import { test } from 'tap';
import { Prng, parseSeed, stream } from '../../src/random/prng.js';

test('prng: matches the reference xoshiro128**', (t) => {
  // The reference's first outputs for the state 1, 2, 3, 4.
  const prng = new Prng([1, 2, 3, 4]);
  const outputs = Array.from({ length: 6 }, () => prng.uint32());
  t.same(outputs, [11520, 0, 5927040, 70819200, 2031721883, 1637235492]);
  t.end();
});

test('prng: a seed means the same as a number, a bigint and a string', (t) => {
  const first = stream(7, 'x').uint32();
  t.equal(stream(7n, 'x').uint32(), first);
  t.equal(stream('7', 'x').uint32(), first);
  t.equal(stream('0x7', 'x').uint32(), first);
  t.not(stream(8, 'x').uint32(), first);
  t.equal(parseSeed(-1), 2n ** 64n - 1n);
  for (const bad of ['', 'seven', '1.5', ' 7']) t.throws(() => parseSeed(bad), /whole number/);
  t.throws(() => parseSeed(0.5), /whole number/);
  t.end();
});

test('prng: streams of one seed are unrelated', (t) => {
  const a = stream(7, 'net.a→b');
  const b = stream(7, 'net.b→a');
  let equalBits = 0;
  for (let i = 0; i < 4000; i++) {
    let difference = a.uint32() ^ b.uint32();
    for (let bit = 0; bit < 32; bit++, difference >>>= 1) equalBits += 1 - (difference & 1);
  }
  // 128 000 fair coins: six standard deviations are 1 073.
  t.ok(Math.abs(equalBits - 64_000) < 1073, `${equalBits} of 128000 bits agree`);
  t.end();
});

test('prng: below() is uniform and keeps its bound (chi-square)', (t) => {
  const prng = stream(1, 'below');
  const counts = new Array<number>(27).fill(0);
  const draws = 270_000;
  for (let i = 0; i < draws; i++) {
    const value = prng.below(27);
    counts[value] = (counts[value] ?? Number.NaN) + 1;
  }
  const expected = draws / 27;
  const chiSquare = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  t.ok(chiSquare < 54.05, `chi-square ${chiSquare}, 26 degrees, 0.1 %`);
  // Of a bound that does not divide 2^32, a plain remainder would favour the lowest third.
  let low = 0;
  for (let i = 0; i < 9_000; i++) if (prng.below(3 * 2 ** 30) < 2 ** 30) low++;
  t.ok(low > 2_700 && low < 3_300, `${low} of 9000 in the lowest third`);
  t.equal(prng.below(1), 0);
  t.throws(() => prng.below(0), RangeError);
  t.throws(() => prng.below(2 ** 32 + 1), RangeError);
  t.end();
});

test('prng: exponential() has the distribution, from integers alone (chi-square)', (t) => {
  const prng = stream(2, 'exponential');
  const mean = 1_000_000;
  const cells = 20;
  const counts = new Array<number>(cells).fill(0);
  const draws = 200_000;
  let sum = 0;
  for (let i = 0; i < draws; i++) {
    const value = prng.exponential(mean);
    if (value < 0 || !Number.isInteger(value)) t.fail(`${value} is not a whole number`);
    sum += value;
    // Cells of equal probability; the test may use Math.exp.
    const cell = Math.min(cells - 1, Math.floor((1 - Math.exp(-value / mean)) * cells));
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const expected = draws / cells;
  const chiSquare = counts.reduce((total, n) => total + (n - expected) ** 2 / expected, 0);
  t.ok(chiSquare < 43.82, `chi-square ${chiSquare}, 19 degrees, 0.1 %`);
  t.ok(Math.abs(sum / draws - mean) < 12_000, `mean ${sum / draws}`);
  t.end();
});

test('prng: seek() makes the draws depend on the key and the counter only', (t) => {
  const prng = new Prng([1, 0, 0, 0]);
  const at = (n: number): number[] => {
    prng.seek(0xdead, 0xbeef, n);
    return [prng.uint32(), prng.uint32(), prng.uint32()];
  };
  const tenth = at(10);
  at(11);
  t.same(at(10), tenth);
  t.notSame(at(10 + 2 ** 32), tenth);
  let heads = 0;
  for (let n = 0; n < 100_000; n++) {
    prng.seek(1, 2, n);
    if (prng.chance(1, 2)) heads++;
  }
  t.ok(Math.abs(heads - 50_000) < 949, `${heads} heads; six standard deviations are 949`);
  t.end();
});

test('prng: a tap sees every raw draw', (t) => {
  const seen: number[] = [];
  const prng = stream(3, 'tapped', (value) => seen.push(value));
  const drawn = [prng.uint32(), prng.uint32()];
  t.same(seen, drawn);
  t.end();
});

test('prng: shuffle() keeps the elements and pick() takes one of them', (t) => {
  const prng = stream(4, 'shuffle');
  const items = ['a', 'b', 'c', 'd', 'e'];
  const orders = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    const shuffled = prng.shuffle(items);
    orders.add(shuffled.join(''));
    if (!items.includes(prng.pick(items))) t.fail('picked what is not there');
  }
  t.equal(orders.size, 120, 'every order occurs');
  t.same([...prng.shuffle(items)].sort(), items);
  t.end();
});
