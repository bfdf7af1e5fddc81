/**
 * Writes sorted runs: files of one or more sections, each a sequence of pairs
 * `varint key length, key, varint value length, value`. A section is what one reduce task reads of
 * one map's output; its length and CRC-32 are registered with the coordinator.
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { ResultFile } from '../../machines/mapreduce/job-spec.js';
import { IoError } from './attempt-errors.js';
import { VARINT_BYTES_MAX, writeVarint } from './record-stream.js';

const BUFFER_BYTES = 1 << 18;

/** A file under a temporary name until it is complete; appended to through one buffer. */
export class AtomicFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0;
  #written = 0;
  #checksum = 0;

  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.tmp`;
    this.#fd = attempt(this.#temporary, () => openSync(this.#temporary, 'w'));
  }

  /** Bytes appended so far. */
  get size(): number {
    return this.#written + this.#used;
  }

  /** Room for `sizeBytes` in the buffer, which is returned; `at` is where to write. */
  reserve(sizeBytes: number): Buffer {
    if (this.#used + sizeBytes > this.#buffer.length) {
      this.#flush();
      if (sizeBytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(sizeBytes);
    }
    return this.#buffer;
  }

  get at(): number {
    return this.#used;
  }

  /** What `reserve` gave room for has been written up to `end`. */
  advance(end: number): void {
    this.#used = end;
  }

  /** CRC-32 of what was appended since the last call. */
  takeChecksum(): number {
    this.#flush();
    const checksum = this.#checksum;
    this.#checksum = 0;
    return checksum;
  }

  /** Closes it under its final name: whoever sees that name sees the whole file. */
  commit(): void {
    this.#flush();
    attempt(this.#path, () => {
      closeSync(this.#fd);
      renameSync(this.#temporary, this.#path);
    });
  }

  #flush(): void {
    if (this.#used === 0) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#checksum = crc32(bytes, this.#checksum);
    attempt(this.#temporary, () => {
      for (let from = 0; from < bytes.length; ) from += writeSync(this.#fd, bytes, from);
    });
    this.#written += this.#used;
    this.#used = 0;
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new IoError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Sections follow each other in the order of `endSection`. */
export class RunWriter {
  readonly #path: string;
  readonly #file: AtomicFile;
  #sectionStart = 0;
  #records = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = new AtomicFile(path);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#file.size;
  }

  /** Appends a pair; its key must not come before that of the pair before it in the section. */
  write(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
  ): void {
    const keyLength = keyEnd - keyStart;
    const valueLength = valueEnd - valueStart;
    const buffer = this.#file.reserve(keyLength + valueLength + 2 * VARINT_BYTES_MAX);
    let at = writeVarint(buffer, this.#file.at, keyLength);
    at = copy(keyBytes, keyStart, keyEnd, buffer, at);
    at = writeVarint(buffer, at, valueLength);
    at = copy(valueBytes, valueStart, valueEnd, buffer, at);
    this.#file.advance(at);
    this.#records++;
  }

  /** Ends a section, which may be empty. */
  endSection(partition: number): ResultFile {
    const checksum = this.#file.takeChecksum();
    const offset = this.#sectionStart;
    const bytes = this.#file.size - offset;
    const section = {
      partition,
      path: this.#path,
      offset,
      bytes,
      records: this.#records,
      checksum,
    };
    this.#sectionStart = this.#file.size;
    this.#records = 0;
    return section;
  }

  commit(): void {
    this.#file.commit();
  }
}

/** Short ranges are copied by a loop, which is faster than a call into the engine. */
function copy(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > 64) {
    to.set(from.subarray(start, end), at);
    return at + end - start;
  }
  let i = at;
  for (let j = start; j < end; j++) to[i++] = from[j] as number;
  return i;
}
