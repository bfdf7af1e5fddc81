/**
 * Segment files on a real disk. Writes and syncs are synchronous: a turn of an actor waits for its
 * disk anyway, and the thread pool would add 0.06–0.08 ms to each. Only the next segment is filled
 * with zeros behind the actor's back: overwriting allocated blocks and syncing is 1.7 times as fast
 * as growing a file, because no metadata changes.
 */

import { randomBytes } from 'node:crypto';
import {
  close,
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { syncDirectory } from './atomic-file.js';
import type { LogFiles, SegmentFile } from './log-files.js';

const SEGMENT_NAME = /^\d{8,}\.log$/;
const UNNAMED = /^segment-[0-9a-f]+\.tmp$/;
const ZEROS_BYTES = 1024 * 1024;

/** Files up to this size are filled with zeros at once, larger ones only when prepared ahead. */
const FILL_NOW_BYTES = 1024 * 1024;

class NodeFile implements SegmentFile {
  path: string;
  readonly #fd: number;
  #isOpen = true;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  sizeBytes(): number {
    return fstatSync(this.#fd).size;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    writeFully(this.#fd, bytes, offset);
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#fd);
  }
}

/** A file that is being filled with zeros by the thread pool. */
interface Spare {
  readonly path: string;
  readonly sizeBytes: number;
  readonly fd: number;
  state: 'filling' | 'ready' | 'abandoned';
}

export class NodeFiles implements LogFiles {
  readonly path: string;
  #spare: Spare | undefined;
  #zeros: Uint8Array | undefined;

  /** The directory exists, durably, and nobody else uses it. */
  constructor(path: string) {
    this.path = path;
  }

  list(): readonly string[] {
    const names = readdirSync(this.path);
    for (const name of names) if (UNNAMED.test(name)) removeIfThere(join(this.path, name));
    return names.filter((name) => SEGMENT_NAME.test(name)).sort(byNumber);
  }

  open(name: string): SegmentFile {
    const path = join(this.path, name);
    return new NodeFile(path, openSync(path, 'r+'));
  }

  create(sizeBytes: number): SegmentFile {
    const spare = this.#spare;
    if (spare?.state === 'ready' && spare.sizeBytes >= sizeBytes) {
      this.#spare = undefined;
      return new NodeFile(spare.path, spare.fd);
    }
    const path = this.#unnamedPath();
    const fd = openSync(path, 'wx+');
    try {
      // A larger one grows as it is written: filling it now would stop the actor, and writing into
      // a hole was measured to be slower than growing.
      if (sizeBytes <= FILL_NOW_BYTES) writeFully(fd, new Uint8Array(sizeBytes), 0);
      // Sizes and blocks are metadata, which the `fdatasync` of a batch need not write.
      fsyncSync(fd);
    } catch (error) {
      closeSync(fd);
      removeIfThere(path);
      throw error;
    }
    return new NodeFile(path, fd);
  }

  publish(file: SegmentFile, name: string): void {
    const path = join(this.path, name);
    renameSync(file.path, path);
    (file as NodeFile).path = path;
    this.syncDirectory();
  }

  remove(name: string): void {
    unlinkSync(join(this.path, name));
    this.syncDirectory();
  }

  syncDirectory(): void {
    syncDirectory(this.path);
  }

  prepare(sizeBytes: number): void {
    if (this.#spare !== undefined) {
      if (this.#spare.sizeBytes >= sizeBytes && this.#spare.state !== 'abandoned') return;
      this.#abandon(this.#spare);
    }
    this.#spare = undefined;
    const path = this.#unnamedPath();
    try {
      const fd = openSync(path, 'wx+');
      this.#spare = { path, sizeBytes, fd, state: 'filling' };
    } catch {
      // Preparing is only a hint: `create` will meet the error, and report it.
      return;
    }
    this.#zeros ??= new Uint8Array(ZEROS_BYTES);
    this.#fill(this.#spare, 0);
  }

  close(): void {
    if (this.#spare !== undefined) this.#abandon(this.#spare);
    this.#spare = undefined;
  }

  nowMicros(): number {
    return Math.round(performance.now() * 1000);
  }

  #unnamedPath(): string {
    return join(this.path, `segment-${randomBytes(8).toString('hex')}.tmp`);
  }

  /**
   * One piece after the other, each synced before the next: zeros that pile up in the cache would
   * make a batch's sync wait for all of them.
   */
  #fill(spare: Spare, from: number): void {
    const zeros = this.#zeros as Uint8Array;
    const length = Math.min(zeros.length, spare.sizeBytes - from);
    const next = (error: NodeJS.ErrnoException | null, then: () => void) => {
      if (error !== null && spare.state !== 'abandoned') this.#abandon(spare);
      if (spare.state === 'abandoned') close(spare.fd, () => {});
      else then();
    };
    write(spare.fd, zeros, 0, length, from, (failure, count) => {
      next(failure, () =>
        fsync(spare.fd, (error) => {
          next(error, () => {
            if (from + count < spare.sizeBytes) this.#fill(spare, from + count);
            else spare.state = 'ready';
          });
        }),
      );
    });
  }

  /** Gives the file up; its descriptor is closed here, or by the call that still uses it. */
  #abandon(spare: Spare): void {
    const wasReady = spare.state === 'ready';
    spare.state = 'abandoned';
    removeIfThere(spare.path);
    if (wasReady) closeSync(spare.fd);
  }
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.length) {
    const count = writeSync(fd, bytes, done, bytes.length - done, offset + done);
    if (count === 0) throw new Error(`wrote 0 of ${bytes.length - done} bytes`);
    done += count;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function byNumber(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10);
}
