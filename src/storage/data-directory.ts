/**
 * The directory that a system keeps its data in: a version file, a lock against a second process,
 * and a sub-directory for every actor. The main thread opens it; worker threads are given the
 * paths of their actors.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Address } from '../../actors/ports.js';
import { ConclaveError, messageOf } from '../errors.js';
import { syncDirectory, TEMPORARY_SUFFIX, writeFileAtomic } from './atomic-file.js';
import { isLockName, lockDirectory } from './process-lock.js';

/** The layout of a data directory; a release that cannot read an older one raises it. */
export const DATA_VERSION = 1;

const VERSION_FILE = 'conclave-data.json';
const ACTORS = 'actors';
/** Encoded names up to this length are used as they are; file systems allow 255 bytes. */
const NAME_LENGTH_MAX = 160;

export class DataDirectory {
  readonly path: string;
  readonly #release: () => void;
  #isOpen = true;

  private constructor(path: string, release: () => void) {
    this.path = path;
    this.#release = release;
  }

  /**
   * Opens a data directory, or makes one of a path that is empty or does not exist. Throws
   * `DATA_LOCKED` if a living process uses it, `DATA_VERSION` if another version wrote it or it
   * holds something else, `STORAGE` if it cannot be made or written.
   */
  static open(path: string): DataDirectory {
    const absolute = resolve(path);
    try {
      makeDirectory(absolute);
      const release = lockDirectory(absolute);
      try {
        checkVersion(absolute);
        makeDirectory(join(absolute, ACTORS));
        return new DataDirectory(absolute, release);
      } catch (error) {
        release();
        throw error;
      }
    } catch (error) {
      throw asStorageError(absolute, error);
    }
  }

  /** The directory of one actor, made if need be. Different names have different directories. */
  actorDirectory(name: Address): string {
    if (!this.#isOpen) throw new ConclaveError('CLOSED', `${this.path} has been closed`);
    const path = join(this.path, ACTORS, directoryNameOf(name));
    try {
      makeDirectory(path);
    } catch (error) {
      throw asStorageError(path, error);
    }
    return path;
  }

  /** Lets another process have it. No actor may use its directory any more. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#release();
  }
}

/**
 * A name that every file system takes, and tells from all others even if it ignores case. Letters
 * other than a–z and all signs are written `%xx` by their UTF-8 bytes; long names end in a hash.
 */
export function directoryNameOf(name: Address): string {
  let encoded = '';
  for (const byte of Buffer.from(name)) {
    const letter = String.fromCharCode(byte);
    encoded += /[a-z0-9_-]/.test(letter) ? letter : `%${byte.toString(16).padStart(2, '0')}`;
  }
  if (encoded === '') return '%';
  if (encoded.length <= NAME_LENGTH_MAX) return encoded;
  const hash = createHash('sha256').update(name).digest('hex');
  return `${encoded.slice(0, NAME_LENGTH_MAX - hash.length - 1)}~${hash}`;
}

function checkVersion(directory: string): void {
  const path = join(directory, VERSION_FILE);
  const names = readdirSync(directory);
  if (names.includes(VERSION_FILE)) {
    const version = readVersion(path);
    if (version === DATA_VERSION) return;
    throw new ConclaveError(
      'DATA_VERSION',
      `${directory} was written by version ${version} of the data format, this release has ` +
        `${DATA_VERSION}; use the release that wrote it, or another directory`,
    );
  }
  if (names.some((name) => !isLockName(name) && !name.endsWith(TEMPORARY_SUFFIX))) {
    throw new ConclaveError(
      'DATA_VERSION',
      `${directory} holds files but no ${VERSION_FILE}: it is not a data directory; ` +
        'use an empty one',
    );
  }
  const content = JSON.stringify({ format: 'conclave-data', version: DATA_VERSION });
  writeFileAtomic(path, [Buffer.from(`${content}\n`)]);
}

function readVersion(path: string): unknown {
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown } | null;
    return content?.version ?? 'unknown';
  } catch (error) {
    const message = `${path} is damaged at byte 0: ${messageOf(error)}`;
    throw new ConclaveError('DATA_CORRUPT', message, { cause: error });
  }
}

/** Makes a directory and those above it, durably. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  makeDirectory(parent);
  mkdirSync(path, { recursive: true });
  syncDirectory(parent);
}

function asStorageError(path: string, cause: unknown): ConclaveError {
  if (cause instanceof ConclaveError) return cause;
  const message = `the data directory ${path} cannot be used: ${messageOf(cause)}`;
  return new ConclaveError('STORAGE', message, { cause });
}
