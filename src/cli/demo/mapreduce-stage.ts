/**
 * MapReduce on worker threads: an inverted index over real text, with a worker killed on the way,
 * compared byte for byte with a sequential run.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import { mapReduce } from '../../mapreduce/job.js';
import type { JobControl, JobProgress, MapReduceReport } from '../../mapreduce/options.js';
import { runSequentially, sequentialApp } from '../../mapreduce/sequential.js';
import { formatBytes, formatCount, formatDuration, plural } from '../quantities.js';
import { documentTitles, findDocuments } from './documents.js';
import type { Stage, StageContext, StageReport, StageRow } from './stage.js';

const WORKERS = 3;
const REDUCES = 4;
/** Short: should a task stand still, a demonstration is not to wait for long. */
const TASK_TIMEOUT_MS = 2000;
/** The first that is in the index is shown. */
const SAMPLES = ['worker', 'license', 'the'];

export const mapreduceStage: Stage = {
  name: 'mapreduce',
  title: 'MapReduce: an inverted index of the documentation that npm installed',
  run,
};

async function run(context: StageContext): Promise<StageReport> {
  const { narrate, scratch } = context;
  const { files, packageCount, sizeBytes } = findDocuments();
  const input = gather(files, join(scratch, 'documents'));
  narrate(
    `${plural(files.length, 'document')} of ${plural(packageCount, 'package')}, ` +
      `${formatBytes(sizeBytes)}`,
  );
  narrate(`a coordinator and ${WORKERS} workers, each an actor on a thread of its own`);
  const saboteur = new Saboteur(context);
  const report = await mapReduce({
    app: 'indexer',
    inputs: [input],
    out: join(scratch, 'index'),
    reduces: REDUCES,
    workers: WORKERS,
    taskTimeoutMs: TASK_TIMEOUT_MS,
    signal: context.signal,
    onStart: (control) => saboteur.take(control),
    onProgress: (progress) => saboteur.see(progress),
    onEvent: ({ message }) => context.output.detail(message),
  });
  context.output.progress().stop();
  const index = sortedLines(report.files.flatMap(linesOf));
  const took = formatDuration(report.wallSeconds * 1000);
  narrate(`${sequelOf(report)}; done in ${took}`);
  narrate(`${plural(index.length, 'word')} in the index${sampleOf(index)}`);
  const { expected, durationMs } = await reference(input);
  const isSame = Buffer.from(index.join('\n')).equals(Buffer.from(expected.join('\n')));
  narrate(`a sequential run gives ${isSame ? 'the same bytes' : 'SOMETHING ELSE'}`);
  const { map, reduce, wallSeconds } = report;
  return {
    rows: [
      ...rowsOf(report, saboteur),
      { what: 'sequential run', outcome: plural(expected.length, 'word'), durationMs },
    ],
    checks: [
      { claim: 'a worker was killed while the job ran', holds: saboteur.kill !== undefined },
      { claim: "the job's output equals a sequential run's, byte for byte", holds: isSame },
    ],
    facts: {
      documents: files.length,
      packages: packageCount,
      sizeBytes,
      words: index.length,
      kill: saboteur.kill,
      job: { map, reduce, wallSeconds },
    },
  };
}

/** Copies the documents under names of their own: the index names files by their base names. */
function gather(files: readonly string[], folder: string): string {
  mkdirSync(folder);
  for (const [file, title] of documentTitles(files)) copyFileSync(file, join(folder, title));
  return folder;
}

interface Kill {
  readonly worker: string;
  readonly phase: JobProgress['phase'];
  /** Of the phase, when it was killed. */
  readonly tasksDone: number;
  /** Since the job was begun. */
  readonly atMs: number;
}

/** Kills a worker when a third of the map tasks are done. */
class Saboteur {
  readonly #context: StageContext;
  readonly #startedMs = performance.now();
  #control: JobControl | undefined;
  kill: Kill | undefined;

  constructor(context: StageContext) {
    this.#context = context;
  }

  take(control: JobControl): void {
    this.#control = control;
  }

  see({ phase, tasksDone, tasksTotal }: JobProgress): void {
    const { output, narrate } = this.#context;
    output.progress().update({ phase, done: tasksDone, total: tasksTotal, unit: 'tasks' });
    const [worker] = this.#control?.workers() ?? [];
    if (this.kill !== undefined || worker === undefined || 3 * tasksDone < tasksTotal) return;
    this.kill = { worker, phase, tasksDone, atMs: performance.now() - this.#startedMs };
    this.#control?.killWorker(worker).then(
      () =>
        narrate(`killed ${worker} after ${tasksDone} of ${plural(tasksTotal, `${phase} task`)}`),
      (error: unknown) => {
        // The job was faster; the check says so.
        this.kill = undefined;
        output.detail(`${worker} could not be killed: ${messageOf(error)}`);
      },
    );
  }
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

/** By their bytes, as `LC_ALL=C sort` does. */
function sortedLines(lines: readonly string[]): string[] {
  return lines
    .map((line) => Buffer.from(line))
    .sort(Buffer.compare)
    .map(String);
}

/** The same index made one file after the other, in this thread, by code of its own. */
async function reference(folder: string): Promise<{ expected: string[]; durationMs: number }> {
  const startedMs = performance.now();
  const app = await sequentialApp({ type: 'builtin', name: 'indexer' }, {});
  const names = readdirSync(folder);
  const files = names.map((name) => ({ file: name, path: join(folder, name) }));
  const expected = sortedLines(await runSequentially(app, files));
  return { expected, durationMs: performance.now() - startedMs };
}

/** What the kill cost. */
function sequelOf({ map, reduce }: MapReduceReport): string {
  const again = map.attempts - map.tasks + reduce.attempts - reduce.tasks;
  if (again === 0) return 'it had no task in hand; the others went on';
  return `the others went on; ${plural(again, 'task')} given again`;
}

function sampleOf(index: readonly string[]): string {
  for (const word of SAMPLES) {
    const [, count] = index.find((line) => line.startsWith(`${word} `))?.split(' ') ?? [];
    if (count !== undefined) return `; '${word}' is in ${plural(Number(count), 'document')}`;
  }
  return '';
}

function rowsOf(report: MapReduceReport, { kill }: Saboteur): StageRow[] {
  const { map, reduce } = report;
  const phase = (name: string, { tasks, attempts, wallSeconds }: typeof map): StageRow => ({
    what: name,
    outcome: `${plural(tasks, 'task')}, ${formatCount(attempts - tasks)} given again`,
    durationMs: wallSeconds * 1000,
  });
  const killed: StageRow = {
    what: 'worker killed at',
    outcome: kill === undefined ? 'not' : `${kill.worker}, ${kill.tasksDone} tasks done`,
    durationMs: kill?.atMs,
  };
  return [phase('map', map), killed, phase('reduce', reduce)];
}
