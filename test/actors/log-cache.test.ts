import fc from 'fast-check';
import { test } from 'tap';
import { LogCache, packEntries, unpackEntries } from '../../actors/log-cache.js';

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
