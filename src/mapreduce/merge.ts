/**
 * Merges sorted streams into one. Equal keys come in the order of their streams, and within a
 * stream in its own order; so values keep the order of (input, position) through any number of
 * passes, as long as neighbours are merged with neighbours.
 */
import { compareBytes, keyPrefix } from './key-order.js';
import type { RecordStream } from './record-stream.js';

/** Bytes of a key that are compared as one number, exact in a double. */
const PREFIX_BYTES = 6;
const NO_BYTES = new Uint8Array(0);

/** A heap of streams, ordered by (key, stream). */
export class Merge implements RecordStream {
  readonly #streams: readonly RecordStream[];
  /** Per stream, the first bytes of its current key. */
  readonly #prefixes: Float64Array;
  /** Stream numbers; the first `#live` form a heap whose top is the current pair. */
  readonly #heap: Uint32Array;
  #live = 0;
  #started = false;
  bytes: Uint8Array = NO_BYTES;
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(streams: readonly RecordStream[]) {
    this.#streams = streams;
    this.#prefixes = new Float64Array(streams.length);
    this.#heap = new Uint32Array(streams.length);
  }

  next(): boolean {
    if (!this.#started) this.#start();
    else if (this.#live > 0) this.#advanceTop();
    if (this.#live === 0) return false;
    const top = this.#streams[this.#heap[0] as number] as RecordStream;
    this.bytes = top.bytes;
    this.keyStart = top.keyStart;
    this.keyEnd = top.keyEnd;
    this.valueStart = top.valueStart;
    this.valueEnd = top.valueEnd;
    return true;
  }

  #start(): void {
    this.#started = true;
    for (let number = 0; number < this.#streams.length; number++) {
      if (this.#load(number)) this.#heap[this.#live++] = number;
    }
    for (let at = (this.#live >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  #advanceTop(): void {
    if (!this.#load(this.#heap[0] as number)) {
      this.#live--;
      this.#heap[0] = this.#heap[this.#live] as number;
    }
    if (this.#live > 1) this.#sink(0);
  }

  #load(number: number): boolean {
    const stream = this.#streams[number] as RecordStream;
    if (!stream.next()) return false;
    this.#prefixes[number] = keyPrefix(stream.bytes, stream.keyStart, stream.keyEnd, PREFIX_BYTES);
    return true;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const item = heap[from] as number;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#live) break;
      if (
        child + 1 < this.#live &&
        this.#isBefore(heap[child + 1] as number, heap[child] as number)
      ) {
        child++;
      }
      if (!this.#isBefore(heap[child] as number, item)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = item;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#prefixes[a] as number) - (this.#prefixes[b] as number);
    if (difference !== 0) return difference < 0;
    const x = this.#streams[a] as RecordStream;
    const y = this.#streams[b] as RecordStream;
    const order = compareBytes(x.bytes, x.keyStart, x.keyEnd, y.bytes, y.keyStart, y.keyEnd);
    return order === 0 ? a < b : order < 0;
  }
}
