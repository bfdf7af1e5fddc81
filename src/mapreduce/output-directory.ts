/**
 * The directory that a job writes to. While it runs everything is in `DIR/.conclave-<job>/`; the
 * output files `mr-out-N` appear when all of them are complete, by renames. One job at a time.
 *
 * A process that is killed leaves its `.conclave-` directory; the next job removes it, or, if the
 * renames had begun, finishes them first, so that old and new files never stand side by side.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ResultFile } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError, messageOf } from '../errors.js';
import { writeFileAtomic } from '../storage/atomic-file.js';
import { lockDirectory } from '../storage/process-lock.js';

const PREFIX = '.conclave-';
const LOCK = `${PREFIX}lock`;
/** Lists what is renamed; once it stands, the job has been committed. */
const COMMIT_FILE = 'commit.json';
const OUTPUT_NAME = /^mr-out-\d+$/;

export function outputName(partition: number): string {
  return `mr-out-${partition}`;
}

export interface OutputOptions {
  /** DIR; made if need be. */
  readonly out: string;
  readonly jobId: string;
  /** Replace the output of an earlier job. */
  readonly force: boolean;
}

export class OutputDirectory {
  /** DIR, absolute. */
  readonly out: string;
  /** Where the job's attempts write: `JobSpec.directory`. */
  readonly directory: string;
  readonly #force: boolean;
  readonly #release: () => void;
  readonly #wasMade: boolean;
  #isOpen = true;

  /**
   * Takes DIR for a job. Throws `OUTPUT` when it cannot be made, holds output already and `force`
   * is not set, or another job is writing to it.
   */
  constructor(options: OutputOptions) {
    this.out = resolve(options.out);
    this.directory = join(this.out, `${PREFIX}${options.jobId}`);
    this.#force = options.force;
    this.#wasMade = !existsSync(this.out);
    this.#release = takeLock(this.out);
    try {
      removeLeftovers(this.out);
      this.#refuseOldOutput();
      mkdirSync(this.directory);
    } catch (error) {
      this.#leave();
      throw asOutputError(this.out, error);
    }
  }

  /** Makes the files of all partitions the output. Old output goes only now. */
  commit(files: readonly ResultFile[]): readonly string[] {
    try {
      for (const file of files) requireWhole(file);
      this.#refuseOldOutput();
      const renames = files.map(({ path, partition }) => ({
        from: path,
        to: outputName(partition),
      }));
      writeFileAtomic(join(this.directory, COMMIT_FILE), [Buffer.from(JSON.stringify(renames))]);
      finishCommit(this.out, this.directory);
      return renames.map(({ to }) => join(this.out, to));
    } catch (error) {
      throw asOutputError(this.out, error);
    }
  }

  /** Removes all that is not output, whether the job succeeded or not. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    rmSync(this.directory, { recursive: true, force: true });
    this.#leave();
  }

  #leave(): void {
    this.#release();
    removeIfEmpty(join(this.out, LOCK));
    if (this.#wasMade) removeIfEmpty(this.out);
  }

  #refuseOldOutput(): void {
    if (this.#force) return;
    const old = readdirSync(this.out).find((name) => OUTPUT_NAME.test(name));
    if (old === undefined) return;
    throw new ConclaveError(
      'OUTPUT',
      `${this.out} holds ${old} already; choose another directory with --out, or replace the ` +
        'old output with --force',
    );
  }
}

interface Rename {
  readonly from: string;
  readonly to: string;
}

function takeLock(out: string): () => void {
  const lock = join(out, LOCK);
  for (let attempt = 1; ; attempt++) {
    try {
      makeDirectories(lock);
      return lockDirectory(lock);
    } catch (error) {
      // A job that ends removes the directory of the lock, perhaps between these two steps.
      const isRace = (error as NodeJS.ErrnoException).code === 'ENOENT' && attempt < 3;
      if (!isRace) throw asOutputError(out, error);
    }
  }
}

/** Node 20's own way never ends where no directory can be made, as in /proc. */
function makeDirectories(path: string): void {
  if (existsSync(path)) return;
  if (!existsSync(dirname(path))) makeDirectories(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** What earlier jobs left whose processes are gone: this one holds the lock. */
function removeLeftovers(out: string): void {
  for (const name of readdirSync(out)) {
    if (!name.startsWith(PREFIX) || name === LOCK) continue;
    const directory = join(out, name);
    if (existsSync(join(directory, COMMIT_FILE))) finishCommit(out, directory);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** May be repeated after a crash at any point: what has been renamed is not renamed again. */
function finishCommit(out: string, directory: string): void {
  const path = join(directory, COMMIT_FILE);
  const renames = JSON.parse(readFileSync(path, 'utf8')) as readonly Rename[];
  const isNew = new Set(renames.map(({ to }) => to));
  for (const name of readdirSync(out)) {
    if (OUTPUT_NAME.test(name) && !isNew.has(name)) rmSync(join(out, name), { force: true });
  }
  for (const { from, to } of renames) {
    if (existsSync(from)) renameSync(from, join(out, to));
  }
  rmSync(path);
}

function requireWhole({ path, bytes }: ResultFile): void {
  const size = statSync(path).size;
  if (size === bytes) return;
  throw new ConclaveError('OUTPUT', `${path} has ${size} bytes instead of ${bytes}`);
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // It is not empty, or has gone already.
  }
}

function asOutputError(out: string, cause: unknown): ConclaveError {
  if (cause instanceof ConclaveError) {
    if (cause.code === 'OUTPUT') return cause;
    if (cause.code === 'DATA_LOCKED') {
      return new ConclaveError(
        'OUTPUT',
        `another job is writing to ${out}; choose another with --out`,
        { cause },
      );
    }
  }
  return new ConclaveError('OUTPUT', `cannot write to ${out}: ${messageOf(cause)}`, { cause });
}
