/**
 * Jobs on real threads whose workers, attempts and network fail, and jobs that are to end early.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { t as file, test } from 'tap';
import { ConclaveError } from '../../src/errors.js';
import { mapReduce } from '../../src/mapreduce/job.js';
import type { JobControl } from '../../src/mapreduce/options.js';
import * as earlyExit from '../fixtures/mapreduce/early-exit.js';
import { FILE_TIMEOUT_MILLIS, fixture, lines, prepare, sequential } from './mapreduce-jobs.js';

file.setTimeout(FILE_TIMEOUT_MILLIS);

async function rejection(promise: Promise<unknown>): Promise<ConclaveError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ConclaveError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('a killed worker costs its attempt, and a new one takes over', async (t) => {
  // By the time-out its attempt would be given again when the test has long been given up.
  const more = { workers: 2, reduces: 2, taskTimeoutMs: 1_000_000 };
  const { out, options } = prepare(t, fixture('slow'), more);
  const events: string[] = [];
  let control: JobControl | undefined;
  let added: Promise<string> | undefined;
  /** When a first task is done both workers are at another one, for 400 ms. */
  const kill = async ({ killWorker, addWorker, workers }: JobControl) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    t.same(workers(), ['mr-worker-1', 'mr-worker-2']);
    await killWorker('mr-worker-1');
    return addWorker();
  };
  const report = await mapReduce({
    ...options,
    onEvent: ({ message }) => events.push(message),
    onStart: (given) => {
      control = given;
    },
    onProgress: ({ tasksDone }) => {
      if (control !== undefined && tasksDone > 0) added ??= kill(control);
    },
  });
  t.equal(await added, 'mr-worker-3');
  t.equal(lines(out).length, 8);
  t.ok(report.map.attempts > 8, `${report.map.attempts} attempts`);
  t.ok(events.some((message) => message.includes('mr-worker-1')));
});

test('an exception, an exit, no memory, an endless loop: each costs one attempt', async (t) => {
  const names = ['bursts', 'exits', 'fine', 'hoards', 'loops', 'throws'];
  const files = Object.fromEntries(names.map((name) => [`${name}.txt`, 'x']));
  const directory = t.testdir({ in: files });
  const { out, options } = prepare(t, fixture('faulty'), {
    workers: 2,
    inputs: [join(directory, 'in')],
    taskTimeoutMs: 2000,
  });
  const report = await mapReduce(options);
  t.same(
    lines(out),
    names.map((name) => `${name} 1`),
  );
  t.equal(report.map.attempts, names.length + 5);
});

/** Processes below this one that live; a zombie has ended, and waits to be noticed. */
function livingChildren(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const [state, parent] = statOf(pid);
      return Number(parent) === process.pid && state !== 'Z';
    });
}

/** State, parent and what follows in /proc; nothing for a process that is gone. */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.replace(/^.*\)\s*/s, '').split(' ');
  } catch {
    return [];
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

const proc = existsSync('/proc/self/stat') ? {} : { skip: 'there is no /proc' };

test('neither a killed worker nor an interrupted job leaves a process', proc, async (t) => {
  const directory = t.testdir({ in: { 'endless.txt': 'x' } });
  const more = { inputs: [join(directory, 'in')], workers: 1, taskTimeoutMs: 1_000_000 };
  const { options } = prepare(t, fixture('hopeless'), more);
  const stop = new AbortController();
  const before = livingChildren();
  const made = () => livingChildren().filter((pid) => !before.includes(pid));
  let faults: Promise<void> | undefined;
  const onStart = ({ killWorker, workers }: JobControl) => {
    faults = (async () => {
      await until(() => made().length === 1);
      const [first] = made();
      await killWorker(workers()[0] as string);
      await until(() => made().length === 1 && made()[0] !== first);
      stop.abort();
    })();
  };
  const error = await rejection(mapReduce({ ...options, signal: stop.signal, onStart }));
  await faults;
  t.equal(error.code, 'INTERRUPTED');
  t.same(made(), [], 'all are gone when the job is');
});

test('a job that fails for good names task, input, cause and remedy, and leaves nothing', async (t) => {
  for (const name of ['bad', 'endless']) {
    const directory = t.testdir({ in: { 'a.txt': '', [`${name}.txt`]: 'x' } });
    const out = join(directory, 'out');
    const more = {
      inputs: [join(directory, 'in')],
      out,
      maxAttempts: 2,
      taskTimeoutMs: 1000,
      workers: 2,
    };
    const error = await rejection(mapReduce(prepare(t, fixture('hopeless'), more).options));
    t.equal(error.code, 'JOB_FAILED');
    t.match(error.message, new RegExp(`map task 1 \\(.*${name}\\.txt\\) failed 2 times`));
    t.equal(error.message.includes('--task-timeout'), name === 'endless', error.message);
    t.notOk(existsSync(out));
  }
});

test('a bad record is skipped and reported, and nothing else is', async (t) => {
  const files = { 'a.txt': 'one\ntwo\nbad 1\none\n', 'b.txt': 'two\n' };
  const directory = t.testdir({ in: files });
  const out = join(directory, 'out');
  const more = { inputs: [join(directory, 'in')], out, skipBadRecords: true, workers: 2 };
  const report = await mapReduce(prepare(t, fixture('bad-lines'), more).options);
  t.same(lines(out), ['one 2', 'two 2']);
  t.match(report.skippedRecords, [{ input: 0, offset: 8, message: /a bad line/ }]);
});

test('an interrupted job leaves nothing and says so', async (t) => {
  const { out, options } = prepare(t, fixture('slow'), { workers: 2 });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 600);
  const error = await rejection(mapReduce({ ...options, signal: stop.signal }));
  t.equal(error.code, 'INTERRUPTED');
  t.notOk(existsSync(out));
  const again = await rejection(mapReduce({ ...options, signal: stop.signal }));
  t.equal(again.code, 'INTERRUPTED', 'an aborted signal starts nothing');
});

test('over a network that loses, repeats and delays, the output is the same', async (t) => {
  const network = { seed: 7, preset: 'labs-unreliable' } as const;
  const { out, options } = prepare(t, fixture('early-exit'), { workers: 3, network });
  await mapReduce(options);
  const { map } = earlyExit;
  const reduce = (_: string, values: string[]) => String(values.length);
  t.same(lines(out), await sequential(t, { map, reduce }));
});
