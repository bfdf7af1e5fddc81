/**
 * What the log costs beyond its disk: records of 300 bytes in batches, beside bare `pwrite` and
 * `fdatasync` of as many bytes into a preallocated file. The bare file is overwritten round and
 * round; the log moves through new segments and has them filled with zeros on the way.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTick, setTimeout as sleep } from 'node:timers/promises';
import { openDiskLog } from '../src/storage/disk-log.js';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';

const RECORD_BYTES = 300;
const BATCHES = [1, 64, 1000];
const BARE_FILE_BYTES = 16 * 1024 * 1024;
/** An actor's host returns to its event loop after every turn or few. */
const TURNS_PER_TICK = 8;

interface LogFigures {
  readonly seconds: number;
  readonly bytesPerBatch: number;
  readonly syncMicrosMax: number;
}

async function measureLog(parent: string, size: number, turns: number): Promise<LogFigures> {
  const log = openDiskLog({ directory: mkdtempSync(join(parent, 'log-')) });
  const record = new Uint8Array(RECORD_BYTES).fill(7);
  let token = 0;
  log.append(record, ++token);
  log.sync();
  await sleep(50);
  const before = log.stats();
  const started = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    for (let n = 0; n < size; n++) log.append(record, ++token);
    log.sync();
    if (turn % TURNS_PER_TICK === 0) await nextTick();
  }
  const seconds = (performance.now() - started) / 1000;
  const { writtenBytes, syncMicrosMax } = log.stats();
  log.close();
  const bytesPerBatch = Math.round((writtenBytes - before.writtenBytes) / turns);
  return { seconds, bytesPerBatch, syncMicrosMax };
}

/** Seconds for as many bare writes, each with its sync. */
function measureBare(parent: string, bytesPerBatch: number, turns: number): number {
  const fd = openSync(join(parent, 'bare'), 'w+');
  writeSync(fd, new Uint8Array(BARE_FILE_BYTES), 0, BARE_FILE_BYTES, 0);
  fsyncSync(fd);
  const bytes = new Uint8Array(bytesPerBatch).fill(7);
  const started = performance.now();
  let offset = 0;
  for (let turn = 0; turn < turns; turn++) {
    if (offset + bytesPerBatch > BARE_FILE_BYTES) offset = 0;
    writeSync(fd, bytes, 0, bytesPerBatch, offset);
    fdatasyncSync(fd);
    offset += bytesPerBatch;
  }
  const seconds = (performance.now() - started) / 1000;
  closeSync(fd);
  return seconds;
}

async function measure({ option, signal }: RunContext): Promise<readonly Row[]> {
  // Under the working directory: a system's directory for temporary files may be in memory.
  const parent = mkdtempSync('bench-disk-log-');
  const rows: Row[] = [];
  const rate = (name: string, value: number) => rows.push({ name, unit: 'records/s', value });
  try {
    for (const size of BATCHES) {
      signal.throwIfAborted();
      const turns = Math.ceil(option('turns') / (size >= 1000 ? 4 : 1));
      const log = await measureLog(parent, size, turns);
      const bareSeconds = measureBare(parent, log.bytesPerBatch, turns);
      rate(`log, batches of ${size}`, (size * turns) / log.seconds);
      rate(`bare, batches of ${size}`, (size * turns) / bareSeconds);
      const value = log.syncMicrosMax;
      rows.push({ name: `longest sync, batches of ${size}`, unit: 'µs', value });
    }
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
  return rows;
}

export const diskLog: Benchmark = {
  name: 'disk-log',
  description: 'records/s of the log on disk, beside bare pwrite and fdatasync of the same bytes',
  options: [
    {
      name: 'turns',
      unit: 'batches',
      description: 'how many batches are written and synced; a quarter of it at 1000 records',
      value: 3000,
      quick: 800,
    },
  ],
  runs: { full: 5, quick: 2 },
  comparisons: BATCHES.map((size) => ({
    of: `log, batches of ${size}`,
    to: `bare, batches of ${size}`,
  })),
  configuration: () => ({ recordBytes: RECORD_BYTES, fsync: 'always' }),
  run: measure,
};
