/**
 * How long does it take to count the words of a large text, beside the shell's own tools and a
 * plain script? Every method is a process of its own, timed from its start to its end; all methods
 * take turns within a run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';
import { makeCorpus } from './mapreduce-corpus.js';
import { measureProcess } from './process-tree.js';

const FILES = 20;
const ENGINE = 'engine, 2 threads, mapBytes';
const TEXT = 'engine, 2 threads, map with strings';
const SHELL = 'tr | sort | uniq -c';
const SCRIPT = 'Node script with a Map';

function program(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The command and arguments of each method, for a corpus and a place for the result. */
function methods(corpus: string, out: string): readonly (readonly [string, string, string[]])[] {
  const pipeline =
    'export LC_ALL=C; cat "$0"/* | tr -cs A-Za-z "\\n" | sort --parallel=2 | uniq -c > "$1"';
  const phases = program('./mapreduce-phases.js');
  const node = process.execPath;
  return [
    [ENGINE, node, [phases, corpus, join(out, 'engine'), 'wc']],
    [SHELL, 'sh', ['-c', pipeline, corpus, join(out, 'shell')]],
    [SCRIPT, node, [program('./baselines/word-count-map.js'), corpus, join(out, 'script')]],
    [TEXT, node, [phases, corpus, join(out, 'text'), program('./baselines/word-count-app.js')]],
  ];
}

async function measure({ option, progress, signal }: RunContext): Promise<readonly Row[]> {
  // Under the working directory: a system's directory for temporary files may be in memory.
  const directory = mkdtempSync('bench-mapreduce-');
  try {
    const corpus = join(directory, 'corpus');
    const megabytes = option('size');
    makeCorpus({ directory: corpus, totalBytes: megabytes * 1e6, files: FILES });
    const rows: Row[] = [];
    for (const [name, command, args] of methods(corpus, directory)) {
      signal.throwIfAborted();
      const { seconds, peakMB } = await measureProcess(command, args, signal);
      progress(`${name}: ${seconds.toFixed(2)} s, ${peakMB.toFixed(0)} MB`);
      rows.push({ name, unit: 's', value: seconds });
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
  ],
  configuration: () => ({ files: FILES, threads: 2, reduces: 10, locale: 'LC_ALL=C' }),
  run: measure,
};
