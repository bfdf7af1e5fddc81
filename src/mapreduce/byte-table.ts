/**
 * Counts keys given as ranges of bytes: an open-addressing hash table whose keys live end to end in
 * one arena. This is the hot path of counting jobs: no string, no object and no garbage per key.
 * What it costs is misses of the processor's caches, so an occurrence touches two lines: a slot of
 * four bytes, and an entry of 32, which holds the key's first 16 bytes beside its count; only
 * longer keys are looked up in the arena.
 *
 * The hash is this table's own; where a key goes is decided by another one (partition.ts), once per
 * distinct key.
 */
import type { KeyList } from './key-sort.js';

/** An entry's number takes 24 bits of a slot, 0 is a free slot; the rest are bits of the hash. */
export const TABLE_KEYS_MAX = (1 << 24) - 1;
const TAG_MASK = ~TABLE_KEYS_MAX;

const INITIAL_SLOTS = 1 << 16;
const INITIAL_ARENA_BYTES = 1 << 18;
/** Half full at most: probes stay short. */
const SLOTS_PER_ENTRY = 2;
/** An entry: the key's first 16 bytes, where it lies, its length, and a 64-bit count. */
const ENTRY_WORDS = 8;
const ENTRY_BYTES = ENTRY_WORDS * 4;
const OFFSET = 4;
const LENGTH = 5;
/** The count is the last of the entry's four doubles. */
const ENTRY_DOUBLES = 4;
const COUNT = 3;
/** What of a key is in its entry, and the half of it that short keys have. */
const HEAD_BYTES = 16;
const SHORT_BYTES = 8;
/** Bytes that an entry takes beside its key: its slots, itself, and what sorting it will take. */
const ENTRY_OVERHEAD_BYTES = SLOTS_PER_ENTRY * 4 + ENTRY_BYTES + 20;

/** By length up to eight: which bits of two numbers read from there on belong to the key. */
const LOW_MASKS = Int32Array.of(0, 0xff, 0xffff, 0xffffff, -1, -1, -1, -1, -1);
const HIGH_MASKS = Int32Array.of(0, 0, 0, 0, 0, 0xff, 0xffff, 0xffffff, -1);

/** Odd numbers whose bits are well mixed: multiplying by them spreads what differs. */
const MIX_LOW = 0x9e3779b1 | 0;
const MIX_HIGH = 0x85ebca77 | 0;
const MIX_REST = 0xc2b2ae3d | 0;

/** Keys are numbered in the order of their first occurrence, from 0. */
export class ByteTable {
  /** The number of an entry plus one, below the highest bits of its hash. */
  #slots = new Int32Array(INITIAL_SLOTS);
  #mask = INITIAL_SLOTS - 1;
  #entries = new Int32Array((INITIAL_SLOTS / SLOTS_PER_ENTRY) * ENTRY_WORDS);
  /** The same memory. */
  #counts = new Float64Array(this.#entries.buffer);
  #arena = new Uint8Array(INITIAL_ARENA_BYTES);
  #arenaUsed = 0;
  #size = 0;
  /** What keys were last added from, and a view of it. */
  #source = new Uint8Array(0);
  #view = new DataView(this.#source.buffer);
  /** For the keys at the very end of a source, where 16 bytes cannot be read. */
  readonly #tail = new DataView(new ArrayBuffer(HEAD_BYTES));

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
      offsets[entry] = this.#entries[entry * ENTRY_WORDS + OFFSET] as number;
      lengths[entry] = this.#entries[entry * ENTRY_WORDS + LENGTH] as number;
    }
    return { arena: this.#arena, offsets, lengths };
  }

  /** The sum of a key's counts. */
  countOf(entry: number): number {
    return this.#counts[entry * ENTRY_DOUBLES + COUNT] as number;
  }

  /**
   * Adds `count` to the key `bytes[start, end)`, whose bytes are copied when it is new: then the
   * result is true.
   */
  add(bytes: Uint8Array, start: number, end: number, count: number): boolean {
    if (bytes !== this.#source) this.#use(bytes);
    const length = end - start;
    let view = this.#view;
    let at = start;
    if (start + HEAD_BYTES > bytes.length) {
      view = this.#copyTail(bytes, start);
      at = 0;
    }
    let a = view.getInt32(at, true);
    let b = view.getInt32(at + 4, true);
    let c = 0;
    let d = 0;
    if (length <= SHORT_BYTES) {
      a &= LOW_MASKS[length] as number;
      b &= HIGH_MASKS[length] as number;
    } else {
      const rest = Math.min(SHORT_BYTES, length - SHORT_BYTES);
      c = view.getInt32(at + 8, true) & (LOW_MASKS[rest] as number);
      d = view.getInt32(at + 12, true) & (HIGH_MASKS[rest] as number);
    }
    let hash = mix(a, b, c, d, length);
    if (length > HEAD_BYTES) hash = mixRest(hash, bytes, start + HEAD_BYTES, end);
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = this.#mask;
    let slot = hash & mask;
    for (;;) {
      const found = slots[slot] as number;
      if (found === 0) break;
      if (((found ^ hash) & TAG_MASK) === 0) {
        const number = (found & TABLE_KEYS_MAX) - 1;
        const entry = number * ENTRY_WORDS;
        if (
          entries[entry] === a &&
          entries[entry + 1] === b &&
          entries[entry + 2] === c &&
          entries[entry + 3] === d &&
          entries[entry + LENGTH] === length &&
          (length <= HEAD_BYTES || this.#hasRest(entry, bytes, start, end))
        ) {
          const at = number * ENTRY_DOUBLES + COUNT;
          this.#counts[at] = (this.#counts[at] as number) + count;
          return false;
        }
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = (hash & TAG_MASK) | (this.#size + 1);
    const entry = this.#size * ENTRY_WORDS;
    entries[entry] = a;
    entries[entry + 1] = b;
    entries[entry + 2] = c;
    entries[entry + 3] = d;
    this.#append(bytes, start, end, count);
    return true;
  }

  /** Forgets all keys but keeps the memory for the next ones. */
  clear(): void {
    this.#slots.fill(0);
    this.#arenaUsed = 0;
    this.#size = 0;
  }

  #use(bytes: Uint8Array): void {
    this.#source = bytes as Uint8Array<ArrayBuffer>;
    this.#view = new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  /** What there is from `start` on, with zeros behind it. */
  #copyTail(bytes: Uint8Array, start: number): DataView<ArrayBuffer> {
    const tail = this.#tail;
    for (let i = 0; i < HEAD_BYTES; i++) tail.setUint8(i, bytes[start + i] ?? 0);
    return tail;
  }

  /** Whether what follows the first 16 bytes is the same too; the lengths are. */
  #hasRest(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const arena = this.#arena;
    let at = (this.#entries[entry + OFFSET] as number) + HEAD_BYTES;
    for (let i = start + HEAD_BYTES; i < end; i++) if (arena[at++] !== bytes[i]) return false;
    return true;
  }

  #append(bytes: Uint8Array, start: number, end: number, count: number): void {
    const length = end - start;
    if (this.#arenaUsed + length > this.#arena.length) this.#growArena(length);
    const entry = this.#size * ENTRY_WORDS;
    this.#entries[entry + OFFSET] = this.#arenaUsed;
    this.#entries[entry + LENGTH] = length;
    this.#counts[this.#size * ENTRY_DOUBLES + COUNT] = count;
    this.#size++;
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
    const slotCount = (this.#mask + 1) * 2;
    const entries = new Int32Array((slotCount / SLOTS_PER_ENTRY) * ENTRY_WORDS);
    entries.set(this.#entries);
    this.#entries = entries;
    this.#counts = new Float64Array(entries.buffer);
    const slots = new Int32Array(slotCount);
    const mask = slotCount - 1;
    for (let number = 0; number < this.#size; number++) {
      const hash = this.#hashOf(number * ENTRY_WORDS);
      let slot = hash & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = (hash & TAG_MASK) | (number + 1);
    }
    this.#slots = slots;
    this.#mask = mask;
  }

  /** The hash by which the entry was added. */
  #hashOf(entry: number): number {
    const entries = this.#entries;
    const length = entries[entry + LENGTH] as number;
    const hash = mix(
      entries[entry] as number,
      entries[entry + 1] as number,
      entries[entry + 2] as number,
      entries[entry + 3] as number,
      length,
    );
    if (length <= HEAD_BYTES) return hash;
    const start = this.#entries[entry + OFFSET] as number;
    return mixRest(hash, this.#arena, start + HEAD_BYTES, start + length);
  }
}

/** A hash of a key's head, all of whose bits depend on all bits of the numbers. */
function mix(a: number, b: number, c: number, d: number, length: number): number {
  let hash = Math.imul(a, MIX_LOW) ^ Math.imul(b ^ length, MIX_HIGH);
  if (length > SHORT_BYTES) {
    hash ^= hash >>> 15;
    hash = Math.imul(hash ^ c, MIX_HIGH) ^ Math.imul(d, MIX_LOW);
  }
  hash ^= hash >>> 15;
  hash = Math.imul(hash, MIX_REST);
  return hash ^ (hash >>> 13);
}

function mixRest(hash: number, bytes: Uint8Array, start: number, end: number): number {
  let mixed = hash;
  for (let i = start; i < end; i++) mixed = Math.imul(mixed ^ (bytes[i] as number), MIX_LOW);
  return mixed ^ (mixed >>> 15);
}
