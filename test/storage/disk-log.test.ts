import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ConclaveError } from '../../src/errors.js';
import type { FsyncPolicy } from '../../src/storage/actor-log.js';
import { openDiskLog } from '../../src/storage/disk-log.js';
import type { SegmentedLog } from '../../src/storage/segmented-log.js';

const SMALL = { firstBytes: 4096, maxBytes: 8192 };
const FIRST = '00000001.log';

function open(directory: string, fsync: FsyncPolicy = 'always'): SegmentedLog {
  return openDiskLog({ directory, segmentSizes: SMALL, fsync });
}

/** What the next life reads. */
function recordsIn(directory: string, fsync: FsyncPolicy = 'always'): string[] {
  const log = open(directory, fsync);
  try {
    return texts(log.records());
  } finally {
    log.close();
  }
}

function texts(records: Iterable<Uint8Array>): string[] {
  return [...records].map((record) => Buffer.from(record).toString());
}

/** Writes the batches and returns where each of them ends in the first segment. */
function writeBatches(directory: string, batches: readonly (readonly string[])[]): number[] {
  const log = open(directory);
  const ends: number[] = [];
  let token = 0;
  for (const batch of batches) {
    for (const text of batch) log.append(Buffer.from(text), ++token);
    log.sync();
    ends.push(log.stats().writtenBytes);
  }
  log.close();
  return ends;
}

function directoryIn(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  return path;
}

function changed(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = byte;
  return copy;
}

function codeOf(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    return { code: (error as ConclaveError).code, message: (error as ConclaveError).message };
  }
  return { code: 'none', message: '' };
}

const BATCHES = [
  ['one'],
  ['two', 'three'],
  ['', 'x'.repeat(40)],
  ['last', 'of all', 'y'.repeat(300)],
];

test('disk log: a restart gives back all records in order, and the log goes on', async (t) => {
  const directory = t.testdir();
  const log = open(directory);
  t.equal(log.append([Buffer.from('a'), Buffer.from('b')], 5), 1, 'the first sequence is 1');
  t.equal(log.append(Buffer.from('c'), 6), 2);
  t.equal(log.sync(), 6, 'a sync reports the last token');
  t.equal(log.sync(), 6, 'a sync with nothing to do changes nothing');
  t.equal(log.stats().syncCount, 1);
  log.close();
  t.same(recordsIn(directory), ['ab', 'c']);
  const next = open(directory);
  t.equal(next.append(Buffer.from('d'), 1), 3, 'records left unread are counted all the same');
  next.close();
  t.same(recordsIn(directory), ['ab', 'c', 'd']);
  t.same(readdirSync(directory), [FIRST], 'no temporary file is left');
});

test('disk log: records pass through many segments, and whole old ones can be let go', async (t) => {
  const directory = t.testdir();
  const log = open(directory);
  const written: string[] = [];
  for (let n = 1; n <= 300; n++) {
    written.push(`${n}:${'z'.repeat((n * 37) % 500)}`);
    log.append(Buffer.from(written.at(-1) as string), n);
    if (n % 3 === 0) log.sync();
  }
  written.push('h'.repeat(20_000));
  log.append(Buffer.from(written.at(-1) as string), 301);
  log.close();
  t.ok(readdirSync(directory).length > 8);
  t.same(recordsIn(directory), written);

  const again = open(directory);
  again.truncateBefore(200);
  const first = again.firstSequence();
  t.ok(first > 150 && first <= 200, `the oldest record left is ${first}`);
  again.truncateBefore(10_000);
  t.equal(again.firstSequence(), 301, 'the segment in use stays');
  again.close();
  t.same(recordsIn(directory), written.slice(300));
});

test('disk log: a file cut at any byte gives all batches before the cut, and goes on', async (t) => {
  const root = t.testdir();
  const source = directoryIn(root, 'source');
  const ends = writeBatches(source, BATCHES);
  const size = ends.at(-1) as number;
  for (let cut = 512; cut <= size; cut++) {
    const directory = directoryIn(root, `cut-${cut}`);
    copyFileSync(join(source, FIRST), join(directory, FIRST));
    truncateSync(join(directory, FIRST), cut);
    const whole = BATCHES.filter((_, n) => (ends[n] as number) <= cut).flat();
    // What is tested does not depend on waiting for the disk, so most rounds do not.
    const fsync = cut % 32 === 0 ? 'always' : 'never';
    const log = open(directory, fsync);
    const found = texts(log.records());
    log.append(Buffer.from('appended'), 1);
    log.close();
    const later = recordsIn(directory, fsync);
    if (JSON.stringify([found, later]) !== JSON.stringify([whole, [...whole, 'appended']])) {
      t.same({ cut, found, later }, { cut, found: whole, later: [...whole, 'appended'] });
    }
  }
  t.pass(`${size - 512} cuts`);
});

test('disk log: any flipped bit is reported with file and offset, and nothing changes', async (t) => {
  const root = t.testdir();
  const source = directoryIn(root, 'source');
  const ends = writeBatches(source, BATCHES);
  const sound = readFileSync(join(source, FIRST));
  const directory = directoryIn(root, 'flipped');
  const file = join(directory, FIRST);
  writeFileSync(file, sound);
  const fd = openSync(file, 'r+');
  const starts = [0, 512, ...ends];
  let wrong = 0;
  for (let bit = 0; bit < 8 * (ends.at(-1) as number); bit++) {
    const at = bit >>> 3;
    const flipped = (sound[at] as number) ^ (1 << (bit & 7));
    writeSync(fd, Uint8Array.of(flipped), 0, 1, at);
    const { code, message } = codeOf(() => recordsIn(directory));
    const start = starts.filter((offset) => offset <= at).at(-1);
    const isRight =
      code === 'DATA_CORRUPT' &&
      message.includes(`${file} is damaged at byte ${start}:`) &&
      readFileSync(file).equals(changed(sound, at, flipped));
    if (!isRight && ++wrong < 5) t.fail(`bit ${bit} (byte ${at}): ${code} ${message}`);
    writeSync(fd, sound, at, 1, at);
  }
  t.equal(wrong, 0);
  closeSync(fd);
  t.same(recordsIn(directory), BATCHES.flat(), 'the file itself is sound');
});

/**
 * Writes batches for as long as it lives, and says after each sync how many records are durable.
 */
const WRITER = `
  const [module, directory] = process.argv.slice(1);
  const { openDiskLog } = await import(module);
  const log = openDiskLog({ directory, segmentSizes: { firstBytes: 65_536, maxBytes: 262_144 } });
  let count = 0;
  for (const record of log.records()) count = Number(Buffer.from(record.subarray(0, 10)));
  const filler = new Uint8Array(3_000).fill(120);
  for (;;) {
    for (let n = 0; n < 20; n++) {
      log.append([Buffer.from(String(++count).padStart(10)), filler], count);
    }
    log.sync();
    process.stdout.write(count + '\\n');
    await new Promise(setImmediate);
  }`;

test('disk log: what a killed process had synced is there, in order, life after life', async (t) => {
  const directory = t.testdir();
  const module = new URL('../../src/storage/disk-log.js', import.meta.url).href;
  for (let life = 1; life <= 4; life++) {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', WRITER, '--', module, directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (said.length > 100 * life) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const durable = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
    const log = open(directory);
    let count = 0;
    for (const record of log.records()) {
      count++;
      if (Number(Buffer.from(record.subarray(0, 10))) !== count || record.length !== 3010) {
        t.fail(`life ${life}: record ${count} is wrong`);
      }
    }
    log.close();
    t.ok(durable > 0 && count >= durable, `life ${life}: ${count} of at least ${durable}`);
    t.equal(count % 20, 0, 'batches are whole or not there');
  }
  t.ok(readdirSync(directory).length > 3, 'it went through several segments');
});
