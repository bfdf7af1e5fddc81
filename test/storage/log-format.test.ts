import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 as nodeCrc32 } from 'node:zlib';
import { test } from 'tap';
import type { ConclaveError } from '../../src/errors.js';
import { stream } from '../../src/random/prng.js';
import type { ActorLog } from '../../src/storage/actor-log.js';
import { crc32 } from '../../src/storage/crc32.js';
import { openDiskLog } from '../../src/storage/disk-log.js';
import {
  batchBytes,
  damageOfTail,
  decodeSegmentHeader,
  encodeSegmentHeader,
  readBatchHeader,
  sealBatch,
  splitBody,
} from '../../src/storage/log-format.js';
import { MemoryLog } from '../../src/storage/memory-log.js';

const PLACE = { seed: 77, offset: 1000 };

/** A sealed batch of one record of `size` bytes at `offset`. */
function sealed(size: number, offset = PLACE.offset, fill = 0x62): Uint8Array {
  const recordsBytes = 4 + size;
  const bytes = new Uint8Array(batchBytes(recordsBytes)).fill(fill, 32, 32 + size);
  new DataView(bytes.buffer).setUint32(28, size, true);
  const batch = { ...PLACE, offset, recordsBytes, firstSequence: 5, recordCount: 1 };
  sealBatch(bytes, batch, crc32);
  return bytes;
}

/** The verdict over what a disk holds from PLACE on. */
function verdict(disk: Uint8Array): 'torn' | 'damage' | 'clean' {
  const length = disk.findLastIndex((byte) => byte !== 0) + 1;
  if (length === 0) return 'clean';
  const damage = damageOfTail({ ...PLACE, bytes: disk.subarray(0, length) }, crc32);
  return damage === undefined ? 'torn' : 'damage';
}

function codeOf(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    return { code: (error as ConclaveError).code, message: (error as ConclaveError).message };
  }
  return { code: 'none', message: '' };
}

test('crc32: the checksum without node: equals that of zlib', async (t) => {
  const random = stream(1, 'crc');
  for (let length = 0; length < 300; length++) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const seed = random.uint32();
    if (crc32(bytes) !== nodeCrc32(bytes) || crc32(bytes, seed) !== nodeCrc32(bytes, seed)) {
      t.fail(`they differ at length ${length}`);
    }
  }
  t.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
});

test('log format: a batch that any subset of sectors or any cut leaves behind is torn', async (t) => {
  const batch = sealed(3000);
  const edges = [0];
  for (let at = 512 - (1000 % 512); at < batch.length; at += 512) edges.push(at);
  edges.push(batch.length);
  for (let subset = 0; subset < 2 ** (edges.length - 1) - 1; subset++) {
    const disk = new Uint8Array(batch.length);
    for (let n = 0; n + 1 < edges.length; n++) {
      if (subset & (1 << n)) disk.set(batch.subarray(edges[n], edges[n + 1]), edges[n]);
    }
    t.equal(verdict(disk), subset === 0 ? 'clean' : 'torn', `sectors ${subset.toString(2)}`);
  }
  for (let cut = 1; cut < batch.length; cut++) {
    const disk = new Uint8Array(batch.length);
    disk.set(batch.subarray(0, cut));
    if (verdict(disk) !== 'torn') t.fail(`cut at ${cut}`);
  }
});

test('log format: a header that straddles two sectors may lose either part', async (t) => {
  for (let offset = 512 - 24; offset < 512; offset += 8) {
    const batch = sealed(200, offset);
    for (const [from, to] of [
      [0, 512 - offset],
      [512 - offset, batch.length],
    ]) {
      const bytes = new Uint8Array(batch).fill(0, from, to);
      const length = bytes.findLastIndex((byte) => byte !== 0) + 1;
      const tail = { ...PLACE, offset, bytes: bytes.subarray(0, length) };
      t.equal(damageOfTail(tail, crc32), undefined, `offset ${offset} without ${from} to ${to}`);
    }
  }
});

test('log format: what no torn write explains is damage', async (t) => {
  const first = sealed(100);
  const both = new Uint8Array(first.length + 2000);
  both.set(first);
  both.set(sealed(100, PLACE.offset + first.length), first.length);

  t.equal(verdict(new Uint8Array(both).fill(0, 60, 61)), 'damage', 'a byte, and a batch follows');
  t.equal(
    verdict(new Uint8Array(both).fill(0, 0, first.length)),
    'damage',
    'no header, one follows',
  );
  both[first.length + 50] = 0;
  t.equal(verdict(new Uint8Array(both).fill(0, 0, 4)), 'damage', 'even if its body is broken');
  const far = new Uint8Array(33 * 1024 * 1024);
  far[far.length - 1] = 1;
  t.equal(verdict(far), 'damage', 'further away than a batch reaches');
  const garbage = Uint8Array.from({ length: 100 }, (_, at) => at + 1);
  t.equal(verdict(garbage), 'damage', 'bytes that nobody wrote');
  const torn = sealed(3000).fill(0, 1048, 1560);
  t.equal(verdict(torn), 'torn');
  const followed = new Uint8Array(torn.length + 1).fill(1, torn.length);
  followed.set(torn);
  t.equal(verdict(followed), 'damage', 'a torn batch, and a byte follows it');
  for (const place of [
    { ...PLACE, offset: 1008 },
    { ...PLACE, seed: 78 },
  ]) {
    t.equal(readBatchHeader(first, 0, place, crc32), undefined, 'a batch in the wrong place');
  }
  t.equal(readBatchHeader(first, 0, PLACE, crc32)?.recordCount, 1);
});

test('log format: lengths that do not fit are refused before anything is allocated', async (t) => {
  const body = new Uint8Array(24);
  const view = new DataView(body.buffer);
  view.setUint32(0, 16, true);
  t.equal(splitBody(body, 1)?.[0]?.length, 16);
  t.equal(splitBody(body, 2), undefined, 'more records than there are');
  view.setUint32(0, 17, true);
  t.equal(splitBody(body, 1)?.[0]?.length, 17, 'padding of 3 bytes is sound');
  for (const length of [0xffffffff, 2 ** 24 + 1, 21]) {
    view.setUint32(0, length, true);
    t.equal(splitBody(body, 1), undefined, `a record of ${length} bytes`);
  }
  view.setUint32(0, 20, true);
  t.equal(splitBody(body, 1), undefined, 'no trailer');
});

test('log format: a header of another version is told from a damaged one', async (t) => {
  const header = {
    number: 3,
    firstSequence: 2 ** 40 + 5,
    logId: new Uint8Array(8).fill(9),
    capacityBytes: 4096,
  };
  const bytes = encodeSegmentHeader(header, crc32);
  t.same(decodeSegmentHeader(bytes, crc32), header);
  bytes[8] = 2;
  t.equal(decodeSegmentHeader(bytes, crc32), 'damaged', 'a flipped bit is not a version');
  new DataView(bytes.buffer).setUint32(508, crc32(bytes.subarray(0, 508)), true);
  t.equal(decodeSegmentHeader(bytes, crc32), 'version');
});

test('disk log: segments that are missing, foreign, renamed or re-used are refused', async (t) => {
  const open = (directory: string) =>
    openDiskLog({ directory, segmentSizes: { firstBytes: 1024, maxBytes: 1024 } });
  const write = (directory: string) => {
    const log = open(directory);
    for (let n = 1; n <= 12; n++) {
      log.append(Buffer.alloc(150, n), n);
      log.sync();
    }
    log.close();
  };
  const read = (directory: string) => codeOf(() => [...open(directory).records()]);
  const root = t.testdir({ a: {}, b: {}, c: {}, d: {}, e: {}, f: {} });
  const paths = [...'abcdef'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  for (const path of paths) write(path);
  const [a, b, c, d, e, f] = paths;
  const names = readdirSync(a).sort();
  t.ok(names.length >= 4);
  const [one, two, three] = names as [string, string, string];

  rmSync(join(a, two));
  t.match(read(a), { code: 'DATA_CORRUPT', message: /segment 2, the one before, is missing/ });
  copyFileSync(join(c, two), join(b, two));
  t.match(read(b), { code: 'DATA_CORRUPT', message: /another log/ });
  copyFileSync(join(c, two), join(c, three));
  t.match(read(c), { code: 'DATA_CORRUPT', message: /number 2/ });
  // The same place of another log: sound there, but its id enters every checksum.
  const stale = readFileSync(join(e, one));
  stale.set(readFileSync(join(d, one)).subarray(0, 512));
  rmSync(join(d, one));
  for (const name of readdirSync(d)) rmSync(join(d, name));
  writeFileSync(join(d, one), stale);
  t.match(read(d), { code: 'DATA_CORRUPT', message: /damaged at byte 512/ });
  // A segment before the last was synced whole: nothing in it is a torn tail.
  truncateSync(join(f, one), 800);
  t.match(read(f), { code: 'DATA_CORRUPT' });
});

test('memory log: it keeps what was synced, and counts its bytes', async (t) => {
  const log: ActorLog & MemoryLog = new MemoryLog();
  t.equal(log.append([Buffer.from('ab'), Buffer.from('c')], 1), 1);
  log.append(Buffer.from('de'), 2);
  t.equal(log.sync(), 2);
  t.equal(log.append(Buffer.from('lost'), 3), 3);
  t.equal(log.sizeBytes, 9);
  const next = new MemoryLog(log.survivors());
  t.same([...next.records()].map(String), ['97,98,99', '100,101']);
  t.equal(next.sizeBytes, 5);
  next.truncateBefore(2);
  t.equal(next.sizeBytes, 2);
  t.equal(next.firstSequence(), 2);
  t.equal(next.append(Buffer.from('f'), 1), 3, 'sequences go on');
  next.close();
  t.same(next.survivors().records.length, 2, 'closing syncs');
  t.throws(() => next.append(Buffer.from('g'), 2));
});
