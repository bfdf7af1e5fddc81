/**
 * How long does it take to count the words of a large text, beside the shell's own tools and a
 * plain script? Every method is a process of its own, timed from its start to its end: for ours
 * that is the command itself, `conclave mapreduce`, from the start of Node to the committed output.
 * All methods take turns within a run. A quarter of the text and four times as much show whether
 * the cost grows with the size alone.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';
import { makeCorpus } from './mapreduce-corpus.js';
import { measureProcess } from './process-tree.js';

const FILES = 20;
const WORKERS = 2;
/** How many times the text there is in the largest measurement, and the share in the smallest. */
const SCALE = 4;
const ENGINE = 'conclave mapreduce wc';
const TEXT = 'conclave mapreduce, map with strings';
const SMALLER = `${ENGINE}, a quarter of the text`;
const LARGER = `${ENGINE}, four times the text`;
const SHELL = 'tr | sort | uniq -c';
const SCRIPT = 'Node script with a Map';

function program(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

interface Method {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

function job(name: string, app: string, inputs: readonly string[], out: string): Method {
  const settings = ['--workers', String(WORKERS), '--out', out, '--force', '--quiet'];
  const args = [program('../src/cli/main.js'), 'mapreduce', app, ...inputs, ...settings];
  return { name, command: process.execPath, args };
}

/** What is measured, in turn; `files` are the corpus, and results go below `out`. */
function methods(corpus: string, files: readonly string[], out: string): readonly Method[] {
  const pipeline =
    'export LC_ALL=C; cat "$0"/* | tr -cs A-Za-z "\\n" | sort --parallel=2 | uniq -c > "$1"';
  const script = program('./baselines/word-count-map.js');
  const textApp = program('./baselines/word-count-app.js');
  return [
    job(ENGINE, 'wc', [corpus], join(out, 'engine')),
    { name: SHELL, command: 'sh', args: ['-c', pipeline, corpus, join(out, 'shell')] },
    { name: SCRIPT, command: process.execPath, args: [script, corpus, join(out, 'script')] },
    job(TEXT, textApp, [corpus], join(out, 'text')),
    job(SMALLER, 'wc', files.slice(0, FILES / SCALE), join(out, 'smaller')),
    job(LARGER, 'wc', [repeated(files, join(out, 'repeated'))], join(out, 'larger')),
  ];
}

/** The same text several times, under names of its own and without room on the disk. */
function repeated(files: readonly string[], directory: string): string {
  mkdirSync(directory);
  for (let copy = 0; copy < SCALE; copy++) {
    for (const file of files) linkSync(file, join(directory, `${copy}-${basename(file)}`));
  }
  return directory;
}

async function measure({ option, progress, signal }: RunContext): Promise<readonly Row[]> {
  // Under the working directory: a system's directory for temporary files may be in memory.
  const directory = mkdtempSync('bench-mapreduce-');
  try {
    const corpus = join(directory, 'corpus');
    const megabytes = option('size');
    const files = makeCorpus({ directory: corpus, totalBytes: megabytes * 1e6, files: FILES });
    const rows: Row[] = [];
    for (const { name, command, args } of methods(corpus, files, directory)) {
      signal.throwIfAborted();
      const { seconds, cpuSeconds, peakMB } = await measureProcess(command, args, signal);
      progress(`${name}: ${seconds.toFixed(2)} s, ${peakMB.toFixed(0)} MB`);
      rows.push({ name, unit: 's', value: seconds });
      rows.push({ name: `${name}: processor`, unit: 's', value: cpuSeconds });
      rows.push({ name: `${name}: memory`, unit: 'MB', value: peakMB });
    }
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const mapReduceBenchmark: Benchmark = {
  name: 'mapreduce',
  description: 'word count over a generated corpus, beside tr | sort | uniq and a plain script',
  options: [{ name: 'size', unit: 'MB', value: 200, quick: 20, description: 'size of the corpus' }],
  runs: { full: 3, quick: 1 },
  comparisons: [
    { of: SHELL, to: ENGINE, atLeast: 3 },
    { of: SCRIPT, to: ENGINE, atLeast: 2.5 },
    { of: `${ENGINE}: memory`, to: `${SCRIPT}: memory`, atMost: 1 },
    { of: SHELL, to: TEXT, atLeast: 1.5 },
    { of: ENGINE, to: SMALLER },
    // In proportion to the text, and what a start takes is in both.
    { of: LARGER, to: ENGINE, atMost: SCALE * 1.1 },
  ],
  configuration: () => ({ files: FILES, workers: WORKERS, reduces: 10, locale: 'LC_ALL=C' }),
  run: measure,
};
