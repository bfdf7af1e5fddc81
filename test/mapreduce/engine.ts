/** Runs the data plane of a whole job in the test's own thread: maps, reduces, output lines. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  JobSpec,
  MapTask,
  ReduceInput,
  ResultFile,
} from '../../machines/mapreduce/job-spec.js';
import type { App } from '../../src/mapreduce/app.js';
import { makeProgressBuffer, ProgressWriter } from '../../src/mapreduce/attempt-progress.js';
import { findInputs } from '../../src/mapreduce/inputs.js';
import { runMapAttempt } from '../../src/mapreduce/map-attempt.js';
import { runReduceAttempt } from '../../src/mapreduce/reduce-attempt.js';
import { sampleBounds } from '../../src/mapreduce/sample.js';
import { planMapTasks } from '../../src/mapreduce/splits.js';

/** A directory that is removed when the test ends. */
export function scratchDirectory(t: { teardown(cleanup: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'conclave-mr-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes the contents as files `in/f000`, … and returns the directory. */
export function writeInputs(directory: string, contents: readonly (string | Uint8Array)[]): string {
  const inputs = join(directory, 'in');
  rmSync(inputs, { recursive: true, force: true });
  mkdirSync(inputs);
  for (const [i, content] of contents.entries()) {
    writeFileSync(join(inputs, `f${String(i).padStart(3, '0')}`), content);
  }
  return inputs;
}

export function makeJob(directory: string, changes: Partial<JobSpec> = {}): JobSpec {
  return {
    jobId: 'test',
    app: { type: 'builtin', name: 'wc' },
    options: {},
    reduces: 3,
    partitioning: { type: 'hash' },
    format: 'text',
    combine: true,
    splittable: true,
    skipBadRecords: false,
    maxAttempts: 10,
    taskTimeoutMicros: 10_000_000,
    memoryBytes: 64 << 20,
    directory,
    ...changes,
  };
}

export interface EngineRun {
  /** The contents of the output files, by partition. */
  readonly outputs: readonly string[];
  /** All lines, in the order of their bytes. */
  readonly lines: readonly string[];
  readonly spills: number;
  readonly tasks: number;
}

export interface EngineOptions {
  readonly app: App;
  readonly inputs: string;
  readonly directory: string;
  readonly job?: Partial<JobSpec>;
  readonly splitSizeBytes?: number;
}

export async function runEngine(options: EngineOptions): Promise<EngineRun> {
  const { app, inputs, splitSizeBytes } = options;
  const directory = mkdtempSync(join(options.directory, 'job-'));
  const files = findInputs([inputs], { out: join(directory, 'out') });
  const reduces = options.job?.reduces ?? 3;
  const job = makeJob(directory, {
    ...(app.output === 'keys'
      ? { partitioning: { type: 'ranges', bounds: sampleBounds(files, reduces) } }
      : {}),
    ...options.job,
  });
  const splittable = app.granularity === 'lines';
  const tasks = planMapTasks(files, { splittable, workers: 2, splitSizeBytes });
  const maps: ResultFile[][] = [];
  let spills = 0;
  for (const task of tasks) {
    const result = await runMap(app, job, task);
    maps.push([...result.files]);
    spills += result.spills;
  }
  const outputs: string[] = [];
  for (let index = 0; index < job.reduces; index++) {
    outputs.push(readFileSync(await runReduce(app, job, index, maps), 'utf8'));
  }
  const lines = sortedLines(outputs.join(''));
  return { outputs, lines, spills, tasks: tasks.length };
}

export function runMap(app: App, job: JobSpec, task: MapTask) {
  const id = `m${task.index}.1`;
  return runMapAttempt({ id, attempt: 1, task, skip: [] }, contextOf(app, job, id));
}

async function runReduce(
  app: App,
  job: JobSpec,
  index: number,
  maps: readonly (readonly ResultFile[])[],
): Promise<string> {
  const inputs: ReduceInput[] = maps
    .map((files, map) => ({ map, attempt: `m${map}.1`, file: files[index] as ResultFile }))
    .filter(({ file }) => file.records > 0);
  const id = `r${index}.1`;
  const result = await runReduceAttempt(
    { id, attempt: 1, task: { kind: 'reduce', index }, inputs },
    contextOf(app, job, id),
  );
  return (result.files[0] as ResultFile).path;
}

function contextOf(app: App, job: JobSpec, id: string) {
  const progress = new ProgressWriter(makeProgressBuffer());
  const scratch = join(job.directory, `${id}.scratch`);
  return { app, job, progress, scratch, path: join(job.directory, `${id}.out`) };
}

/** Splits text into lines, sorted by their bytes. */
export function sortedLines(text: string): string[] {
  const lines = text.split('\n');
  lines.pop();
  return sortByBytes(lines);
}

export function sortByBytes(lines: readonly string[]): string[] {
  return lines
    .map((line) => Buffer.from(line))
    .sort(Buffer.compare)
    .map(String);
}
