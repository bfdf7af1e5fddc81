/**
 * Counts keys given as ranges of bytes: an open-addressing hash table whose keys live end to end in
 * one arena. This is the hot path of counting jobs: no string, no object and no garbage per key.
 *
 * The hash is FNV-1a 32, which is also what sends a key to its partition (partition.ts), so that it
 * is computed once per occurrence and serves both.
 */
import { FNV_OFFSET, FNV_PRIME } from './partition.js';

const INITIAL_SLOTS = 1 << 13;
const INITIAL_ARENA_BYTES = 1 << 16;
/** Half full at most: probes stay short, and a slot costs only eight bytes. */
const SLOTS_PER_ENTRY = 2;
/** Bytes that an entry takes beside its key: its slots, offset, length, and count. */
const ENTRY_OVERHEAD_BYTES = SLOTS_PER_ENTRY * 8 + 16;

/** Keys are numbered in the order of their first occurrence, from 0. */
export class ByteTable {
  /** Pairs (entry + 1, hash); entry + 1 is 0 in a free slot. Length: a power of two times two. */
  #slots = new Int32Array(INITIAL_SLOTS * 2);
  #mask = INITIAL_SLOTS - 1;
  #offsets = new Uint32Array(INITIAL_SLOTS / SLOTS_PER_ENTRY);
  #lengths = new Uint32Array(INITIAL_SLOTS / SLOTS_PER_ENTRY);
  #hashes = new Int32Array(INITIAL_SLOTS / SLOTS_PER_ENTRY);
  #counts = new Float64Array(INITIAL_SLOTS / SLOTS_PER_ENTRY);
  #arena = new Uint8Array(INITIAL_ARENA_BYTES);
  #arenaUsed = 0;
  #size = 0;

  /** How many distinct keys it holds. */
  get size(): number {
    return this.#size;
  }

  /** Roughly what the table occupies when it is just large enough; grows with every new key. */
  get usedBytes(): number {
    return this.#arenaUsed + this.#size * ENTRY_OVERHEAD_BYTES;
  }

  /**
   * All keys, end to end; entry `e` is `[offsets[e], offsets[e] + lengths[e])`. Valid until the
   * next `add`.
   */
  get keys(): { arena: Uint8Array; offsets: Uint32Array; lengths: Uint32Array } {
    return { arena: this.#arena, offsets: this.#offsets, lengths: this.#lengths };
  }

  /** The sum of each key's counts. Valid until the next `add`. */
  get counts(): Float64Array {
    return this.#counts;
  }

  /** Adds `count` to the key `bytes[start, end)`, whose bytes are copied when it is new. */
  add(bytes: Uint8Array, start: number, end: number, count: number): void {
    let hash = FNV_OFFSET;
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
    }
    const length = end - start;
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const entry = (slots[slot * 2] as number) - 1;
      if (entry < 0) break;
      if (slots[slot * 2 + 1] === hash && this.#lengths[entry] === length) {
        const arena = this.#arena;
        let a = this.#offsets[entry] as number;
        let b = start;
        while (b < end && arena[a] === bytes[b]) {
          a++;
          b++;
        }
        if (b === end) {
          this.#counts[entry] = (this.#counts[entry] as number) + count;
          return;
        }
      }
      slot = (slot + 1) & mask;
    }
    this.#insert(slot, hash, bytes, start, end, count);
  }

  /** Forgets all keys but keeps the memory for the next ones. */
  clear(): void {
    this.#slots.fill(0);
    this.#arenaUsed = 0;
    this.#size = 0;
  }

  #insert(
    slot: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): void {
    const length = end - start;
    if (this.#arenaUsed + length > this.#arena.length) this.#growArena(length);
    const entry = this.#size++;
    this.#slots[slot * 2] = entry + 1;
    this.#slots[slot * 2 + 1] = hash;
    this.#offsets[entry] = this.#arenaUsed;
    this.#lengths[entry] = length;
    this.#hashes[entry] = hash;
    this.#counts[entry] = count;
    const arena = this.#arena;
    let to = this.#arenaUsed;
    for (let from = start; from < end; from++) arena[to++] = bytes[from] as number;
    this.#arenaUsed = to;
    if (this.#size === this.#offsets.length) this.#growSlots();
  }

  #growArena(length: number): void {
    const larger = new Uint8Array(Math.max(this.#arena.length * 2, this.#arenaUsed + length));
    larger.set(this.#arena.subarray(0, this.#arenaUsed));
    this.#arena = larger;
  }

  #growSlots(): void {
    const slotCount = (this.#mask + 1) * 2;
    const slots = new Int32Array(slotCount * 2);
    const mask = slotCount - 1;
    for (let entry = 0; entry < this.#size; entry++) {
      const hash = this.#hashes[entry] as number;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot * 2] !== 0) slot = (slot + 1) & mask;
      slots[slot * 2] = entry + 1;
      slots[slot * 2 + 1] = hash;
    }
    this.#slots = slots;
    this.#mask = mask;
    const entries = slotCount / SLOTS_PER_ENTRY;
    this.#offsets = grown(this.#offsets, new Uint32Array(entries));
    this.#lengths = grown(this.#lengths, new Uint32Array(entries));
    this.#hashes = grown(this.#hashes, new Int32Array(entries));
    this.#counts = grown(this.#counts, new Float64Array(entries));
  }
}

function grown<T extends Uint32Array | Int32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
