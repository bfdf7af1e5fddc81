/**
 * A sorted sequence of (key, value) pairs as bytes: what a buffer in memory, a section on disk and
 * a merge of many of them have in common.
 */

/**
 * `next()` moves to the following pair; it and the fields that it sets are the whole interface, so
 * that no object is made per pair. The fields are valid until the next call of `next()`.
 */
export interface RecordStream {
  /** False at the end, and from then on. Throws when the data cannot be read. */
  next(): boolean;
  /** What the positions below point into. */
  readonly bytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** Five bytes of seven bits hold a length below 2^35; nothing here is longer than 2^32. */
export const VARINT_BYTES_MAX = 5;
/** A count takes up to 53 bits and a sign. */
export const COUNT_BYTES_MAX = 8;
/** Counts beyond this would lose digits when doubled for the sign. */
export const COUNT_MAX = 2 ** 52 - 1;

/** Writes an unsigned integer below 2^53, seven bits a byte, low ones first; returns the end. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  while (rest >= 0x80) {
    bytes[to++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[to++] = rest;
  return to;
}

/** Reads what `writeVarint` wrote between `at` and `end`. */
export function readVarint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = at; i < end; i++) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 128;
  }
  return value;
}

/** A count as the value of a pair: the sign in the lowest bit. Returns the end. */
export function writeCount(bytes: Uint8Array, at: number, count: number): number {
  return writeVarint(bytes, at, count < 0 ? -count * 2 - 1 : count * 2);
}

export function readCount(bytes: Uint8Array, at: number, end: number): number {
  const coded = readVarint(bytes, at, end);
  return coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2;
}
