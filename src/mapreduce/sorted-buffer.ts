/** Sorts what a buffer in memory holds by (partition, key, order of emission). */
import type { ByteTable } from './byte-table.js';
import { type KeyList, KeySorter } from './key-sort.js';
import type { PairBuffer } from './pair-buffer.js';
import { COUNT_BYTES_MAX, type RecordStream, writeCount } from './record-stream.js';

/** Key numbers by partition, sorted within each. */
class SortedNumbers {
  readonly #numbers: Uint32Array;
  /** Partition p is `numbers[starts[p], starts[p + 1])`. */
  readonly #starts: Uint32Array;

  constructor(keys: KeyList, of: Uint32Array, shape: { size: number; partitions: number }) {
    const starts = new Uint32Array(shape.partitions + 1);
    for (let i = 0; i < shape.size; i++) {
      const after = (of[i] as number) + 1;
      starts[after] = (starts[after] as number) + 1;
    }
    let longest = 0;
    for (let p = 1; p <= shape.partitions; p++) {
      longest = Math.max(longest, starts[p] as number);
      starts[p] = (starts[p] as number) + (starts[p - 1] as number);
    }
    const numbers = new Uint32Array(shape.size);
    const next = starts.slice();
    for (let i = 0; i < shape.size; i++) {
      const at = next[of[i] as number] as number;
      numbers[at] = i;
      next[of[i] as number] = at + 1;
    }
    const sorter = new KeySorter(keys, longest);
    for (let p = 0; p < shape.partitions; p++) {
      sorter.sort(numbers, starts[p] as number, starts[p + 1] as number);
    }
    this.#numbers = numbers;
    this.#starts = starts;
  }

  of(partition: number): Uint32Array {
    return this.#numbers.subarray(this.#starts[partition], this.#starts[partition + 1]);
  }
}

/** A buffer's pairs, sorted; valid until the buffer is changed. */
export interface SortedBuffer {
  stream(partition: number): RecordStream;
}

export function sortPairs(buffer: PairBuffer, partitions: number): SortedBuffer {
  const shape = { size: buffer.size, partitions };
  const sorted = new SortedNumbers(buffer.keys, buffer.partitions, shape);
  return { stream: (partition) => new PairStream(buffer, sorted.of(partition)) };
}

export interface Counted {
  readonly table: ByteTable;
  readonly keys: KeyList;
  /** The partition of each key of the table. */
  readonly partitions: Uint32Array;
}

export function sortCounts(counted: Counted, partitions: number): SortedBuffer {
  const { table, keys } = counted;
  const shape = { size: table.size, partitions };
  const sorted = new SortedNumbers(keys, counted.partitions, shape);
  return { stream: (partition) => new CountStream(table, keys, sorted.of(partition)) };
}

class PairStream implements RecordStream {
  readonly #keys: KeyList;
  readonly #valueLengths: Uint32Array;
  readonly #numbers: Uint32Array;
  readonly bytes: Uint8Array;
  #at = 0;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(buffer: PairBuffer, numbers: Uint32Array) {
    this.#keys = buffer.keys;
    this.#valueLengths = buffer.valueLengths;
    this.#numbers = numbers;
    this.bytes = this.#keys.arena;
  }

  next(): boolean {
    if (this.#at === this.#numbers.length) return false;
    const number = this.#numbers[this.#at++] as number;
    this.keyStart = this.#keys.offsets[number] as number;
    this.keyEnd = this.keyStart + (this.#keys.lengths[number] as number);
    this.valueStart = this.keyEnd;
    this.valueEnd = this.valueStart + (this.#valueLengths[number] as number);
    return true;
  }
}

/** Puts each key beside its count, in a buffer of its own. */
class CountStream implements RecordStream {
  readonly #keys: KeyList;
  readonly #table: ByteTable;
  readonly #numbers: Uint32Array;
  bytes = new Uint8Array(256);
  #at = 0;
  readonly keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(table: ByteTable, keys: KeyList, numbers: Uint32Array) {
    this.#table = table;
    this.#keys = keys;
    this.#numbers = numbers;
  }

  next(): boolean {
    if (this.#at === this.#numbers.length) return false;
    const number = this.#numbers[this.#at++] as number;
    const { arena, offsets, lengths } = this.#keys;
    const length = lengths[number] as number;
    if (length + COUNT_BYTES_MAX > this.bytes.length) {
      this.bytes = new Uint8Array((length + COUNT_BYTES_MAX) * 2);
    }
    const { bytes } = this;
    let from = offsets[number] as number;
    for (let to = 0; to < length; to++) bytes[to] = arena[from++] as number;
    this.keyEnd = length;
    this.valueStart = length;
    this.valueEnd = writeCount(bytes, length, this.#table.countOf(number));
    return true;
  }
}
