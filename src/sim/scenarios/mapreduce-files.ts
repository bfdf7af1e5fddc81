/**
 * The file system that the workers of the scenario `mapreduce` share: names and contents, a rename
 * that takes no time, and writes that can stop in the middle.
 */
import type { ResultFile } from '../../../machines/mapreduce/job-spec.js';

/** Ends the names of files that are being written: nobody may read one. */
const TEMPORARY = '.tmp';

export class SimFiles {
  readonly #contents = new Map<string, string>();

  /** Writes a part of a file under its temporary name, as a crash in the middle leaves it. */
  writePart(path: string, contents: string, length: number): void {
    this.#contents.set(path + TEMPORARY, contents.slice(0, length));
  }

  /** Writes a file and gives it its name; returns how it is to be reported. */
  write(path: string, partition: number, contents: string): ResultFile {
    this.#contents.delete(path + TEMPORARY);
    this.#contents.set(path, contents);
    return {
      partition,
      path,
      offset: 0,
      bytes: contents.length,
      records: contents.split('\n').length - 1,
      checksum: checksumOf(contents),
    };
  }

  /** The contents, if the file is there and whole. */
  read(file: ResultFile): string | undefined {
    const contents = this.#contents.get(file.path);
    const isWhole = contents?.length === file.bytes && checksumOf(contents) === file.checksum;
    return isWhole ? contents : undefined;
  }

  has(path: string): boolean {
    return this.#contents.has(path);
  }

  remove(path: string): boolean {
    return this.#contents.delete(path);
  }

  /** Cuts a file short, as a disk that lost its end. */
  damage(path: string): void {
    const contents = this.#contents.get(path);
    if (contents !== undefined) this.#contents.set(path, contents.slice(0, -1));
  }

  /** Removes all that an attempt has made, whole or not. */
  removeAttempt(directory: string, attempt: string): void {
    for (const path of [...this.#contents.keys()]) {
      if (path.startsWith(`${directory}/${attempt}/`)) this.#contents.delete(path);
    }
  }
}

/** FNV-1a, 32 bits. */
function checksumOf(contents: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < contents.length; i++) {
    hash = Math.imul(hash ^ contents.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
