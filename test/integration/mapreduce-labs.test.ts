/**
 * The labs' seven MapReduce cases on real threads. Their sleeps are shortened to about a third, and
 * so is the task time-out: a task is given again after 3 s here, after 10 s there.
 */
import { readFileSync } from 'node:fs';
import { t as file, test } from 'tap';
import { mapReduce } from '../../src/mapreduce/job.js';
import * as crash from '../fixtures/mapreduce/crash.js';
import * as earlyExit from '../fixtures/mapreduce/early-exit.js';
import {
  books,
  FILE_TIMEOUT_MILLIS,
  fixture,
  lines,
  prepare,
  sequential,
} from './mapreduce-jobs.js';

file.setTimeout(FILE_TIMEOUT_MILLIS);

test('labs: wc and indexer equal a sequential run (1, 2)', async (t) => {
  const texts = books(t);
  const counts = new Map<string, number>();
  const where = new Map<string, Set<string>>();
  for (const { path } of texts) {
    for (const word of readFileSync(path, 'utf8').match(/\p{L}+/gu) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
      where.set(word, (where.get(word) ?? new Set()).add(path.slice(path.lastIndexOf('/') + 1)));
    }
  }
  const wc = prepare(t, 'wc', { workers: 3 });
  const report = await mapReduce(wc.options);
  t.same(lines(wc.out), [...counts].map(([word, count]) => `${word} ${count}`).sort());
  t.match(report, { map: { tasks: 8, attempts: 8, retries: 0 }, reduce: { tasks: 10 } });
  t.equal(report.files.length, 10);
  const indexer = prepare(t, 'indexer', { workers: 2, force: true });
  await mapReduce(indexer.options);
  t.same(
    lines(indexer.out),
    [...where].map(([word, names]) => `${word} ${names.size} ${[...names].sort().join()}`).sort(),
  );
});

test('labs: two workers run maps at once (3)', async (t) => {
  const { out, options } = prepare(t, fixture('map-parallelism'), { workers: 2 });
  await mapReduce(options);
  const output = lines(out);
  t.equal(output.filter((line) => line.startsWith('times-')).length, 2);
  t.ok(output.some((line) => /^parallel-\d+ .*2/.test(line)));
});

test('labs: two workers run reduces at once (4)', async (t) => {
  const { out, options } = prepare(t, fixture('reduce-parallelism'), { workers: 2 });
  await mapReduce(options);
  t.ok(lines(out).filter((line) => line.endsWith(' 2')).length >= 2);
});

test('labs: no map runs twice although the slowest take half of the time-out (5)', async (t) => {
  const { out, options } = prepare(t, fixture('job-count'), { workers: 4 });
  await mapReduce(options);
  t.same(lines(out), ['a 8']);
});

test('labs: nobody is done before all output is final (6)', async (t) => {
  const { out, options } = prepare(t, fixture('early-exit'), { workers: 3 });
  await mapReduce(options);
  const atTheEnd = lines(out);
  await new Promise((resolve) => setTimeout(resolve, 400));
  t.same(lines(out), atTheEnd);
  const { map } = earlyExit;
  const reduce = (_: string, values: string[]) => String(values.length);
  t.same(atTheEnd, await sequential(t, { map, reduce }));
});

test('labs: attempts that exit or stall at random (7)', async (t) => {
  const { out, options } = prepare(t, fixture('crash'), {
    workers: 4,
    maxAttempts: 30,
    taskTimeoutMs: 1000,
  });
  const report = await mapReduce(options);
  const reference = { map: crash.plainMap, reduce: crash.plainReduce };
  t.same(lines(out), await sequential(t, reference));
  t.ok(report.map.retries + report.reduce.retries > 0);
});
