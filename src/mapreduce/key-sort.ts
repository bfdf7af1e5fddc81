/**
 * Sorts keys that lie as bytes in an arena, without an object per key: five bytes of a key and its
 * number are packed into 64 bits, which the engine's native sort orders; keys that agree in those
 * bytes are sorted again by the next five. Equal keys keep the order of their numbers.
 */
import { compareBytes } from './key-order.js';

/** Where keys lie: key `e` is `arena[offsets[e], offsets[e] + lengths[e])`. */
export interface KeyList {
  readonly arena: Uint8Array;
  readonly offsets: Uint32Array;
  readonly lengths: Uint32Array;
}

/** A key's number takes 24 of the 64 bits. */
export const SORTABLE_KEYS_MAX = 1 << 24;
const NUMBER_MASK = SORTABLE_KEYS_MAX - 1;
const PREFIX_BYTES = 5;
/** Groups up to this size are sorted by insertion. */
const SMALL_GROUP = 12;
/** Which half of a 64-bit element is the low one on this machine. */
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** Sorts slices of a list of key numbers. One sorter serves many slices of one list of keys. */
export class KeySorter {
  readonly #keys: KeyList;
  readonly #packed: BigUint64Array;
  readonly #words: Uint32Array;

  /** `capacity` is the length of the longest list that it will sort. */
  constructor(keys: KeyList, capacity: number) {
    this.#keys = keys;
    this.#packed = new BigUint64Array(capacity);
    this.#words = new Uint32Array(this.#packed.buffer);
  }

  /** Sorts `numbers[from, to)` in place by their keys, and equal keys by number. */
  sort(numbers: Uint32Array, from: number, to: number): void {
    const words = this.#words;
    for (let i = from; i < to; i++) words[(i - from) * 2 + LOW] = numbers[i] as number;
    this.#sortRange(0, to - from, 0);
    for (let i = from; i < to; i++) {
      numbers[i] = (words[(i - from) * 2 + LOW] as number) & NUMBER_MASK;
    }
  }

  /** Sorts elements that agree in their first `depth` bytes. */
  #sortRange(from: number, to: number, depth: number): void {
    this.#pack(from, to, depth);
    this.#packed.subarray(from, to).sort();
    const words = this.#words;
    let start = from;
    while (start < to) {
      const high = words[start * 2 + HIGH] as number;
      const low = (words[start * 2 + LOW] as number) & ~NUMBER_MASK;
      let end = start + 1;
      while (
        end < to &&
        words[end * 2 + HIGH] === high &&
        ((words[end * 2 + LOW] as number) & ~NUMBER_MASK) === low
      ) {
        end++;
      }
      if (end - start > 1) this.#sortGroup(start, end, depth + PREFIX_BYTES);
      start = end;
    }
  }

  /** Puts the five bytes from `depth` on above each element's number; zeros after the key's end. */
  #pack(from: number, to: number, depth: number): void {
    const { arena, offsets, lengths } = this.#keys;
    const words = this.#words;
    for (let i = from; i < to; i++) {
      const number = (words[i * 2 + LOW] as number) & NUMBER_MASK;
      const end = (offsets[number] as number) + (lengths[number] as number);
      let at = (offsets[number] as number) + depth;
      let high = 0;
      for (let byte = 0; byte < 4; byte++) {
        high = (high << 8) | (at < end ? (arena[at] as number) : 0);
        at++;
      }
      words[i * 2 + HIGH] = high;
      words[i * 2 + LOW] = ((at < end ? (arena[at] as number) : 0) << 24) | number;
    }
  }

  /** Sorts elements whose zero-padded first `depth` bytes agree; they stand in order of number. */
  #sortGroup(from: number, to: number, depth: number): void {
    if (to - from <= SMALL_GROUP) {
      this.#insertionSort(from, to);
      return;
    }
    const longer = this.#moveEndedFirst(from, to, depth);
    if (to - longer > 1) this.#sortRange(longer, to, depth);
  }

  /**
   * Keys that end within `depth` come before those that go on. Returns where the latter begin.
   * Among the former only keys with trailing zero bytes can differ, and then in length.
   */
  #moveEndedFirst(from: number, to: number, depth: number): number {
    const { lengths } = this.#keys;
    const ended: number[] = [];
    const others: number[] = [];
    for (let i = from; i < to; i++) {
      const number = (this.#words[i * 2 + LOW] as number) & NUMBER_MASK;
      if ((lengths[number] as number) <= depth) ended.push(number);
      else others.push(number);
    }
    if (ended.length === 0) return from;
    const length = lengths[ended[0] as number];
    if (ended.some((number) => lengths[number] !== length)) {
      ended.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
    }
    let at = from;
    for (const number of ended) this.#words[at++ * 2 + LOW] = number;
    const longer = at;
    for (const number of others) this.#words[at++ * 2 + LOW] = number;
    return longer;
  }

  #insertionSort(from: number, to: number): void {
    const words = this.#words;
    for (let i = from + 1; i < to; i++) {
      const number = (words[i * 2 + LOW] as number) & NUMBER_MASK;
      let at = i;
      while (at > from) {
        const before = (words[(at - 1) * 2 + LOW] as number) & NUMBER_MASK;
        if (this.#compare(before, number) <= 0) break;
        words[at * 2 + LOW] = before;
        at--;
      }
      words[at * 2 + LOW] = number;
    }
  }

  #compare(a: number, b: number): number {
    const { arena, offsets, lengths } = this.#keys;
    const [x, y] = [offsets[a] as number, offsets[b] as number];
    const order = compareBytes(
      arena,
      x,
      x + (lengths[a] as number),
      arena,
      y,
      y + (lengths[b] as number),
    );
    return order === 0 ? a - b : order;
  }
}
