import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { conclave } from './child.js';

/** A folder with these files, to run commands in. */
function workshop(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-mr-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'in'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const BOOKS = { 'in/a.txt': 'the cat and the dog', 'in/b.txt': 'the end\n' };

const outputOf = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('mr-out-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .sort();

test('mapreduce: counts words, reports as text or JSON, and refuses to overwrite', async (t) => {
  const cwd = workshop(t, BOOKS);
  const job = ['mapreduce', 'wc', 'in', '--reduces', '3', '--workers', '2'];
  const first = await conclave(job, { cwd });
  t.match(first, { code: 0, stderr: '', stdout: /^wc: 2 files, 27 B, 2 workers, / });
  t.match(first.stdout, /^phase +tasks +attempts +retries /m);
  t.match(first.stdout, /^5 lines in 3 files: mr-out\/mr-out-\*$/m);
  const out = join(cwd, 'mr-out');
  t.same(readdirSync(out).sort(), ['mr-out-0', 'mr-out-1', 'mr-out-2'], 'nothing else is left');
  t.same(outputOf(out), ['and 1', 'cat 1', 'dog 1', 'end 1', 'the 3']);

  const again = await conclave([...job, '--json'], { cwd });
  t.match(again, { code: 1, stderr: /^error: .*--force/ });
  t.match(JSON.parse(again.stdout), { error: { code: 'OUTPUT', message: /--force/ } });
  const forced = await conclave([...job, '--force', '--json', '--quiet'], { cwd });
  t.match(forced, { code: 0, stderr: '' });
  t.match(JSON.parse(forced.stdout), {
    app: 'wc',
    files: { length: 3 },
    map: { attempts: Number, retries: 0, bytesIn: 27, wallSeconds: Number, cpuSeconds: Number },
    reduce: { tasks: 3, pairsOut: 5 },
    skippedRecords: [],
  });
});

test('mapreduce: wrong usage exits 2, a missing input 1, and each says what to do', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'empty.mjs': 'export const nothing = 1;',
    'throws.mjs': 'throw new Error("not today");',
  });
  const cases: [string[], number, RegExp][] = [
    [['nope', 'in'], 2, /unknown app 'nope': .*wc, indexer, grep, sort/],
    [['grep', 'in'], 2, /--pattern/],
    [['grep', 'in', '--pattern', '('], 2, /--pattern/],
    [['empty.mjs', 'in'], 2, /map/],
    [['throws.mjs', 'in'], 1, /not today/],
    [['wc'], 1, /input/],
    [['wc', 'in/*.md'], 1, /in\/\*\.md/],
    [['wc', 'nowhere'], 1, /nowhere/],
    [['wc', 'in', '--reduces', '0'], 2, /--reduces must be a whole number from 1 to /],
  ];
  const ended = await Promise.all(
    cases.map(([words], i) =>
      conclave(['mapreduce', ...words, '--out', `out-${i}`, '--json'], { cwd }),
    ),
  );
  for (const [i, [words, code, message]] of cases.entries()) {
    const name = words.join(' ');
    t.match(ended[i], { code, stderr: message }, name);
    t.match(JSON.parse(ended[i]?.stdout ?? ''), { error: { message } }, name);
    t.notMatch(ended[i]?.stderr, /\n +at /, `${name}: no stack`);
  }
  t.same(
    readdirSync(cwd).filter((name) => name.startsWith('out-')),
    [],
    'nothing was made',
  );
});

test('mapreduce: an app is shown by its name or path; an empty pattern is a pattern', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'a b.mjs': 'export const map = () => []; export const reduce = () => "";',
  });
  const [module, whole, grep] = await Promise.all([
    conclave(['mapreduce', './a b.mjs', 'in', '--out', 'o1', '--reduces', '1'], { cwd }),
    conclave(['mapreduce', './a b.mjs', 'in', '--out', 'o2', '--skip-bad-records'], { cwd }),
    conclave(['mapreduce', 'grep', 'in', '--pattern', '', '--out', 'o3', '--quiet'], { cwd }),
  ]);
  t.match(module, { code: 0, stdout: /^\/.*\/a b\.mjs: 2 files/ });
  t.match(whole, { code: 2, stderr: /^error: \/.*\/a b\.mjs takes whole files/ });
  t.match(grep, { code: 0, stdout: '', stderr: '' });
  t.same(outputOf(join(cwd, 'o3')), ['in/a.txt:1 the cat and the dog', 'in/b.txt:1 the end']);
});

test('mapreduce: a job that fails names the task, the input and the cause', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'bad.mjs': `export function map(file, contents) { throw new Error('cannot read ' + file); }
export const reduce = () => '';`,
  });
  const job = ['mapreduce', './bad.mjs', 'in/a.txt', '--max-attempts', '2'];
  const failed = await conclave(job, { cwd });
  t.match(failed, { code: 1, stdout: '', stderr: /^error: .*map.*in\/a\.txt.*cannot read in/s });
  t.notMatch(failed.stderr, /\n +at /);
  t.same(readdirSync(cwd).sort(), ['bad.mjs', 'in'], 'nothing is left');
});

test('mapreduce: an app that V8 aborts fails its job in one line and leaves nothing', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'hoard.mjs': `export const map = () => { 'ab '.repeat(1e8).match(/\\w+/g); };
export const reduce = () => '';`,
  });
  const job = ['mapreduce', './hoard.mjs', 'in/a.txt', '--max-attempts', '2', '--json'];
  const failed = await conclave(job, { cwd });
  t.match(failed, { code: 1, signal: null });
  t.match(failed.stderr, /^error: map task 0 .*failed 2 times: .*out of memory.*--memory.*\n$/);
  t.match(JSON.parse(failed.stdout), { error: { code: 'JOB_FAILED' } });
  t.same(readdirSync(cwd).sort(), ['hoard.mjs', 'in'], 'nothing is left');
});

test('mapreduce: when the job is killed its processes end by themselves', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'endless.mjs': `import { writeFileSync, renameSync } from 'node:fs';
export function map() {
  writeFileSync('pid', String(process.pid));
  renameSync('pid', 'begun');
  for (;;);
}
export const reduce = () => '';`,
  });
  const killed = await conclave(['mapreduce', './endless.mjs', 'in', '--workers', '1'], {
    cwd,
    killWhen: { exists: join(cwd, 'begun'), signal: 'SIGKILL' },
  });
  t.equal(killed.signal, 'SIGKILL');
  const pid = Number(readFileSync(join(cwd, 'begun'), 'utf8'));
  // Only the time-out of the test ends this if it lives on.
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  t.notOk(isAlive(pid));
});

/** Not a zombie either: that one has ended, and its new parent has not noticed yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('mapreduce: a signal ends a job in the middle and leaves nothing behind', async (t) => {
  const cwd = workshop(t, {
    ...BOOKS,
    'slow.mjs': `import { writeFileSync } from 'node:fs';
export async function map(file) {
  writeFileSync('begun', '');
  await new Promise((resolve) => setTimeout(resolve, 60_000));
  return [[file, '1']];
}
export const reduce = () => '';`,
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const began = Date.now();
    const stopped = await conclave(['mapreduce', './slow.mjs', 'in', '--out', 'out', '--json'], {
      cwd,
      killWhen: { exists: join(cwd, 'begun'), signal },
    });
    t.match(stopped, { code, signal: null, stderr: /error: stopped by SIG/ });
    t.match(JSON.parse(stopped.stdout), { error: { code: 'INTERRUPTED' } });
    t.ok(Date.now() - began < 30_000, 'long before the map would have ended');
    rmSync(join(cwd, 'begun'));
    t.same(readdirSync(cwd).sort(), ['in', 'slow.mjs'], 'no output, no temporary file');
  }
});
