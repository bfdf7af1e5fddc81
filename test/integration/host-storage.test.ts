import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { t as file, test } from 'tap';
import { ActorSystem } from '../../src/host/actor-system.js';
import { Prng } from '../../src/random/prng.js';
import { DataDirectory } from '../../src/storage/data-directory.js';
import { rejection, type Scene, scene, UNRULY } from './host-actors.js';

file.setTimeout(90_000);

const KILLS = 100;
const PARTS = 10;
const RECORD_BYTES = 512 * 1024;

/** When each file below a directory was last written: cheap enough to see a write in time. */
function lastWrites(directory: string): Map<string, bigint> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return new Map(
    names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, statSync(path, { bigint: true }).mtimeNs] as const),
  );
}

interface Writes {
  /** The highest counter that the actor said is on disk. */
  acknowledged: number;
  sent: number;
}

/** Keeps some writes outstanding until the actor is dead; resolves at an acknowledgement. */
function pump({ ask }: Scene, writes: Writes, wanted: number): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    if (wanted === 0) resolve();
    const write = (): void => {
      const counter = ++writes.sent;
      ask('writer', 'write', counter, RECORD_BYTES).then(
        () => {
          writes.acknowledged = Math.max(writes.acknowledged, counter);
          if (++seen === wanted) resolve();
          if (isAlive) write();
        },
        () => {},
      );
    };
    let isAlive = true;
    stop = () => {
      isAlive = false;
    };
    for (let i = 0; i < 4; i++) write();
  });
}
let stop = (): void => {};

/** What is wrong with a recovered log, or undefined. */
function fault(recovered: readonly (readonly number[])[], acknowledged: number) {
  let last: readonly number[] = [0, 0];
  let highest = 0;
  for (const record of recovered) {
    const [life = 0, counter = 0] = record;
    const [lastLife = 0, lastCounter = 0] = last;
    if (life < lastLife) return `life ${life} wrote after life ${lastLife}`;
    if (counter <= lastCounter) return `${counter} follows ${lastCounter}`;
    highest = counter;
    last = record;
  }
  return highest < acknowledged
    ? `${acknowledged} was acknowledged, ${highest} is last`
    : undefined;
}

test(`host: ${KILLS} kills in the middle of large writes: one writer, nothing acknowledged is lost`, async (t) => {
  const dataDir = t.testdir();
  const random = new Prng([7, 0, 0, 0]);
  const writes: Writes = { acknowledged: 0, sent: 0 };
  let recoveredMost = 0;
  for (let part = 0; part < PARTS; part++) {
    // Each part has a directory of its own, so that recovery stays short.
    const directory = join(dataDir, String(part));
    const stage = await scene(t, { dataDir: directory, fsync: true });
    const { system, ask } = stage;
    writes.acknowledged = 0;
    writes.sent = 0;
    await system.spawn({ name: 'writer', module: UNRULY });
    for (let kill = 0; kill < KILLS / PARTS; kill++) {
      await pump(stage, writes, random.below(4));
      // Within some writes' time: in a write, in a sync, between two.
      const until = performance.now() + random.below(4);
      while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
      await system.kill('writer');
      stop();
      const before = kill % 2 === 0 ? lastWrites(directory) : undefined;
      const { acknowledged } = writes;
      if (before !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        t.same(lastWrites(directory), before, 'no file changes after kill() has resolved');
      }
      await system.restart('writer');
      const [life, recovered] = (await ask('writer', 'recovered')) as [number, number[][]];
      if (life !== kill + 2) t.fail(`life ${life} after kill ${kill + 1}`);
      const wrong = fault(recovered, acknowledged);
      if (wrong !== undefined) t.fail(`kill ${kill + 1} of part ${part}: ${wrong}`);
      recoveredMost = Math.max(recoveredMost, recovered.length);
    }
    await system.close();
  }
  t.ok(recoveredMost > 10, `up to ${recoveredMost} records were recovered`);
});

test('host: what an actor wrote is there in a new system; its directory is locked meanwhile', async (t) => {
  const dataDir = t.testdir();
  const first = await scene(t, { dataDir });
  await first.system.spawn({ name: 'a', module: UNRULY });
  await first.ask('a', 'write', 1, 100);
  await first.ask('a', 'write', 2, 100);
  await t.rejects(ActorSystem.start({ dataDir }), { code: 'DATA_LOCKED' });
  const other = new URL('../../src/storage/data-directory.js', import.meta.url).href;
  const script = `import { DataDirectory } from '${other}';
    try { DataDirectory.open(process.argv[1]); } catch (error) { console.log(error.code); }`;
  const args = ['--input-type=module', '-e', script, dataDir];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  t.equal(stdout.trim(), 'DATA_LOCKED', 'for another process too');
  await first.system.close();
  const second = await scene(t, { dataDir });
  await second.system.spawn({ name: 'a', module: UNRULY });
  t.same(await second.ask('a', 'recovered'), [
    1,
    [
      [1, 1],
      [1, 2],
    ],
  ]);
  await second.system.close();
  DataDirectory.open(dataDir).close();
});

test('host: a damaged log keeps its actor from booting, with the file and the code', async (t) => {
  const dataDir = t.testdir();
  const { system, ask } = await scene(t, { dataDir });
  await system.spawn({ name: 'a', module: UNRULY });
  await ask('a', 'write', 1, 100);
  await ask('a', 'write', 2, 100);
  await system.stop('a');
  const { openSync, writeSync, closeSync } = await import('node:fs');
  const [path] = [...lastWrites(join(dataDir, 'actors', 'a')).keys()].sort();
  const bytes = readFileSync(path as string);
  const at = bytes.indexOf(Buffer.alloc(50, 1));
  const handle = openSync(path as string, 'r+');
  writeSync(handle, Buffer.from([9]), 0, 1, at + 10);
  closeSync(handle);
  const error = await rejection(system.spawn({ name: 'a', module: UNRULY }));
  t.match(error, { code: 'ACTOR_FAILED', message: /damaged/, cause: { code: 'DATA_CORRUPT' } });
});
