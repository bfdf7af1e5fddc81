/** The loops over bytes that counting jobs spend their time in, beside plain ones. */
import { test } from 'tap';
import { ByteTable } from '../../src/mapreduce/byte-table.js';
import { countLineFeeds } from '../../src/mapreduce/split-reader.js';

/** A few thousand keys of 0 to 40 bytes, most of which share their first bytes with others. */
function keysOf(count: number): Buffer[] {
  const keys: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const length = i % 41;
    const key = Buffer.alloc(length, i % 3);
    // What tells keys apart stands at their end, so that it may lie anywhere in an entry.
    for (let at = length - 1, rest = i >> 4; at >= 0 && rest > 0; at--, rest >>= 8) {
      key[at] = rest & 255;
    }
    keys.push(key);
  }
  return keys;
}

test('byte table: counts keys of any length, also those at the very end of a source', (t) => {
  const keys = keysOf(150_000);
  const table = new ByteTable();
  const expected = new Map<string, number>();
  for (const [i, key] of keys.entries()) {
    const known = expected.get(key.toString('latin1'));
    const count = (i % 5) - 1;
    expected.set(key.toString('latin1'), (known ?? 0) + count);
    const source = i % 2 === 0 ? key : Buffer.concat([Buffer.from('a'), key, Buffer.alloc(16, 7)]);
    const start = i % 2;
    const isNew = table.add(source, start, start + key.length, count);
    if (isNew !== (known === undefined)) t.fail(`key ${i}: ${isNew ? 'new' : 'known'}`);
  }
  t.ok(expected.size > 70_000, 'more than the table has room for at first');
  const { arena, offsets, lengths } = table.listKeys();
  const counted = Array.from({ length: table.size }, (_, entry) => {
    const start = offsets[entry] as number;
    const bytes = Buffer.from(arena.subarray(start, start + (lengths[entry] as number)));
    return [bytes.toString('latin1'), table.countOf(entry)] as const;
  });
  t.same(counted, [...expected], 'in the order of their first occurrence');
  table.clear();
  t.equal(table.add(Buffer.from('a'), 0, 1, 1), true, 'a table that was cleared is empty');
  t.end();
});

test('line feeds are counted whatever stands beside them and however many there are', (t) => {
  const bytes = Buffer.alloc(10_000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = [9, 10, 11, 138, 0, 255, 10][i % 7] as number;
  for (const [start, end] of [
    [0, 0],
    [1, 4],
    [3, 10_000],
    [0, 9_999],
  ] as const) {
    const part = bytes.subarray(start, end);
    t.equal(countLineFeeds(part), part.filter((byte) => byte === 10).length);
  }
  t.equal(countLineFeeds(Buffer.alloc(5_001, 10)), 5_001);
  t.end();
});
