/**
 * Finds the files of a job: files, directories and globs as they were named, each file once, in the
 * order of the bytes of its path. `file` is the path as reached, which is what an app is told.
 */
import {
  accessSync,
  constants,
  lstatSync,
  readdirSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { resolve, sep } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { ConclaveError, messageOf } from '../errors.js';

export interface InputFile {
  /** The path as reached: the argument, and what follows it, joined with `/`. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface InputOptions {
  /** Relative arguments start here; default: the current directory. */
  readonly cwd?: string;
  /** The output directory: nothing in it is an input. */
  readonly out: string;
}

/**
 * All input files. Throws `INPUT` when an argument does not exist or cannot be read, a glob matches
 * nothing, or there is no file at all.
 */
export function findInputs(args: readonly string[], options: InputOptions): readonly InputFile[] {
  const finder = new InputFinder(options);
  for (const arg of args) finder.add(arg);
  const files = finder.sorted();
  if (files.length > 0) return files;
  if (args.length === 0) {
    throw new ConclaveError('INPUT', 'no input: name files, directories or globs after the app');
  }
  throw new ConclaveError(
    'INPUT',
    `no input: ${args.join(' ')} holds no file (dot-files and the output directory do not count)`,
  );
}

class InputFinder {
  readonly #cwd: string;
  readonly #out: string;
  /** By absolute path. */
  readonly #found = new Map<string, InputFile>();

  constructor(options: InputOptions) {
    this.#cwd = options.cwd ?? process.cwd();
    this.#out = realPath(resolve(this.#cwd, options.out));
  }

  add(arg: string): void {
    // The current directory, as a path; more likely a variable of a script that is not set.
    if (arg === '') throw new ConclaveError('INPUT', "there is no file or directory ''");
    const path = resolve(this.#cwd, arg);
    const kind = kindOf(path);
    if (kind === 'file') this.#addFile(arg, path);
    else if (kind === 'directory') this.#addDirectory(withoutSlash(arg), path);
    else if (kind === 'other') {
      throw new ConclaveError('INPUT', `${arg} is neither a file nor a directory`);
    } else if (isDynamicPattern(arg)) this.#addGlob(arg);
    else throw new ConclaveError('INPUT', `there is no file or directory ${arg}`);
  }

  sorted(): InputFile[] {
    const files = [...this.#found.values()].map((input) => ({
      input,
      bytes: Buffer.from(input.file),
    }));
    files.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    return files.map(({ input }) => input);
  }

  /** Reached as a shell would: what the pattern has as plain text stays as it stands. */
  #addGlob(pattern: string): void {
    const { base, wildcards } = dividePattern(pattern);
    const cwd = resolve(this.#cwd, base);
    const matches = globSync(wildcards, { cwd, onlyFiles: false, expandDirectories: false });
    const before = this.#found.size;
    let isKnown = false;
    for (const match of matches.map(withoutSlash)) {
      if (leadsThroughLink(cwd, match)) continue;
      const path = resolve(cwd, match);
      requireUtf8Name(`${base}${match}`, path);
      isKnown ||= this.#found.has(path);
      const kind = kindOf(path);
      if (kind === 'file') this.#addFile(`${base}${match}`, path);
      else if (kind === 'directory' && !isLink(path)) this.#addDirectory(`${base}${match}`, path);
    }
    if (this.#found.size > before || isKnown) return;
    throw new ConclaveError('INPUT', `no file matches ${pattern}`);
  }

  /**
   * Symbolic links to files are followed, to directories not: those could lead round in circles.
   */
  #addDirectory(reached: string, path: string): void {
    if (this.#isOutput(path)) return;
    for (const name of namesIn(reached, path)) {
      if (name.startsWith('.')) continue;
      const child = resolve(path, name);
      const childReached = reached.endsWith('/') ? `${reached}${name}` : `${reached}/${name}`;
      requireUtf8Name(childReached, child);
      const kind = kindOf(child);
      if (kind === 'file') this.#addFile(childReached, child);
      else if (kind === 'directory' && !isLink(child)) this.#addDirectory(childReached, child);
    }
  }

  #addFile(file: string, path: string): void {
    if (this.#found.has(path) || this.#isOutput(path)) return;
    try {
      accessSync(path, constants.R_OK);
      this.#found.set(path, { file, path, sizeBytes: statSync(path).size });
    } catch (cause) {
      throw new ConclaveError('INPUT', `cannot read ${file}: ${messageOf(cause)}`, { cause });
    }
  }

  #isOutput(path: string): boolean {
    const real = realPath(path);
    return real === this.#out || real.startsWith(`${this.#out}${sep}`);
  }
}

/** Undefined: there is nothing, or a link that leads nowhere. */
function kindOf(path: string): 'file' | 'directory' | 'other' | undefined {
  const stats = statsOf(path);
  if (stats === undefined) return undefined;
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'directory' : 'other';
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    // Links that lead to each other, or to themselves.
    if ((cause as NodeJS.ErrnoException).code === 'ELOOP') return undefined;
    throw new ConclaveError('INPUT', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** A name that is not UTF-8 is listed with U+FFFD in it, and nothing can be opened by that. */
function requireUtf8Name(reached: string, path: string): void {
  if (!path.includes('\ufffd')) return;
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  throw new ConclaveError('INPUT', `cannot read ${reached}: its name is not UTF-8; rename it`);
}

function isLink(path: string): boolean {
  return lstatSync(path).isSymbolicLink();
}

function namesIn(reached: string, path: string): string[] {
  try {
    return readdirSync(path);
  } catch (cause) {
    throw new ConclaveError('INPUT', `cannot read ${reached}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Splits a pattern before its first part that is not plain text; `base` is empty or ends in `/`.
 */
function dividePattern(pattern: string): { base: string; wildcards: string } {
  const parts = pattern.split('/');
  const first = parts.findIndex((part) => isDynamicPattern(part));
  // A brace may hold a slash, so that no part alone is a pattern.
  if (first <= 0) return { base: '', wildcards: pattern };
  return { base: `${parts.slice(0, first).join('/')}/`, wildcards: parts.slice(first).join('/') };
}

/** Whether one of the directories on the way is a symbolic link. */
function leadsThroughLink(cwd: string, match: string): boolean {
  const parts = match.split('/');
  return parts.slice(1).some((_, i) => isLink(resolve(cwd, parts.slice(0, i + 1).join('/'))));
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
}
