import fc from 'fast-check';
import { test } from 'tap';
import type { ConclaveError } from '../../src/errors.js';
import { stream } from '../../src/random/prng.js';
import { type Crash, SimulatedDisk, type SimulatedLog } from '../../src/storage/simulated-disk.js';

const SIZES = { firstBytes: 2048, maxBytes: 4096 };

function diskOf(seed: number): SimulatedDisk {
  return new SimulatedDisk({ name: 'disk', random: stream(seed, 'disk'), segmentSizes: SIZES });
}

function texts(records: Iterable<Uint8Array>): string[] {
  return [...records].map((record) => Buffer.from(record).toString('latin1'));
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as ConclaveError).code;
  }
}

/** Writes a batch and makes it durable. */
function commit(log: SimulatedLog, batch: readonly string[]): void {
  for (const text of batch) log.append(Buffer.from(text, 'latin1'), 1);
  log.begin();
  log.complete();
}

/** What one life does: batches that it syncs, one that it does not, and how it ends. */
interface LifePlan {
  readonly synced: readonly (readonly number[])[];
  readonly last: readonly number[];
  readonly end: Crash | 'write fails' | 'sync fails' | 'naming fails' | 'recovery fails';
}

const batch = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 0, max: 3000 })),
  { minLength: 1, maxLength: 4 },
);
const life: fc.Arbitrary<LifePlan> = fc.record({
  synced: fc.array(batch, { maxLength: 4 }),
  last: batch,
  end: fc.constantFrom(
    'process',
    'power',
    'write fails',
    'sync fails',
    'naming fails',
    'recovery fails',
  ),
});

/** Runs lives on one disk; after each, what is read back must be what the rules allow. */
function liveThrough(seed: number, lives: readonly LifePlan[]): void {
  const disk = diskOf(seed);
  const content = stream(seed, 'content');
  let durable: string[] = [];
  /** The batch that was written and not known to be synced; it may be there, whole, or not. */
  let unknown: string[] = [];
  const fill = (sizes: readonly number[]) => sizes.map((size) => payload(content.uint32(), size));
  for (const plan of lives) {
    if (plan.end === 'recovery fails') {
      disk.failNext((['write', 'sync', 'directory'] as const)[seed % 3] ?? 'write');
      codeOf(() => texts(disk.open().records()));
      disk.crash('power');
    }
    const log = disk.open();
    const found = texts(log.records());
    const whole = [...durable, ...unknown];
    const isRight = [durable, whole].some((wanted) => wanted.join('|') === found.join('|'));
    if (!isRight)
      throw new Error(`read ${found.length} records, not ${durable.length} or ${whole.length}`);
    durable = found;
    for (const sizes of plan.synced) {
      const records = fill(sizes);
      commit(log, records);
      durable = [...durable, ...records];
    }
    unknown = fill(plan.last);
    if (plan.end === 'write fails') disk.failNext('write');
    if (plan.end === 'sync fails') disk.failNext('sync');
    const isFailing = plan.end === 'write fails' || plan.end === 'sync fails';
    const code = codeOf(() => {
      for (const text of unknown) log.append(Buffer.from(text, 'latin1'), 1);
      log.begin();
      if (isFailing) log.complete();
    });
    if (isFailing && code !== 'STORAGE') throw new Error(`a failure was not reported: ${code}`);
    if (plan.end === 'naming fails') {
      // It fails only where the batch begins a segment.
      disk.failNext('directory');
      const named = codeOf(() => log.complete());
      if (named === 'none') {
        durable = [...durable, ...unknown];
        unknown = [];
      }
    }
    disk.crash(plan.end === 'process' || seed % 3 === 0 ? 'process' : 'power');
  }
}

/** Half of all records hold long runs of zeros, which look like what a torn write leaves. */
function payload(random: number, size: number): string {
  const letter = random % 2 === 0 ? '\0' : String.fromCharCode(97 + (random % 26));
  return letter.repeat(size);
}

test('simulated disk: a crash keeps all that was synced, and the last batch whole or not', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(fc.property(fc.nat(), fc.array(life, { minLength: 1, maxLength: 5 }), liveThrough), {
      numRuns: 1000,
      seed: 1,
    }),
  );
});

test('simulated disk: a segment whose name may not be on the disk is made anew (SEED=149)', async (t) => {
  for (let seed = 0; seed < 40; seed++) {
    const disk = diskOf(seed);
    const fail = (run: () => unknown): void => {
      disk.failNext('directory');
      t.equal(codeOf(run), 'STORAGE');
      disk.crash('process');
    };
    fail(() => disk.open());
    let log = disk.open();
    commit(log, ['in the first segment']);
    disk.crash('power');
    t.equal(texts(disk.open().records()).length, 1, 'the first segment has its name');
    disk.crash('process');

    log = disk.open();
    fail(() => commit(log, ['begins a segment'.repeat(200)]));
    const found = texts(disk.open().records());
    disk.crash('power');
    t.same(texts(disk.open().records()), found, `seed ${seed}`);
  }
});

test('simulated disk: a sync that failed is fatal, and what it dropped is not believed', async (t) => {
  let wasShown = 0;
  for (let seed = 0; seed < 60; seed++) {
    const disk = diskOf(seed);
    const log = disk.open();
    commit(log, ['kept']);
    log.append(Buffer.from('dropped'), 2);
    disk.failNext('sync');
    log.begin();
    t.equal(
      codeOf(() => log.complete()),
      'STORAGE',
    );
    t.equal(
      codeOf(() => log.complete()),
      'STORAGE',
      'the next sync would succeed: it is not asked',
    );
    t.equal(
      codeOf(() => log.append(Buffer.from('x'), 3)),
      'STORAGE',
    );
    disk.crash('process');

    // The cache still shows the record. Whoever reads it must not lose it to a power failure.
    const found = texts(disk.open().records());
    if (found.length === 2) wasShown++;
    disk.crash('power');
    t.same(texts(disk.open().records()), found);
  }
  t.ok(wasShown > 30, `${wasShown} of 60 lives were shown the record`);
});

test('simulated disk: a bit that rots in what was synced is reported, never cut', async (t) => {
  let harmless = 0;
  for (let seed = 0; seed < 500; seed++) {
    const disk = diskOf(seed);
    const log = disk.open();
    let token = 0;
    for (let n = 0; n < 12; n++) {
      log.append(Buffer.alloc(100 + n, 'x'), ++token);
      log.begin();
      log.complete();
    }
    log.log.close();
    const { path } = disk.rot(600) as { path: string };
    let found: unknown;
    try {
      found = texts(disk.open().records()).length;
    } catch (thrown) {
      found = thrown;
    }
    if (typeof found === 'number') {
      harmless++;
      t.equal(found, 12, `seed ${seed}: all records are read`);
    } else {
      t.equal((found as ConclaveError).code, 'DATA_CORRUPT');
      t.match((found as ConclaveError).message, `${path} is damaged at byte`, `seed ${seed}`);
    }
  }
  t.ok(harmless < 150, `${harmless} of 500 hit nothing but zeros`);
});

test('simulated disk: a full disk stops the log at the next segment, and lets it go on', async (t) => {
  const disk = diskOf(1);
  let log = disk.open();
  disk.faults.isFull = true;
  let synced = 0;
  const code = codeOf(() => {
    for (;;) {
      commit(log, ['r'.repeat(100)]);
      synced++;
    }
  });
  t.equal(code, 'STORAGE');
  t.throws(() => log.begin(), { message: /the disk is full: free space on it/ });
  t.ok(synced >= 5, 'the allocated segment was used up first');
  disk.crash('process');
  t.equal(texts(disk.open().records()).length, synced, 'it can be read while the disk is full');
  disk.crash('process');
  disk.faults.isFull = false;
  log = disk.open();
  commit(log, ['after']);
  disk.crash('power');
  t.equal(texts(disk.open().records()).length, synced + 1);
});

test('simulated disk: what is appended during a sync waits for the next one', async (t) => {
  const disk = new SimulatedDisk({
    name: 'slow',
    random: stream(7, 'disk'),
    faults: { syncMicrosMin: 500, syncMicrosMean: 100, stallChance: 1_000_000, stallMicros: 9000 },
  });
  const log = disk.open();
  t.equal(log.begin(), undefined, 'nothing to sync');
  log.append(Buffer.from('a'), 1);
  t.ok((log.begin() ?? 0) >= 9500, 'a stall is added');
  log.append(Buffer.from('b'), 2);
  t.equal(log.begin(), undefined, 'one sync at a time');
  t.equal(log.complete(), 1);
  t.ok(log.begin() !== undefined);
  disk.crash('process');
  t.throws(() => log.complete(), /life that is over/, 'a life that is over does nothing');
  t.same(texts(disk.open().records()), ['a', 'b']);
  t.throws(() => disk.open(), /has a writer/, 'never two writers');
});

test('simulated disk: a seed gives the same run', async (t) => {
  const run = () => {
    const disk = diskOf(42);
    const log = disk.open();
    for (let n = 0; n < 20; n++) log.append(Buffer.alloc(n * 10, 'q'), n + 1);
    log.begin();
    disk.crash('power');
    return [texts(disk.open().records()), disk.rot()];
  };
  t.same(run(), run());
});
