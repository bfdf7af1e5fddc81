import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ConclaveError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/storage/atomic-file.js';
import { DataDirectory, directoryNameOf } from '../../src/storage/data-directory.js';

const MODULE = new URL('../../src/storage/data-directory.js', import.meta.url).href;

/** A process that holds the directory until it is killed. */
async function holder(directory: string) {
  const program = `
    const { DataDirectory } = await import(${JSON.stringify(MODULE)});
    DataDirectory.open(${JSON.stringify(directory)});
    console.log('held');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as ConclaveError).code;
  }
}

test('data directory: a living process keeps it, a killed one loses it at once', async (t) => {
  const directory = join(t.testdir(), 'new', 'data');
  const child = await holder(directory);
  t.throws(() => DataDirectory.open(directory), {
    code: 'DATA_LOCKED',
    message: new RegExp(`in use by process ${child.pid}`),
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const data = DataDirectory.open(directory);
  t.equal(
    codeOf(() => DataDirectory.open(directory)),
    'DATA_LOCKED',
    'also within a process',
  );
  data.close();
  t.same(readdirSync(directory).sort(), ['actors', 'conclave-data.json'], 'no lock is left');
  DataDirectory.open(directory).close();
});

test('data directory: a process id that is in use again does not keep the lock', async (t) => {
  const directory = t.testdir();
  DataDirectory.open(directory).close();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const owners = [
    { pid: process.pid, startTime: '1', bootId: boot },
    { pid: process.pid, startTime: '1', bootId: 'of another boot' },
    { pid: 2 ** 22 + 1, startTime: '1', bootId: boot },
    {},
  ];
  for (const owner of owners) {
    writeFileSync(join(directory, 'lock-1-00'), JSON.stringify(owner));
    DataDirectory.open(directory).close();
    t.same(readdirSync(directory).sort(), ['actors', 'conclave-data.json']);
  }
  writeFileSync(join(directory, 'lock-1-00'), '');
  DataDirectory.open(directory).close();
});

test('data directory: another version, or another kind of directory, is refused', async (t) => {
  const directory = t.testdir({ other: { 'thesis.txt': 'x' } });
  t.equal(
    codeOf(() => DataDirectory.open(join(directory, 'other'))),
    'DATA_VERSION',
  );
  t.same(readdirSync(join(directory, 'other')), ['thesis.txt'], 'and left as it was');
  const data = join(directory, 'data');
  DataDirectory.open(data).close();
  const version = join(data, 'conclave-data.json');
  writeFileSync(version, JSON.stringify({ version: 2 }));
  t.throws(() => DataDirectory.open(data), { code: 'DATA_VERSION', message: /version 2/ });
  writeFileSync(version, '{"vers');
  t.equal(
    codeOf(() => DataDirectory.open(data)),
    'DATA_CORRUPT',
  );
  writeFileSync(join(directory, 'file'), '');
  t.equal(
    codeOf(() => DataDirectory.open(join(directory, 'file', 'x'))),
    'STORAGE',
  );
});

test('data directory: every actor has a directory of its own, whatever its name', async (t) => {
  const data = DataDirectory.open(t.testdir());
  const names = ['raft-1', 'Raft-1', '', '.', '..', '../x', 'a/b', 'a%2fb', 'é', '%'];
  names.push('n'.repeat(300), `${'n'.repeat(300)}m`);
  const paths = names.map((name) => data.actorDirectory(name));
  t.equal(new Set(paths.map((path) => path.toLowerCase())).size, names.length);
  t.same(readdirSync(join(data.path, 'actors')).length, names.length, 'none is elsewhere');
  t.equal(data.actorDirectory('raft-1'), paths[0], 'a restart finds it again');
  t.equal(directoryNameOf('raft-1'), 'raft-1');
  data.close();
  t.equal(
    codeOf(() => data.actorDirectory('x')),
    'CLOSED',
  );
});

test('atomic file: the old content stays until the new one is whole', async (t) => {
  const directory = t.testdir({ file: 'old' });
  const path = join(directory, 'file');
  function* failing() {
    yield Buffer.from('half');
    throw new Error('no more');
  }
  t.throws(() => writeFileAtomic(path, failing()), /no more/);
  t.equal(readFileSync(path, 'utf8'), 'old');
  writeFileAtomic(path, [Buffer.from('ne'), Buffer.from('w')]);
  t.equal(readFileSync(path, 'utf8'), 'new');
  mkdirSync(join(directory, 'taken'));
  t.throws(() => writeFileAtomic(join(directory, 'taken'), []), {
    code: /EISDIR|ENOTEMPTY|EEXIST/,
  });
  t.same(readdirSync(directory).sort(), ['file', 'taken'], 'and no temporary file is left');
});
