/** Reads one section of a sorted run as a stream of pairs, checking its length and checksum. */
import { closeSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { AttemptId, ResultFile } from '../../machines/mapreduce/job-spec.js';
import { InputLostError } from './attempt-errors.js';
import { type RecordStream, VARINT_BYTES_MAX } from './record-stream.js';

export interface SectionOptions {
  readonly file: ResultFile;
  /** Which attempt wrote it: named when it turns out to be damaged. */
  readonly writer: AttemptId;
  /** How much is read at a time; a longer pair makes the buffer grow. */
  readonly bufferBytes: number;
  /** Hears of every read: how many bytes it brought. */
  readonly onBytes?: (bytes: number) => void;
}

/** The file is opened when first read and closed at the section's end; `close` ends it early. */
export class SectionReader implements RecordStream {
  readonly #options: SectionOptions;
  #buffer: Buffer;
  #fd: number | undefined;
  /** What of the buffer is filled, where the pair in hand begins, how far it has been read. */
  #filled = 0;
  #start = 0;
  #at = 0;
  #unread: number;
  #checksum = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(options: SectionOptions) {
    this.#options = options;
    this.#unread = options.file.bytes;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(options.bufferBytes, options.file.bytes));
  }

  get bytes(): Uint8Array {
    return this.#buffer;
  }

  next(): boolean {
    if (this.#at === this.#filled && this.#unread === 0) {
      this.#end();
      return false;
    }
    this.#start = this.#at;
    const keyLength = this.#length();
    this.#need(keyLength);
    const keyOffset = this.#at - this.#start;
    this.#at += keyLength;
    const valueLength = this.#length();
    this.#need(valueLength);
    this.keyStart = this.#start + keyOffset;
    this.keyEnd = this.keyStart + keyLength;
    this.valueStart = this.#at;
    this.#at += valueLength;
    this.valueEnd = this.#at;
    return true;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #length(): number {
    let value = 0;
    let scale = 1;
    for (let size = 0; size < VARINT_BYTES_MAX; size++) {
      this.#need(1);
      const byte = this.#buffer[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw this.#damaged('has an impossible length');
  }

  #need(bytes: number): void {
    if (this.#at + bytes > this.#filled) this.#refill(bytes);
  }

  /** Moves the pair that is being read to the front, and reads until `bytes` of it lie ahead. */
  #refill(bytes: number): void {
    const total = this.#at - this.#start + bytes;
    if (total - (this.#filled - this.#start) > this.#unread) {
      throw this.#damaged('ends within a pair');
    }
    if (total > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(total, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, this.#start, this.#filled);
      this.#buffer = larger;
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#filled);
    }
    this.#at -= this.#start;
    this.#filled -= this.#start;
    this.#start = 0;
    while (this.#filled - this.#at < bytes) this.#read();
  }

  #read(): void {
    const { file } = this.#options;
    const wanted = Math.min(this.#buffer.length - this.#filled, this.#unread);
    let count: number;
    try {
      this.#fd ??= openSync(file.path, 'r');
      const position = file.offset + file.bytes - this.#unread;
      count = readSync(this.#fd, this.#buffer, this.#filled, wanted, position);
    } catch (error) {
      throw this.#damaged(`cannot be read: ${(error as Error).message}`);
    }
    if (count === 0) throw this.#damaged('is shorter than it was');
    const fresh = this.#buffer.subarray(this.#filled, this.#filled + count);
    this.#checksum = crc32(fresh, this.#checksum);
    this.#filled += count;
    this.#unread -= count;
    this.#options.onBytes?.(count);
    // Checked before the last pairs are used; the ones before them cannot be taken back, but
    // nothing of this attempt is seen by anyone when it fails.
    if (this.#unread === 0 && this.#checksum !== file.checksum) {
      throw this.#damaged('does not match its checksum');
    }
  }

  #end(): void {
    this.close();
    this.#buffer = Buffer.alloc(0);
    this.#at = 0;
    this.#filled = 0;
  }

  #damaged(what: string): InputLostError {
    const { file, writer } = this.#options;
    return new InputLostError(writer, `map output ${file.path} (attempt ${writer}) ${what}`);
  }
}
