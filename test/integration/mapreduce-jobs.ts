/** What the tests of whole MapReduce jobs share: texts, options, and reading the output. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { MapReduceOptions } from '../../src/mapreduce/options.js';
import { runSequentially, type SequentialApp } from '../../src/mapreduce/sequential.js';

/** Of one file of tests: jobs on threads take seconds, and more on a machine that is busy. */
export const FILE_TIMEOUT_MILLIS = 180_000;

const WORDS = 'the sherlock of tom sawyer über river île night a lamp голос went out'.split(' ');

/** Eight texts, each of its own length. */
export function books(t: Test): { file: string; path: string }[] {
  const directory = t.testdir({});
  return Array.from({ length: 8 }, (_, book) => {
    let text = '';
    for (let i = 0; i < 400 + 150 * book; i++) {
      text += WORDS[(i * i + 7 * i * book + book) % WORDS.length] + (i % 9 === 8 ? '.\n' : ' ');
    }
    const path = join(directory, `pg-${'book'.repeat(book + 1)}.txt`);
    writeFileSync(path, text);
    return { file: path, path };
  });
}

export function fixture(name: string): URL {
  return new URL(`../fixtures/mapreduce/${name}.js`, import.meta.url);
}

export interface Run {
  readonly out: string;
  readonly options: MapReduceOptions;
}

/** Options for a job into a directory of its own, over these files or the books. */
export function prepare(t: Test, app: string | URL, more: Partial<MapReduceOptions> = {}): Run {
  const inputs = more.inputs ?? books(t).map(({ path }) => path);
  const base = t.testdirName;
  mkdirSync(base, { recursive: true });
  const out = join(base, 'out');
  process.env['MAPREDUCE_TEST_MARKS'] = join(base, 'marks');
  return { out, options: { app, out, taskTimeoutMs: 3000, reduces: 10, ...more, inputs } };
}

/** All lines of the output, sorted. */
export function lines(out: string): string[] {
  const files = readdirSync(out).filter((name) => name.startsWith('mr-out-'));
  return files
    .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n'))
    .filter(Boolean)
    .sort();
}

export async function sequential(t: Test, app: SequentialApp): Promise<string[]> {
  return (await runSequentially(app, books(t))).sort();
}
