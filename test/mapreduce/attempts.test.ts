/** Attempts on real threads: what user code can do, and what its worker hears of it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import type { TaskAttempt, TaskEvent } from '../../actors/mapreduce/tasks-port.js';
import type {
  AttemptFailure,
  JobSpec,
  RecordId,
  ResultFile,
} from '../../machines/mapreduce/job-spec.js';
import { PiscinaTasks } from '../../src/mapreduce/piscina-tasks.js';
import { prepareApp } from '../../src/mapreduce/prepare-app.js';
import { makeJob, scratchDirectory } from './engine.js';

const REDUCE = 'export const reduce = (key, values) => values.join();';

/** V8 aborts the process of a thread that does this. */
const BURST = "'ab '.repeat(1e8).match(/\\w+/g)";

/** A tasks port whose events can be awaited. */
class Worker {
  readonly events: TaskEvent[] = [];
  readonly tasks: PiscinaTasks;
  #heard: () => void = () => {};
  #stop: () => void | Promise<void> = () => {};

  constructor(t: { teardown(cleanup: () => unknown): void }) {
    this.tasks = new PiscinaTasks({
      name: 'worker',
      incarnation: 1,
      input: undefined,
      complete: (_port, event) => {
        this.events.push(event as TaskEvent);
        this.#heard();
      },
      onStop: (cleanup) => {
        this.#stop = cleanup;
      },
    });
    t.teardown(() => this.#stop());
  }

  async heard<T extends TaskEvent['type']>(type: T): Promise<Extract<TaskEvent, { type: T }>> {
    for (;;) {
      const found = this.events.find((event) => event.type === type);
      if (found !== undefined) return found as Extract<TaskEvent, { type: T }>;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async fails(attempt: TaskAttempt): Promise<AttemptFailure> {
    this.events.length = 0;
    this.tasks.start(attempt);
    return (await this.heard('attemptFailed')).failure;
  }

  async finishes(attempt: TaskAttempt) {
    this.events.length = 0;
    this.tasks.start(attempt);
    return await this.heard('attemptFinished');
  }
}

let attempts = 0;

function recordsIn(files: readonly ResultFile[]): number {
  return files.reduce((sum, file) => sum + file.records, 0);
}

function mapAttempt(
  directory: string,
  source: string,
  changes: {
    job?: Partial<JobSpec>;
    skip?: readonly RecordId[];
    contents?: string;
    type?: string;
  } = {},
): TaskAttempt {
  const number = ++attempts;
  const module = join(directory, `app-${number}.${changes.type ?? 'mjs'}`);
  writeFileSync(module, source);
  const path = join(directory, `input-${number}`);
  writeFileSync(path, changes.contents ?? 'first\nsecond\nthird\n');
  const app = { type: 'module', url: pathToFileURL(module).href } as const;
  const job = makeJob(directory, { app, reduces: 2, ...changes.job });
  const split = { input: 4, file: 'input', path, start: 0, end: statSync(path).size };
  const task = { kind: 'map', index: number, splits: [split], bytes: split.end } as const;
  return { id: `m${number}.1`, attempt: 1, task, skip: changes.skip ?? [], job };
}

test('attempts: what goes wrong in user code costs the attempt and says what it was', async (t) => {
  const directory = scratchDirectory(t);
  const cases: readonly (readonly [string, string, AttemptFailure['kind'], RegExp])[] = [
    [
      'a throw',
      `export function map() { throw new Error('no good') } ${REDUCE}`,
      'exception',
      /no good/,
    ],
    [
      'a rejection',
      `export async function map() { throw new Error('late') } ${REDUCE}`,
      'exception',
      /late/,
    ],
    [
      'a rejection that nobody awaits',
      `export async function map() { Promise.reject(new Error('alone')); await new Promise(() => {}) } ${REDUCE}`,
      'exception',
      /alone/,
    ],
    ['an exit', `export function map() { process.exit(7) } ${REDUCE}`, 'exit', /7/],
    [
      'no memory left',
      `export function map() { const a = []; for (;;) a.push(new Array(100000).fill(1.5)) } ${REDUCE}`,
      'memory',
      /memory/,
    ],
    ...[
      BURST,
      `'abc '.repeat(5e7).split(' ')`,
      `const m = new Map(); for (let i = 0; ; i++) m.set(i, i)`,
      `[...new Array(3e7).fill(1.5)].map((x) => [x, 1])`,
    ].map(
      (act) =>
        [act, `export function map() { ${act} } ${REDUCE}`, 'memory', /256 MiB; --memory/] as const,
    ),
    [
      'an end of the process',
      `export function map() { process.kill(process.pid, 'SIGKILL'); for (;;); } ${REDUCE}`,
      'memory',
      /was killed/,
    ],
    [
      'an object as value',
      `export function map(f, c, emit) { emit('k', {}) } ${REDUCE}`,
      'exception',
      /for the key "k", a value that is of type object/,
    ],
    [
      'no key',
      `export function map(f, c, emit) { emit(undefined, '1') } ${REDUCE}`,
      'exception',
      /a key that is of type undefined/,
    ],
    [
      'no pairs',
      `export function map() { return [['a']] } ${REDUCE}`,
      'exception',
      /\[key, value\]/,
    ],
    [
      'a number',
      `export function map() { return 5 } ${REDUCE}`,
      'exception',
      /array of \[key, value\]/,
    ],
    [
      'a line feed in a key',
      `export function map(f, c, emit) { emit('a\\nb', 1) } ${REDUCE}`,
      'badOutput',
      /the key "a\\nb" contains a line feed/,
    ],
    [
      'a line feed in a value',
      `export function map(f, c, emit) { emit('a', 'x\\ny') } ${REDUCE}`,
      'badOutput',
      /"x\\ny" of the key "a"/,
    ],
    [
      'a wrong partition',
      `export function map(f, c, emit) { emit('a', 1) } export const partition = () => 2; ${REDUCE}`,
      'exception',
      /returned 2; it must be an integer from 0 to 1/,
    ],
    [
      'a wrong range',
      `export function mapBytes(f, b, emit) { emit(0, b.length + 1) } ${REDUCE}`,
      'exception',
      /not a range/,
    ],
    [
      'a fraction to sum',
      `export function map(f, c, emit) { emit('a', 1.5) } export const combine = 'sum'; ${REDUCE}`,
      'exception',
      /must be an integer/,
    ],
    ['a failing import', `throw new Error('broken'); ${REDUCE}`, 'app', /failed to load: broken/],
  ];
  const worker = new Worker(t);
  for (const [claim, source, kind, message] of cases) {
    const failure = await worker.fails(mapAttempt(directory, source));
    t.equal(failure.kind, kind, claim);
    t.match(failure.message, message, claim);
    if (kind !== 'app') t.equal(failure.file, 'input', claim);
  }
  t.same(
    readdirSync(directory).filter((name) => /^m\d/.test(name)),
    [],
    'nothing is left of them',
  );
});

test('attempts: a line or word that no heap holds costs a built-in app its attempt', async (t) => {
  const directory = scratchDirectory(t);
  const worker = new Worker(t);
  for (const name of ['wc', 'indexer', 'sort']) {
    const job = { app: { type: 'builtin', name } } as const;
    const long = mapAttempt(directory, '', { job, contents: `short\n${'x'.repeat(7e7)}` });
    const failure = await worker.fails(long);
    t.match(failure, { kind: 'memory', file: 'input', message: /^input: .*at byte 6 .*--memory/ });
    const words = mapAttempt(directory, '', { job, contents: `${'x '.repeat(1e7)}\n` });
    t.ok((await worker.finishes(words)).counters.pairsOut > 0, name);
  }
});

test('attempts: an endless loop reports progress while it has any, and can be aborted', async (t) => {
  const directory = scratchDirectory(t);
  const worker = new Worker(t);
  const source = `export function map(f, c, emit) { for (let i = 0; i < 5; i++) emit('k', i); for (;;); } ${REDUCE}`;
  const stuck = mapAttempt(directory, source);
  worker.tasks.start(stuck);
  t.equal((await worker.heard('attemptProgress')).progress.pairs, 5);
  worker.tasks.abort(stuck.id);
  const next = mapAttempt(
    directory,
    `export function map(f, c, emit) { emit(f, c.length) } ${REDUCE}`,
  );
  const { files, counters } = await worker.finishes(next);
  t.equal(files.length, 2);
  t.equal(recordsIn(files), 1);
  t.match(counters, { bytesIn: 19, recordsIn: 1, pairsOut: 1 });
  t.notOk(
    worker.events.some((event) => event.attempt === stuck.id),
    'no word of the aborted one',
  );
  worker.tasks.abort(next.id);
  t.same(
    readdirSync(directory).filter((name) => /^m\d/.test(name)),
    [],
  );
});

test('attempts: record by record, a crash names its record, and a skipped one does no harm', async (t) => {
  const directory = scratchDirectory(t);
  const worker = new Worker(t);
  const job = { skipBadRecords: true, splittable: true };
  for (const act of ['process.exit(1)', BURST, 'throw new Error("bad")', 'for (;;);']) {
    const source = `export const splittable = true; export function map(f, c, emit) { if (c.startsWith('sec')) { ${act} } emit(c.trim(), 1) } ${REDUCE}`;
    const attempt = mapAttempt(directory, source, { job });
    if (act.startsWith('for')) {
      worker.events.length = 0;
      worker.tasks.start(attempt);
      const { progress } = await worker.heard('attemptProgress');
      t.same(progress.record, { input: 4, offset: 6 }, act);
      worker.tasks.abort(attempt.id);
    } else t.same((await worker.fails(attempt)).record, { input: 4, offset: 6 }, act);
    const again = mapAttempt(directory, source, { job, skip: [{ input: 4, offset: 6 }] });
    const { files } = await worker.finishes(again);
    t.equal(recordsIn(files), 2, act);
  }
});

test('attempts: modules of all kinds are loaded, and what they print is not on standard output', async (t) => {
  const directory = scratchDirectory(t);
  const source =
    'console.log("chatter"); exports["map"] = async (f, c) => { console.log(c); return [["k", 1]] }; exports["reduce"] = (k, v) => v[0];';
  const attempt = mapAttempt(directory, source, { type: 'cjs' });
  const program = `
    import { AttemptPool } from ${JSON.stringify(new URL('../../src/mapreduce/attempt-pool.js', import.meta.url).href)};
    import { makeProgressBuffer } from ${JSON.stringify(new URL('../../src/mapreduce/attempt-progress.js', import.meta.url).href)};
    const pool = new AttemptPool();
    const reply = await pool.run(${JSON.stringify(attempt)}, makeProgressBuffer()).ended;
    await pool.close();
    process.stdout.write(reply.type);
  `;
  const path = join(directory, 'program.mjs');
  writeFileSync(path, program);
  const output = execFileSync(process.execPath, [path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.equal(output, 'finished');
});

test('attempts: damaged map output is found, and whose it was', async (t) => {
  const directory = scratchDirectory(t);
  const worker = new Worker(t);
  const source = `export function map(f, c, emit) { emit('k', 'v'.repeat(5000)) } export const partition = () => 0; ${REDUCE}`;
  const map = mapAttempt(directory, source);
  const { files } = await worker.finishes(map);
  const file = files[0] as ResultFile;
  const reduce = (number: number): TaskAttempt => ({
    id: `r0.${number}`,
    attempt: number,
    task: { kind: 'reduce', index: 0 },
    inputs: [{ map: 0, attempt: map.id, file }],
    job: map.job,
  });
  const done = await worker.finishes(reduce(1));
  t.equal(readFileSync((done.files[0] as ResultFile).path, 'utf8'), `k ${'v'.repeat(5000)}\n`);
  const bytes = readFileSync(file.path);
  bytes[3000] = 0x77;
  writeFileSync(file.path, bytes);
  t.match(await worker.fails(reduce(2)), {
    kind: 'inputLost',
    lostMap: map.id,
    message: /checksum/,
  });
  truncateSync(file.path, 100);
  t.match(await worker.fails(reduce(3)), {
    kind: 'inputLost',
    lostMap: map.id,
    message: /shorter/,
  });
  worker.tasks.abort(map.id);
  t.match(await worker.fails(reduce(4)), { kind: 'inputLost', lostMap: map.id, message: /ENOENT/ });
});

test('apps: what is no app is refused before the job begins', async (t) => {
  const directory = scratchDirectory(t);
  const write = (name: string, source: string): string => {
    writeFileSync(join(directory, name), source);
    return join(directory, name);
  };
  const refused = async (
    app: string,
    options: Record<string, string>,
    code: string,
    message: RegExp,
  ) => t.rejects(prepareApp(app, options), { code, message }, app);
  await refused(
    'nothing',
    {},
    'USAGE',
    /unknown app 'nothing': use one of wc, indexer, grep, sort/,
  );
  await refused(join(directory, 'gone.js'), {}, 'USAGE', /no module .*gone\.js/);
  await refused('file://elsewhere/a.mjs', {}, 'USAGE', /unknown app 'file:/);
  await refused('grep', {}, 'USAGE', /--pattern/);
  await refused('grep', { pattern: '(' }, 'USAGE', /not valid/);
  await refused(
    write('a.mjs', 'export function map() {}'),
    {},
    'USAGE',
    /a.mjs exports no function reduce/,
  );
  await refused(write('b.mjs', REDUCE), {}, 'USAGE', /exports no function map/);
  await refused(write('c.mjs', 'throw new Error("at load")'), {}, 'APP', /at load/);
  await refused(write('d.mjs', 'export const = 5'), {}, 'APP', /failed to load/);
  await refused(write('e.mjs', 'process.exit(0)'), {}, 'APP', /ended its thread/);
  const app = write('f.mjs', `export function map() {} export const splittable = true; ${REDUCE}`);
  t.same((await prepareApp(app, {})).traits, { splittable: true, combines: false, sorts: false });
  t.same((await prepareApp('sort', {})).traits, { splittable: true, combines: true, sorts: true });
});
