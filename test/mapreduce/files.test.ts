/** What a job reads and where it writes: inputs, splits, the output directory. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import type { ResultFile } from '../../machines/mapreduce/job-spec.js';
import { findInputs, type InputFile } from '../../src/mapreduce/inputs.js';
import { planJob } from '../../src/mapreduce/job-plan.js';
import type { MapReduceOptions } from '../../src/mapreduce/options.js';
import { OutputDirectory } from '../../src/mapreduce/output-directory.js';
import { planMapTasks } from '../../src/mapreduce/splits.js';
import { scratchDirectory } from './engine.js';

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}

test('inputs: files, directories and globs, each file once, in the order of bytes', (t) => {
  const cwd = scratchDirectory(t);
  write(cwd, {
    'd/b.txt': '1',
    'd/a/z.txt': '22',
    'd/.hidden/x.txt': 'no',
    'd/.dot': 'no',
    'd/é.txt': '4',
    'd/ｚ.txt': '5',
    'd/𝒳.txt': '6',
    'e.txt': '333',
    'out/mr-out-0': 'old',
    'elsewhere/deep/y.txt': 'far',
  });
  symlinkSync(join(cwd, 'e.txt'), join(cwd, 'd/link.txt'));
  symlinkSync(join(cwd, 'elsewhere'), join(cwd, 'd/linked-directory'));
  symlinkSync(join(cwd, 'nowhere'), join(cwd, 'd/broken'));
  symlinkSync('circle', join(cwd, 'd/circle'));
  const found = (...args: string[]) =>
    findInputs(args, { cwd, out: 'out' }).map(({ file }) => file);
  const inD = ['d/a/z.txt', 'd/b.txt', 'd/link.txt', 'd/é.txt', 'd/ｚ.txt', 'd/𝒳.txt'];
  t.same(found('d'), inD);
  t.same(found('d/'), inD, 'a slash at the end changes nothing');
  t.same(found('e.txt', 'd', 'd/b.txt', './e.txt'), [...inD, 'e.txt']);
  t.same(found('d/*.txt'), inD.slice(1));
  t.same(found('d/**/*.txt'), inD);
  t.same(found('*/a/*'), ['d/a/z.txt']);
  t.same(found('./d/?/*'), ['./d/a/z.txt'], 'reached as it was written');
  t.same(found(join(cwd, 'd/a/*')), [join(cwd, 'd/a/z.txt')]);
  t.same(found('d/.dot'), ['d/.dot'], 'a file that is named is read, dot or not');
  t.same(
    found('.').filter((file) => file.includes('out')),
    [],
    'the output is no input',
  );
  t.same(found(join(cwd, 'd/a')), [join(cwd, 'd/a/z.txt')]);
  const fails = (args: string[], message: RegExp) =>
    t.throws(() => findInputs(args, { cwd, out: 'out' }), { code: 'INPUT', message });
  if (process.platform === 'linux') {
    mkdirSync(join(cwd, 'latin'));
    writeFileSync(Buffer.from(join(cwd, 'latin/caf\xe9.txt'), 'latin1'), 'x');
    fails(['latin'], /latin.caf\ufffd\.txt: its name is not UTF-8/);
    fails(['latin/*'], /its name is not UTF-8/);
  }
  fails([''], /no file or directory ''/);
  fails(['d/circle'], /no file or directory d.circle/);
  fails([`d/${'x'.repeat(300)}`], /cannot read .*xx/);
  fails(['gone.txt'], /no file or directory gone.txt/);
  fails(['*.md'], /no file matches \*.md/);
  fails(['out'], /no input/);
  fails(['d', 'gone'], /gone/);
  t.end();
});

test('splits: large files are cut if the app allows it, thousands of small ones share tasks', (t) => {
  const inputs = (sizes: readonly number[]): InputFile[] =>
    sizes.map((sizeBytes, i) => ({ file: `f${i}`, path: `/f${i}`, sizeBytes }));
  const eight = inputs([1, 2, 3, 4, 0, 6, 7, 8]);
  const files = planMapTasks(eight, { splittable: false, workers: 2 });
  t.equal(files.length, 8, 'one task a file');
  const equal = inputs(new Array(20).fill(10e6));
  const shared = planMapTasks(equal, { splittable: true, workers: 2 });
  t.same(
    shared.map(({ splits }) => splits.map(({ input }) => input)),
    Array.from({ length: 10 }, (_, i) => [2 * i, 2 * i + 1]),
    'files share tasks while every worker has enough of them',
  );
  const cut = planMapTasks(inputs([10, 25]), { splittable: true, workers: 2, splitSizeBytes: 10 });
  t.same(
    cut.map(({ splits }) => splits.map(({ input, start, end }) => [input, start, end])),
    [[[0, 0, 10]], [[1, 0, 9]], [[1, 9, 18]], [[1, 18, 25]]],
  );
  const whole = planMapTasks(inputs([10, 25]), {
    splittable: false,
    workers: 2,
    splitSizeBytes: 10,
  });
  t.equal(whole.length, 2);
  const many = planMapTasks(inputs(new Array(5000).fill(2000)), { splittable: false, workers: 2 });
  t.ok(many.length <= 130, `${many.length} tasks for 5000 files`);
  t.same(
    many.flatMap(({ splits }) => splits.map(({ input }) => input)),
    Array.from({ length: 5000 }, (_, i) => i),
    'in order, each once',
  );
  t.throws(() => planMapTasks(inputs([9e6]), { splittable: true, workers: 2, splitSizeBytes: 1 }), {
    code: 'USAGE',
    message: /9000000 map tasks.*use at least 90$/,
  });
  const large = planMapTasks(inputs([1e9]), { splittable: true, workers: 2 });
  t.ok(large.every(({ bytes }) => bytes <= 32 << 20));
  t.end();
});

test('plan: options of the wrong type are refused with a typed error', async (t) => {
  const directory = scratchDirectory(t);
  const out = join(directory, 'out');
  write(directory, { 'a.txt': 'x' });
  const base = { app: 'wc', inputs: [join(directory, 'a.txt')], out };
  const refused = (changes: object, message: RegExp) =>
    t.rejects(planJob({ ...base, ...changes } as MapReduceOptions), { code: 'USAGE', message });
  await refused({ inputs: undefined }, /inputs must be an array/);
  await refused({ inputs: 'a.txt' }, /inputs must be an array/);
  await refused({ inputs: [new URL('file:///a')] }, /inputs must be an array/);
  await refused({ out: '' }, /out must be the path/);
  await refused({ out: new URL('file:///a') }, /out must be the path/);
  await refused({ format: 'xml' }, /format must be 'text' or 'jsonl', not 'xml'/);
  await refused({ app: 'grep', pattern: 'x', skipBadRecords: true }, /-records out$/);
  t.notOk(existsSync(out));
});

/** What a reduce attempt leaves behind. */
function result(output: OutputDirectory, partition: number, content: string): ResultFile {
  const path = join(output.directory, `r${partition}.1.out`);
  writeFileSync(path, content);
  return { partition, path, offset: 0, bytes: content.length, records: 1, checksum: 0 };
}

test('output: files appear at the commit, and nothing else stays', (t) => {
  const out = join(scratchDirectory(t), 'a/b');
  const output = new OutputDirectory({ out, jobId: 'one', force: false });
  const files = [result(output, 0, 'x 1\n'), result(output, 1, '')];
  t.same(
    readdirSync(out).filter((name) => name.startsWith('mr-out')),
    [],
  );
  t.same(output.commit(files), [join(out, 'mr-out-0'), join(out, 'mr-out-1')]);
  output.close();
  t.same(readdirSync(out).sort(), ['mr-out-0', 'mr-out-1']);
  t.equal(readFileSync(join(out, 'mr-out-0'), 'utf8'), 'x 1\n');
  t.end();
});

test('output: where no directory can be made is an error and no endless attempt', (t) => {
  const directory = scratchDirectory(t);
  writeFileSync(join(directory, 'file'), '');
  for (const out of [join(directory, 'file', 'a', 'b'), '/proc/no/such/directory']) {
    t.throws(() => new OutputDirectory({ out, jobId: 'j', force: false }), { code: 'OUTPUT' });
  }
  t.end();
});

test('output: old files are refused, or replaced at the commit if forced', (t) => {
  const out = scratchDirectory(t);
  write(out, { 'mr-out-0': 'old', 'mr-out-7': 'old', 'notes.txt': 'mine' });
  const open = (force: boolean) => new OutputDirectory({ out, jobId: 'two', force });
  t.throws(() => open(false), { code: 'OUTPUT', message: /mr-out-0 already.*--force/ });
  t.same(readdirSync(out).sort(), ['mr-out-0', 'mr-out-7', 'notes.txt'], 'and nothing was touched');
  const given = open(true);
  given.close();
  t.equal(readFileSync(join(out, 'mr-out-7'), 'utf8'), 'old', 'a job that fails removes nothing');
  const output = open(true);
  t.throws(() => open(true), { code: 'OUTPUT', message: /another job/ });
  output.commit([result(output, 0, 'new')]);
  output.close();
  t.same(readdirSync(out).sort(), ['mr-out-0', 'notes.txt']);
  t.equal(readFileSync(join(out, 'mr-out-0'), 'utf8'), 'new');
  write(out, { file: '' });
  const path = join(out, 'file');
  t.throws(() => new OutputDirectory({ out: path, jobId: 'x', force: false }), { code: 'OUTPUT' });
  const fresh = join(out, 'fresh');
  new OutputDirectory({ out: fresh, jobId: 'x', force: false }).close();
  t.notOk(existsSync(fresh), 'a directory that was made for nothing goes again');
  t.end();
});

test('output: what a killed job left is removed, and a commit that had begun is finished', (t) => {
  const out = scratchDirectory(t);
  const module = new URL('../../src/mapreduce/output-directory.js', import.meta.url).href;
  const killed = (body: string) => {
    const source = `import { OutputDirectory } from ${JSON.stringify(module)};
      import fs from 'node:fs';
      const output = new OutputDirectory({ out: ${JSON.stringify(out)}, jobId: 'dead', force: true });
      ${body}; process.kill(process.pid, 'SIGKILL');`;
    const args = ['--input-type=module', '-e', source];
    t.equal(spawnSync(process.execPath, args).signal, 'SIGKILL');
  };
  killed(`fs.writeFileSync(output.directory + '/m0.1.out', 'half')`);
  t.ok(readdirSync(out).includes('.conclave-dead'));
  new OutputDirectory({ out, jobId: 'next', force: false }).close();
  t.same(readdirSync(out), []);
  write(out, { 'mr-out-0': 'old', 'mr-out-1': 'old', 'mr-out-2': 'old' });
  killed(`
    const files = [0, 1].map((partition) => {
      const path = output.directory + '/r' + partition;
      fs.writeFileSync(path, 'new');
      return { partition, path, offset: 0, bytes: 3, records: 1, checksum: 0 };
    });
    const rename = fs.renameSync;
    fs.renameSync = (from, to) => {
      if (to.endsWith('mr-out-1')) process.kill(process.pid, 'SIGKILL');
      rename(from, to);
    };
    (await import('node:module')).syncBuiltinESMExports();
    output.commit(files)`);
  t.same(
    [0, 1].map((i) => readFileSync(join(out, `mr-out-${i}`), 'utf8')),
    ['new', 'old'],
  );
  t.throws(() => new OutputDirectory({ out, jobId: 'next', force: false }), { code: 'OUTPUT' });
  t.same(readdirSync(out).sort(), ['mr-out-0', 'mr-out-1']);
  t.equal(readFileSync(join(out, 'mr-out-1'), 'utf8'), 'new');
  t.end();
});
