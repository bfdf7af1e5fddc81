/**
 * Reads a split of an input file: whole, or in chunks of whole lines through one buffer. A split
 * `[start, end)` owns the lines that begin in it, so that neighbours share no line and miss none,
 * and a cut needs no look at the file beforehand.
 */
import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Split } from '../../machines/mapreduce/job-spec.js';
import { IoError } from './attempt-errors.js';

const LINE_FEED = 10;
export const CHUNK_BYTES = 1 << 20;

export interface Chunk {
  /** Whole lines; the last of a file may lack its line feed. Valid until the next chunk. */
  readonly bytes: Buffer;
  /** Where in the file it begins. */
  readonly offset: number;
}

function opened<T>(split: Split, work: (fd: number) => T): T {
  try {
    const fd = openSync(split.path, 'r');
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw asIoError(split, cause);
  }
}

function asIoError(split: Split, cause: unknown): IoError {
  return new IoError(`cannot read ${split.file}: ${(cause as Error).message}`, { cause });
}

/** The file from `start` to `end`, or less if it has become shorter. */
export function readWhole(split: Split): Buffer {
  return opened(split, (fd) => {
    const bytes = Buffer.allocUnsafeSlow(split.end - split.start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, split.start + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  });
}

/** UTF-8 as it is; what is not UTF-8 with U+FFFD in the place of each bad sequence. */
export function asUtf8(bytes: Buffer): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString('utf8'));
}

/** The chunks of a split, in order. Only a line longer than a chunk makes the buffer grow. */
export class ChunkReader {
  readonly #split: Split;
  readonly #fd: number;
  /** A split's last line may reach beyond its end, but not beyond this. */
  readonly #fileEnd: number;
  #buffer: Buffer;
  #filled = 0;
  /** How much of the buffer has been handed out. */
  #taken = 0;
  /** File offset of the buffer's first byte. */
  #base: number;
  #isAtEnd = false;

  constructor(split: Split, buffer: Buffer) {
    this.#split = split;
    this.#buffer = buffer;
    try {
      this.#fd = openSync(split.path, 'r');
      this.#fileEnd = fstatSync(this.#fd).size;
    } catch (cause) {
      throw asIoError(split, cause);
    }
    this.#base = split.start;
    if (split.start > 0) this.#skipLineBegunBefore();
  }

  /** The largest buffer that was needed, for the next reader. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** The next whole lines; undefined at the end of the split. */
  next(): Chunk | undefined {
    if (!this.#isAtEnd) this.#dropTaken();
    for (;;) {
      if (this.#isAtEnd) return undefined;
      this.#fill();
      const end = this.#endOfLines();
      if (end > 0) {
        this.#taken = end;
        return { bytes: this.#buffer.subarray(0, end), offset: this.#base };
      }
      if (this.#isAtEnd) continue;
      const larger = Buffer.allocUnsafeSlow(this.#buffer.length * 2);
      this.#buffer.copy(larger, 0, 0, this.#filled);
      this.#buffer = larger;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** The first line of the split is the one after the first line feed at or after `start` - 1. */
  #skipLineBegunBefore(): void {
    this.#base = this.#split.start - 1;
    while (this.#base < this.#split.end) {
      this.#fill();
      const at = this.#buffer.subarray(0, this.#filled).indexOf(LINE_FEED);
      if (at >= 0) {
        this.#taken = at + 1;
        this.#dropTaken();
        break;
      }
      this.#base += this.#filled;
      if (this.#filled === 0) break;
      this.#filled = 0;
    }
    if (this.#base >= this.#split.end) this.#isAtEnd = true;
  }

  #dropTaken(): void {
    this.#buffer.copyWithin(0, this.#taken, this.#filled);
    this.#base += this.#taken;
    this.#filled -= this.#taken;
    this.#taken = 0;
    if (this.#base >= this.#split.end) this.#isAtEnd = true;
  }

  #fill(): void {
    while (this.#filled < this.#buffer.length) {
      const position = this.#base + this.#filled;
      const wanted = Math.min(this.#buffer.length - this.#filled, this.#fileEnd - position);
      if (wanted <= 0) return;
      let count: number;
      try {
        count = readSync(this.#fd, this.#buffer, this.#filled, wanted, position);
      } catch (cause) {
        throw asIoError(this.#split, cause);
      }
      if (count === 0) return;
      this.#filled += count;
    }
  }

  /** Where the whole lines of the split end in the buffer; 0 when more must be read first. */
  #endOfLines(): number {
    const isFileEnd = this.#base + this.#filled >= this.#fileEnd;
    const splitEnd = this.#split.end - this.#base;
    if (splitEnd <= this.#filled) {
      const lineEnd = this.#buffer.subarray(0, this.#filled).indexOf(LINE_FEED, splitEnd - 1);
      if (lineEnd >= 0) return lineEnd + 1;
      if (isFileEnd) return this.#filled;
    } else if (isFileEnd) {
      return this.#filled;
    }
    const lastLine = this.#buffer
      .subarray(0, Math.min(this.#filled, splitEnd))
      .lastIndexOf(LINE_FEED);
    if (lastLine < 0 && this.#filled === 0) this.#isAtEnd = true;
    return lastLine + 1;
  }
}

/** Four line feeds side by side, and what makes the comparison of four bytes at a time. */
const LINE_FEEDS = 0x0a0a0a0a;
const LOW_BITS = 0x7f7f7f7f;
/** A byte of the sum of four bytes side by side overflows after so many additions. */
const ADDITIONS_MAX = 255;

/** How many line feeds there are. Looks at four bytes at a time. */
export function countLineFeeds(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length & ~3;
  let count = 0;
  let i = 0;
  while (i < end) {
    const stop = Math.min(end, i + 4 * ADDITIONS_MAX);
    let sums = 0;
    for (; i < stop; i += 4) {
      // A byte of `other` is zero where there is a line feed; the highest bit of each byte of
      // `~(…)` is set exactly there.
      const other = view.getInt32(i, true) ^ LINE_FEEDS;
      sums = (sums + (~(((other & LOW_BITS) + LOW_BITS) | other | LOW_BITS) >>> 7)) | 0;
    }
    count += (sums & 255) + ((sums >>> 8) & 255) + ((sums >>> 16) & 255) + (sums >>> 24);
  }
  for (; i < bytes.length; i++) if (bytes[i] === LINE_FEED) count++;
  return count;
}
