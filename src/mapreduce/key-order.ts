/**
 * The order of keys: that of their UTF-8 bytes, which is the order of their code points. It is not
 * the order of JavaScript's `sort()`, which compares UTF-16 units.
 */

/**
 * Negative, zero or positive as `a[aStart, aEnd)` comes before, equals or follows `b[bStart,
 * bEnd)`.
 */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  let i = aStart;
  let j = bStart;
  while (i < aEnd && j < bEnd) {
    const difference = (a[i++] as number) - (b[j++] as number);
    if (difference !== 0) return difference;
  }
  return aEnd - i - (bEnd - j);
}

/** The first `size` bytes of the key as one integer, zeros after its end; `size` is at most 6. */
export function keyPrefix(bytes: Uint8Array, start: number, end: number, size: number): number {
  let prefix = 0;
  const stop = start + size;
  for (let i = start; i < stop; i++) prefix = prefix * 256 + (i < end ? (bytes[i] as number) : 0);
  return prefix;
}

const encoder = new TextEncoder();

/** Compares two strings by their UTF-8 bytes. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  return compareBytes(x, 0, x.length, y, 0, y.length);
}
