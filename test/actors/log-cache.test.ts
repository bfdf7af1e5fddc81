import fc from 'fast-check';
import { test } from 'tap';
import {
  forEachPacked,
  LogCache,
  packEntries,
  skipPacked,
  unpackEntries,
} from '../../actors/log-cache.js';

function entriesOf(cache: LogCache, first: number, last: number): [number, string][] {
  const entries: [number, string][] = [];
  cache.forEach(first, last, (index, entry) => {
    entries.push([index, Buffer.from(entry).toString('latin1')]);
  });
  return entries;
}

test('log cache: gives back any range of what was appended, whole and packed', (t) => {
  const blocks = fc.array(fc.array(fc.string({ maxLength: 70_000 }), { minLength: 1 }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(blocks, fc.nat(), fc.nat(), (all, a, b) => {
      const cache = new LogCache();
      const texts = all.flat().map((text) => Buffer.from(text).toString('latin1'));
      for (const block of all) {
        const packed = packEntries(block.map((text) => Buffer.from(text)));
        cache.append(cache.lastIndex + 1, block.length, packed);
      }
      const first = 1 + (a % texts.length);
      const last = first + (b % (texts.length - first + 1));
      const expected = texts.slice(first - 1, last).map((text, at) => [first + at, text]);
      const packed = packEntries(texts.slice(first - 1, last).map((s) => Buffer.from(s, 'latin1')));
      const sliced = Buffer.concat(cache.slice(first, last));
      return (
        JSON.stringify(entriesOf(cache, first, last)) === JSON.stringify(expected) &&
        sliced.equals(packed)
      );
    }),
    { numRuns: 60, seed: 1 },
  );
  t.end();
});

test('log cache: an empty range is empty, and a gap or a wrong count is refused', (t) => {
  const cache = new LogCache();
  const block = packEntries([new Uint8Array(3), new Uint8Array(0)]);
  cache.append(1, 2, block);
  t.same(cache.slice(2, 1), []);
  t.same(cache.slice(3, 9), []);
  t.throws(() => cache.append(4, 2, block), /entry 4 does not follow entry 2/);
  t.throws(() => cache.append(3, 1, block), /a block of 1 entries holds 2/);
  t.throws(() => new LogCache().append(1, 1, Uint8Array.of(9, 0, 0, 0, 1)), /beyond its block/);
  t.end();
});

test('log cache: what is cut off is gone, and others take its place', (t) => {
  const cache = new LogCache({ chunkBytes: 64 });
  const block = (text: string) => packEntries([...text].map((letter) => Buffer.from(letter)));
  cache.append(1, 20, block('abcdefghijklmnopqrst'));
  cache.cutAfter(20);
  t.equal(cache.lastIndex, 20);
  for (const [index, expected] of [
    [19, 's'],
    [15, 'o'],
    [3, 'c'],
    [0, ''],
  ] as const) {
    cache.cutAfter(index);
    t.equal(cache.lastIndex, index);
    if (index > 0) t.same(entriesOf(cache, index, index), [[index, expected]]);
    cache.append(index + 1, 2, block('XY'));
    t.same(entriesOf(cache, index + 1, index + 2), [
      [index + 1, 'X'],
      [index + 2, 'Y'],
    ]);
  }
  t.same(
    unpackEntries(block('ab')).map((entry) => Buffer.from(entry).toString()),
    ['a', 'b'],
  );
  t.end();
});

test('log cache: truncated, compacted and reset, it is what a plain list would be', (t) => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('append' as const), n: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ op: fc.constant('truncate' as const), n: fc.nat(6) }),
    fc.record({ op: fc.constant('compact' as const), n: fc.nat(6) }),
    fc.record({ op: fc.constant('reset' as const), n: fc.nat(3) }),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 90_000 }),
      (ops, size) => {
        const cache = new LogCache();
        let entries: string[] = [];
        let base = 0;
        let made = 0;
        for (const { op, n } of ops) {
          const last = base + entries.length;
          if (op === 'append') {
            const more = Array.from({ length: n }, () =>
              `${++made}`.padEnd(1 + (made % size), '.'),
            );
            cache.append(last + 1, n, packEntries(more.map((text) => Buffer.from(text))));
            entries.push(...more);
          } else if (op === 'truncate') {
            const first = Math.max(base + 1, last - n + 1);
            cache.cutAfter(first - 1);
            entries = entries.slice(0, first - 1 - base);
          } else if (op === 'compact') {
            const upTo = Math.min(last, base + n);
            cache.compactTo(upTo);
            entries = entries.slice(upTo - base);
            base = upTo;
          } else {
            base = last + n;
            cache.reset(base);
            entries = [];
          }
          if (cache.firstIndex !== base + 1 || cache.lastIndex !== base + entries.length)
            return false;
          const bytes = entries.reduce((sum, text) => sum + 4 + text.length, 0);
          if (cache.sizeBytes !== bytes) return false;
        }
        const expected = entries.map((text, at) => [base + 1 + at, text]);
        return (
          JSON.stringify(entriesOf(cache, base + 1, base + entries.length)) ===
          JSON.stringify(expected)
        );
      },
    ),
    { numRuns: 100, seed: 2 },
  );
  t.end();
});

test('log cache: a view that was given out survives truncation and what is appended then', (t) => {
  const cache = new LogCache();
  cache.append(1, 2, packEntries([Buffer.from('one'), Buffer.from('two')]));
  const [view] = cache.slice(2, 2) as [Uint8Array];
  cache.cutAfter(1);
  cache.append(2, 1, packEntries([Buffer.from('TWO')]));
  t.equal(Buffer.from(view).subarray(4).toString(), 'two');
  t.same(entriesOf(cache, 1, 2), [
    [1, 'one'],
    [2, 'TWO'],
  ]);
  t.throws(() => cache.compactTo(3), /beyond the last entry 2/);
  cache.compactTo(1);
  t.throws(() => cache.cutAfter(0), /compacted away/);
  t.end();
});

test('log cache: packed entries are walked and cut by number, and damage is refused', (t) => {
  const packed = packEntries([Buffer.from('a'), Buffer.from(''), Buffer.from('bc')]);
  const seen: string[] = [];
  t.equal(
    forEachPacked(packed, (entry, at) => seen.push(`${at}:${Buffer.from(entry)}`)),
    3,
  );
  t.same(seen, ['0:a', '1:', '2:bc']);
  t.same(skipPacked(packed, 2), packEntries([Buffer.from('bc')]));
  t.equal(skipPacked(packed, 0), packed);
  t.throws(() => forEachPacked(packed.subarray(0, -1), () => {}), /beyond its block/);
  t.throws(() => forEachPacked(packed.subarray(0, 7), () => {}), /length is cut off/);
  t.end();
});
