/**
 * Gathers emitted pairs as bytes, in the order of their emission, until they are sorted and
 * written. Keys and values lie in one arena; nothing of a pair stays an object.
 */
import type { KeyList } from './key-sort.js';

const INITIAL_PAIRS = 1 << 10;
const INITIAL_ARENA_BYTES = 1 << 16;
/** What a pair takes beside its bytes: four numbers here, and 12 bytes while it is sorted. */
const PAIR_OVERHEAD_BYTES = 28;
/** UTF-8 takes at most this many bytes per UTF-16 unit. */
const BYTES_PER_UNIT_MAX = 3;

export class PairBuffer {
  #arena = Buffer.allocUnsafeSlow(INITIAL_ARENA_BYTES);
  #used = 0;
  #offsets = new Uint32Array(INITIAL_PAIRS);
  #keyLengths = new Uint32Array(INITIAL_PAIRS);
  #valueLengths = new Uint32Array(INITIAL_PAIRS);
  #partitions = new Uint32Array(INITIAL_PAIRS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What the pairs occupy, with what sorting them will take. */
  get usedBytes(): number {
    return this.#used + this.#size * PAIR_OVERHEAD_BYTES;
  }

  get keys(): KeyList {
    return { arena: this.#arena, offsets: this.#offsets, lengths: this.#keyLengths };
  }

  /** A value lies right behind its key. */
  get valueLengths(): Uint32Array {
    return this.#valueLengths;
  }

  get partitions(): Uint32Array {
    return this.#partitions;
  }

  /** Begins a pair with a key that is text; `endPair` completes it. */
  addKeyText(key: string): void {
    this.#beginPair();
    const start = this.#used;
    this.#append(key);
    this.#keyLengths[this.#size] = this.#used - start;
  }

  /** Begins a pair with a key that is bytes; `endPair` completes it. */
  addKeyBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#beginPair();
    this.#appendBytes(bytes, start, end);
    this.#keyLengths[this.#size] = end - start;
  }

  /** Where the key of the pair that is being added lies in `arena`. */
  get keyInHand(): { arena: Uint8Array; start: number; end: number } {
    const start = this.#offsets[this.#size] as number;
    return { arena: this.#arena, start, end: start + (this.#keyLengths[this.#size] as number) };
  }

  endPairText(value: string, partition: number): void {
    const start = this.#used;
    this.#append(value);
    this.#endPair(this.#used - start, partition);
  }

  endPairBytes(bytes: Uint8Array, start: number, end: number, partition: number): void {
    this.#appendBytes(bytes, start, end);
    this.#endPair(end - start, partition);
  }

  /** Forgets all pairs but keeps the memory for the next ones. */
  clear(): void {
    this.#used = 0;
    this.#size = 0;
  }

  #beginPair(): void {
    if (this.#size === this.#offsets.length) this.#growPairs();
    this.#offsets[this.#size] = this.#used;
  }

  #endPair(valueLength: number, partition: number): void {
    this.#valueLengths[this.#size] = valueLength;
    this.#partitions[this.#size] = partition;
    this.#size++;
  }

  #append(text: string): void {
    this.#reserve(text.length * BYTES_PER_UNIT_MAX);
    const arena = this.#arena;
    let at = this.#used;
    // A call into the engine costs more than a short loop; most keys are short and ASCII.
    if (text.length <= 32) {
      let i = 0;
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        arena[at++] = unit;
      }
      if (i === text.length) {
        this.#used = at;
        return;
      }
    }
    this.#used += arena.write(text, this.#used, 'utf8');
  }

  #appendBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    if (end - start <= 32) {
      let to = this.#used;
      for (let from = start; from < end; from++) this.#arena[to++] = bytes[from] as number;
    } else {
      this.#arena.set(bytes.subarray(start, end), this.#used);
    }
    this.#used += end - start;
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#arena.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#arena.length * 2, this.#used + bytes));
    larger.set(this.#arena.subarray(0, this.#used));
    this.#arena = larger;
  }

  #growPairs(): void {
    this.#offsets = doubled(this.#offsets);
    this.#keyLengths = doubled(this.#keyLengths);
    this.#valueLengths = doubled(this.#valueLengths);
    this.#partitions = doubled(this.#partitions);
  }
}

function doubled(old: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(old.length * 2);
  larger.set(old);
  return larger;
}
