/**
 * Counts keys given as ranges of bytes: an open-addressing hash table whose keys live end to end in
 * one arena. This is the hot path of counting jobs: no string, no object and no garbage per key.
 *
 * The hash is FNV-1a 32, which is also what sends a key to its partition (partition.ts), so that it
 * is computed once per occurrence and serves both.
 */
import type { KeyList } from './key-sort.js';
import { FNV_OFFSET, FNV_PRIME } from './partition.js';

const INITIAL_SLOTS = 1 << 15;
const INITIAL_ARENA_BYTES = 1 << 16;
/** Half full at most: probes stay short, and a slot costs only eight bytes. */
const SLOTS_PER_ENTRY = 2;
/** An entry is 32-bit offset, length, then a 64-bit count: side by side, for one cache line. */
const ENTRY_WORDS = 4;
const ENTRY_BYTES = 16;
/** Bytes that an entry takes beside its key: its slots, itself, and what sorting it will take. */
const ENTRY_OVERHEAD_BYTES = SLOTS_PER_ENTRY * 8 + ENTRY_BYTES + 20;

/** Keys are numbered in the order of their first occurrence, from 0. */
export class ByteTable {
  /** Pairs (entry + 1, hash); entry + 1 is 0 in a free slot. Length: a power of two times two. */
  #slots = new Int32Array(INITIAL_SLOTS * 2);
  #mask = INITIAL_SLOTS - 1;
  #entries = new Uint32Array((INITIAL_SLOTS / SLOTS_PER_ENTRY) * ENTRY_WORDS);
  /** The same memory: the count of entry e is at 2 e + 1. */
  #counts = new Float64Array(this.#entries.buffer);
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

  /** Where the keys lie, valid until the next `add`; a copy of all but the keys themselves. */
  listKeys(): KeyList {
    const offsets = new Uint32Array(this.#size);
    const lengths = new Uint32Array(this.#size);
    for (let entry = 0; entry < this.#size; entry++) {
      offsets[entry] = this.#entries[entry * ENTRY_WORDS] as number;
      lengths[entry] = this.#entries[entry * ENTRY_WORDS + 1] as number;
    }
    return { arena: this.#arena, offsets, lengths };
  }

  /** The sum of a key's counts. */
  countOf(entry: number): number {
    return this.#counts[entry * 2 + 1] as number;
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
      const entries = this.#entries;
      if (slots[slot * 2 + 1] === hash && entries[entry * ENTRY_WORDS + 1] === length) {
        const arena = this.#arena;
        let a = entries[entry * ENTRY_WORDS] as number;
        let b = start;
        while (b < end && arena[a] === bytes[b]) {
          a++;
          b++;
        }
        if (b === end) {
          const counts = this.#counts;
          counts[entry * 2 + 1] = (counts[entry * 2 + 1] as number) + count;
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
    this.#entries[entry * ENTRY_WORDS] = this.#arenaUsed;
    this.#entries[entry * ENTRY_WORDS + 1] = length;
    this.#counts[entry * 2 + 1] = count;
    const arena = this.#arena;
    let to = this.#arenaUsed;
    for (let from = start; from < end; from++) arena[to++] = bytes[from] as number;
    this.#arenaUsed = to;
    if (this.#size * SLOTS_PER_ENTRY > this.#mask) this.#growSlots();
  }

  #growArena(length: number): void {
    const larger = new Uint8Array(Math.max(this.#arena.length * 2, this.#arenaUsed + length));
    larger.set(this.#arena.subarray(0, this.#arenaUsed));
    this.#arena = larger;
  }

  #growSlots(): void {
    const old = this.#slots;
    const slotCount = (this.#mask + 1) * 2;
    const slots = new Int32Array(slotCount * 2);
    const mask = slotCount - 1;
    for (let from = 0; from < old.length; from += 2) {
      if (old[from] === 0) continue;
      const hash = old[from + 1] as number;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot * 2] !== 0) slot = (slot + 1) & mask;
      slots[slot * 2] = old[from] as number;
      slots[slot * 2 + 1] = hash;
    }
    this.#slots = slots;
    this.#mask = mask;
    const entries = new Uint32Array((slotCount / SLOTS_PER_ENTRY) * ENTRY_WORDS);
    entries.set(this.#entries);
    this.#entries = entries;
    this.#counts = new Float64Array(entries.buffer);
  }
}
