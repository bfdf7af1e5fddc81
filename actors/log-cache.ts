/**
 * The entries of a replicated log in memory, encoded once and never decoded on the way: machines
 * know the log's metadata only, effects and messages name ranges of it. Entries come
 * and go in packed blocks: for each entry its length as four little-endian bytes, then its bytes.
 */

/** Position of an entry, from 1. */
type Index = number;

const LENGTH_BYTES = 4;

/** By default. Large, so that an entry costs no object of its own. */
const CHUNK_BYTES = 256 * 1024;
const CHUNK_ENTRIES_FIRST = 256;

/** A run of entries, back to back. */
interface Chunk {
  readonly first: Index;
  readonly bytes: Uint8Array;
  /** Where each entry ends in `bytes`; only the first `count` are meant. */
  ends: Uint32Array;
  count: number;
  usedBytes: number;
  /** Nothing is written behind its entries any more: somebody may hold views of what was there. */
  isSealed: boolean;
}

export class LogCache {
  /** In the order of the log, without gaps. */
  readonly #chunks: Chunk[] = [];
  readonly #chunkBytes: number;
  #firstIndex: Index = 1;
  #lastIndex: Index = 0;

  /** Entries are copied into chunks of at least `chunkBytes`. */
  constructor({ chunkBytes = CHUNK_BYTES }: { readonly chunkBytes?: number } = {}) {
    this.#chunkBytes = chunkBytes;
  }

  /** The oldest entry that it has; `lastIndex + 1` when it has none. */
  get firstIndex(): Index {
    return this.#firstIndex;
  }

  /** The entry before `firstIndex` when empty; 0 in a new log. */
  get lastIndex(): Index {
    return this.#lastIndex;
  }

  /** What the entries take, their lengths included. */
  get sizeBytes(): number {
    let sizeBytes = 0;
    for (const chunk of this.#chunks) {
      sizeBytes += chunk.usedBytes - startOf(chunk, this.#firstIndex);
    }
    return sizeBytes;
  }

  /** Drops everything; the next entry to be appended is the one after `lastIndex`. */
  reset(lastIndex: Index): void {
    this.#chunks.length = 0;
    this.#firstIndex = lastIndex + 1;
    this.#lastIndex = lastIndex;
  }

  /** Drops the entries up to and with `index`; memory goes with whole chunks. */
  compactTo(index: Index): void {
    if (index < this.#firstIndex) return;
    if (index > this.#lastIndex) {
      throw new RangeError(`cannot compact to ${index}, beyond the last entry ${this.#lastIndex}`);
    }
    const keep = this.#chunks.findIndex(({ first, count }) => first + count > index + 1);
    this.#chunks.splice(0, keep < 0 ? this.#chunks.length : keep);
    this.#firstIndex = index + 1;
  }

  /** Copies entries in behind the last. Throws when `first` does not follow it. */
  append(first: Index, count: number, packed: Uint8Array): void {
    if (first !== this.#lastIndex + 1) {
      throw new RangeError(`entry ${first} does not follow entry ${this.#lastIndex}`);
    }
    const chunk = this.#chunkFor(first, packed.byteLength);
    for (let at = 0; at < packed.byteLength; ) {
      at = endOf(packed, at);
      noteEnd(chunk, chunk.usedBytes + at);
    }
    chunk.bytes.set(packed, chunk.usedBytes);
    chunk.usedBytes += packed.byteLength;
    this.#lastIndex = chunk.first + chunk.count - 1;
    if (this.#lastIndex !== first + count - 1) {
      throw new RangeError(`a block of ${count} entries holds ${this.#lastIndex - first + 1}`);
    }
  }

  /** Drops all entries behind `index`, if there are any. Views that were given out stay valid. */
  cutAfter(index: Index): void {
    if (index >= this.#lastIndex) return;
    if (index + 1 < this.#firstIndex) {
      throw new RangeError(`entry ${index + 1} is compacted away, up to ${this.#firstIndex - 1}`);
    }
    while ((this.#chunks.at(-1)?.first ?? 0) > index) this.#chunks.pop();
    const last = this.#chunks.at(-1);
    if (last !== undefined) {
      last.usedBytes = startOf(last, index + 1);
      last.count = index + 1 - last.first;
      last.isSealed = true;
    }
    this.#lastIndex = index;
  }

  /** The entries `first … last` packed, in one or more pieces; none when `last < first`. */
  slice(first: Index, last: Index): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    if (last < first) return pieces;
    for (let at = this.#chunkOf(first); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] as Chunk;
      if (chunk.first > last) break;
      const to = Math.min(last, chunk.first + chunk.count - 1);
      pieces.push(chunk.bytes.subarray(startOf(chunk, first), startOf(chunk, to + 1)));
    }
    return pieces;
  }

  /** Calls `visit` with each entry `first … last`, in order. Views: copy what is kept. */
  forEach(first: Index, last: Index, visit: (index: Index, entry: Uint8Array) => void): void {
    let index = first;
    for (let at = this.#chunkOf(first); index <= last && at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] as Chunk;
      const to = Math.min(last, chunk.first + chunk.count - 1);
      for (; index <= to; index++) {
        const start = startOf(chunk, index) + LENGTH_BYTES;
        visit(index, chunk.bytes.subarray(start, startOf(chunk, index + 1)));
      }
    }
  }

  #chunkFor(first: Index, sizeBytes: number): Chunk {
    const last = this.#chunks.at(-1);
    const isRoomy =
      last !== undefined && !last.isSealed && last.usedBytes + sizeBytes <= last.bytes.byteLength;
    if (isRoomy) return last;
    const chunk = {
      first,
      bytes: new Uint8Array(Math.max(this.#chunkBytes, sizeBytes)),
      ends: new Uint32Array(CHUNK_ENTRIES_FIRST),
      count: 0,
      usedBytes: 0,
      isSealed: false,
    };
    this.#chunks.push(chunk);
    return chunk;
  }

  /** The position of the chunk that holds the entry, by binary search. */
  #chunkOf(index: Index): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { first, count } = this.#chunks[middle] as Chunk;
      if (first + count <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function noteEnd(chunk: Chunk, end: number): void {
  if (chunk.count === chunk.ends.length) {
    const ends = new Uint32Array(2 * chunk.count);
    ends.set(chunk.ends);
    chunk.ends = ends;
  }
  chunk.ends[chunk.count++] = end;
}

/** Where an entry starts; for the one behind the last, where the chunk's entries end. */
function startOf(chunk: Chunk, index: Index): number {
  const offset = index - chunk.first;
  return offset <= 0 ? 0 : (chunk.ends[offset - 1] as number);
}

/** The packed entries without their first `count`, as a view. */
export function skipPacked(packed: Uint8Array, count: number): Uint8Array {
  let at = 0;
  for (let skipped = 0; skipped < count; skipped++) at = endOf(packed, at);
  return at === 0 ? packed : packed.subarray(at);
}

/**
 * Calls `visit` with each of the packed entries and returns how many there are. Throws a
 * `RangeError` when an entry ends beyond the block.
 */
export function forEachPacked(
  packed: Uint8Array,
  visit: (entry: Uint8Array, offset: number) => void,
): number {
  let count = 0;
  for (let at = 0; at < packed.byteLength; count++) {
    const end = endOf(packed, at);
    visit(packed.subarray(at + LENGTH_BYTES, end), count);
    at = end;
  }
  return count;
}

/** Packs entries for `LogCache.append`. */
export function packEntries(entries: readonly Uint8Array[]): Uint8Array {
  let sizeBytes = 0;
  for (const entry of entries) sizeBytes += LENGTH_BYTES + entry.byteLength;
  const packed = new Uint8Array(sizeBytes);
  let at = 0;
  for (const entry of entries) {
    const length = entry.byteLength;
    packed[at] = length;
    packed[at + 1] = length >>> 8;
    packed[at + 2] = length >>> 16;
    packed[at + 3] = length >>> 24;
    packed.set(entry, at + LENGTH_BYTES);
    at += LENGTH_BYTES + length;
  }
  return packed;
}

/** The entries of a packed block, as views. */
export function unpackEntries(packed: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < packed.byteLength; ) {
    const end = endOf(packed, at);
    entries.push(packed.subarray(at + LENGTH_BYTES, end));
    at = end;
  }
  return entries;
}

/** Where the entry that starts at `at` ends. */
function endOf(packed: Uint8Array, at: number): number {
  if (at + LENGTH_BYTES > packed.byteLength) throw new RangeError('a length is cut off');
  const length =
    ((packed[at] as number) |
      ((packed[at + 1] as number) << 8) |
      ((packed[at + 2] as number) << 16) |
      ((packed[at + 3] as number) << 24)) >>>
    0;
  const end = at + LENGTH_BYTES + length;
  if (end > packed.byteLength) throw new RangeError(`an entry ends beyond its block, at ${end}`);
  return end;
}
