/**
 * Cuts the input into map tasks: a task per file, but large files of apps that allow it are cut,
 * and their smaller ones share tasks as long as there are enough tasks for all workers, because
 * what a task has combined need not be merged; very many small files share tasks in any case
 * (MapReduce §3.1: 16 to 64 MB a task).
 */
import type { MapTask, Split } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError } from '../errors.js';
import type { InputFile } from './inputs.js';

const MEBIBYTE = 1 << 20;
const SPLIT_BYTES_MIN = 4 * MEBIBYTE;
const SPLIT_BYTES_MAX = 32 * MEBIBYTE;
/** So many tasks a worker: enough to even out what they take, few enough to cost little. */
const TASKS_PER_WORKER = 4;
/** More files than this share tasks; up to here every file is a task of its own. */
const FILES_UNGROUPED_MAX = 256;
const GROUP_BYTES_MAX = 4 * MEBIBYTE;
/** About how many tasks many small files make. */
const GROUPED_TASKS = 128;
/** What a `--split-size` may cut the input into: a task costs some milliseconds, and memory. */
const TASKS_MAX = 100_000;

export interface SplitOptions {
  /** The app takes files in parts. */
  readonly splittable: boolean;
  readonly workers: number;
  /** Default: by the size of the input and the number of workers, 4 to 32 MiB. */
  readonly splitSizeBytes?: number | undefined;
}

/**
 * The map tasks, in the order of the inputs and of the positions in them. Throws `USAGE` when the
 * split size asked for would make far too many.
 */
export function planMapTasks(inputs: readonly InputFile[], options: SplitOptions): MapTask[] {
  const totalBytes = inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const splitBytes = options.splittable
    ? (options.splitSizeBytes ?? defaultSplitBytes(totalBytes, options.workers))
    : Number.POSITIVE_INFINITY;
  if (options.splitSizeBytes !== undefined) requireFewTasks(totalBytes, splitBytes);
  const even = totalBytes / (Math.max(1, options.workers) * TASKS_PER_WORKER);
  const shareBytes =
    options.splittable && options.splitSizeBytes === undefined ? Math.min(splitBytes, even) : 0;
  const groups = new Grouping(inputs.length, shareBytes);
  for (const [input, file] of inputs.entries()) {
    for (const split of cut(input, file, splitBytes)) groups.add(split);
  }
  return groups.tasks();
}

function requireFewTasks(totalBytes: number, splitBytes: number): void {
  const tasks = Math.ceil(totalBytes / splitBytes);
  if (tasks <= TASKS_MAX) return;
  throw new ConclaveError(
    'USAGE',
    `--split-size ${splitBytes} cuts ${totalBytes} bytes of input into ${tasks} map tasks, and ` +
      `${TASKS_MAX} is the most; use at least ${Math.ceil(totalBytes / TASKS_MAX)}`,
  );
}

function defaultSplitBytes(totalBytes: number, workers: number): number {
  const even = Math.ceil(totalBytes / (Math.max(1, workers) * TASKS_PER_WORKER));
  return Math.max(SPLIT_BYTES_MIN, Math.min(SPLIT_BYTES_MAX, even));
}

/** Parts of nearly equal size, none larger than `splitBytes`. An empty file is one part. */
function cut(input: number, { file, path, sizeBytes }: InputFile, splitBytes: number): Split[] {
  const parts = Math.max(1, Math.ceil(sizeBytes / splitBytes));
  const partBytes = Math.ceil(sizeBytes / parts);
  return Array.from({ length: parts }, (_, i) => ({
    input,
    file,
    path,
    start: Math.min(sizeBytes, i * partBytes),
    end: Math.min(sizeBytes, (i + 1) * partBytes),
  }));
}

class Grouping {
  readonly #filesPerTask: number;
  readonly #shareBytes: number;
  readonly #groups: Split[][] = [];
  #groupBytes = 0;

  /** Neighbours of up to `shareBytes` together share a task whatever their number. */
  constructor(files: number, shareBytes: number) {
    this.#shareBytes = shareBytes;
    this.#filesPerTask = files > FILES_UNGROUPED_MAX ? Math.ceil(files / GROUPED_TASKS) : 1;
  }

  add(split: Split): void {
    const bytes = split.end - split.start;
    const last = this.#groups.at(-1);
    const together = this.#groupBytes + bytes;
    const hasRoom =
      together <= this.#shareBytes ||
      (last !== undefined && last.length < this.#filesPerTask && together <= GROUP_BYTES_MAX);
    if (last !== undefined && hasRoom) {
      last.push(split);
      this.#groupBytes += bytes;
    } else {
      this.#groups.push([split]);
      this.#groupBytes = bytes;
    }
  }

  tasks(): MapTask[] {
    return this.#groups.map((splits, index) => ({
      kind: 'map',
      index,
      splits,
      bytes: splits.reduce((sum, { start, end }) => sum + end - start, 0),
    }));
  }
}
