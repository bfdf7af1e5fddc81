/**
 * From what a caller of `mapReduce()` asks for to a job that can run: the app is found, the input
 * listed and cut, the output directory taken. What is wrong is said here, before a thread starts.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { JobSpec, MapTask, Partitioning } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError } from '../errors.js';
import type { AppTraits } from './app.js';
import { findInputs, type InputFile } from './inputs.js';
import type { MapReduceOptions } from './options.js';
import { OutputDirectory } from './output-directory.js';
import { prepareApp } from './prepare-app.js';
import { sampleBounds } from './sample.js';
import { planMapTasks } from './splits.js';

const DEFAULT_OUT = './mr-out';
const DEFAULT_REDUCES = 10;
const DEFAULT_TASK_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_ATTEMPTS = 10;
/** Of one attempt; all workers together use as much as the number of them times this. */
const DEFAULT_MEMORY_BYTES_PER_WORKER = 64 << 20;
const MEMORY_BYTES_MIN = 1 << 20;
const WORKERS_MAX = 64;
const REDUCES_MAX = 10_000;

export interface JobPlan {
  readonly spec: JobSpec;
  readonly tasks: readonly MapTask[];
  readonly output: OutputDirectory;
  readonly appName: string;
  readonly inputsCount: number;
  readonly workersCount: number;
}

/**
 * Prepares a job. The caller must `close()` the plan's output directory. Throws `USAGE`, `APP`,
 * `INPUT` and `OUTPUT`.
 */
export async function planJob(options: MapReduceOptions): Promise<JobPlan> {
  requireTypes(options);
  const numbers = readNumbers(options);
  const { pattern } = options;
  const appOptions = pattern === undefined ? {} : { pattern };
  const { reference, traits } = await prepareApp(options.app, appOptions);
  const appName = reference.type === 'builtin' ? reference.name : fileURLToPath(reference.url);
  requireTraits({ name: appName, isModule: reference.type === 'module' }, options, traits);
  const out = options.out ?? DEFAULT_OUT;
  const inputs = findInputs(options.inputs, { out });
  const jobId = `${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`;
  const output = new OutputDirectory({ out, jobId, force: options.force ?? false });
  try {
    const spec: JobSpec = {
      jobId,
      app: reference,
      options: appOptions,
      reduces: numbers.reduces,
      partitioning: partitioningOf(traits, inputs, numbers.reduces),
      format: options.format ?? 'text',
      combine: options.combine ?? traits.combines,
      splittable: traits.splittable,
      skipBadRecords: options.skipBadRecords ?? false,
      maxAttempts: numbers.maxAttempts,
      taskTimeoutMicros: numbers.taskTimeoutMs * 1000,
      memoryBytes: numbers.memoryBytes,
      directory: output.directory,
    };
    const { workers: workersCount } = numbers;
    const { splittable } = traits;
    const splitSizeBytes = options.splitSizeBytes;
    const tasks = planMapTasks(inputs, { splittable, workers: workersCount, splitSizeBytes });
    return { spec, tasks, output, appName, inputsCount: inputs.length, workersCount };
  } catch (error) {
    output.close();
    throw error;
  }
}

function partitioningOf(
  traits: AppTraits,
  inputs: readonly InputFile[],
  reduces: number,
): Partitioning {
  if (!traits.sorts) return { type: 'hash' };
  return { type: 'ranges', bounds: sampleBounds(inputs, reduces) };
}

/** For callers in plain JavaScript; the compiler has told the others. */
function requireTypes({ inputs, out, format }: MapReduceOptions): void {
  if (!Array.isArray(inputs) || inputs.some((input) => typeof input !== 'string')) {
    throw new ConclaveError('USAGE', 'inputs must be an array of paths or globs, all strings');
  }
  if (out !== undefined && (typeof out !== 'string' || out === '')) {
    throw new ConclaveError('USAGE', `out must be the path of a directory, not '${String(out)}'`);
  }
  if (format !== undefined && format !== 'text' && format !== 'jsonl') {
    throw new ConclaveError('USAGE', `format must be 'text' or 'jsonl', not '${String(format)}'`);
  }
}

function readNumbers(options: MapReduceOptions) {
  const workers = whole('workers', options.workers ?? availableParallelism(), 1, WORKERS_MAX);
  const memory = options.memoryBytes ?? workers * DEFAULT_MEMORY_BYTES_PER_WORKER;
  whole('memoryBytes', memory, MEMORY_BYTES_MIN, Number.MAX_SAFE_INTEGER);
  if (options.splitSizeBytes !== undefined) {
    whole('splitSizeBytes', options.splitSizeBytes, 1, Number.MAX_SAFE_INTEGER);
  }
  const timeout = options.taskTimeoutMs ?? DEFAULT_TASK_TIMEOUT_MS;
  return {
    workers,
    memoryBytes: Math.max(MEMORY_BYTES_MIN, Math.trunc(memory / workers)),
    reduces: whole('reduces', options.reduces ?? DEFAULT_REDUCES, 1, REDUCES_MAX),
    taskTimeoutMs: whole('taskTimeoutMs', timeout, 10, 86_400_000),
    maxAttempts: whole('maxAttempts', options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS, 1, 1000),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new ConclaveError('USAGE', `${name} must be a whole number ${range}, not ${value}`);
}

function requireTraits(
  { name, isModule }: { name: string; isModule: boolean },
  options: MapReduceOptions,
  traits: AppTraits,
): void {
  if (options.combine === true && !traits.combines) {
    throw new ConclaveError('USAGE', `${name} has no combiner: leave --combine out`);
  }
  if (options.skipBadRecords === true && !traits.splittable) {
    const remedy = isModule ? ', or export splittable from the module' : '';
    throw new ConclaveError(
      'USAGE',
      `${name} takes whole files, so no record of it can be skipped: leave --skip-bad-records ` +
        `out${remedy}`,
    );
  }
}
