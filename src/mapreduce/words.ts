/**
 * Finds words, a word being a maximal run of Unicode letters (\p{L}), in UTF-8 bytes. ASCII is
 * decided by one table look-up per byte; a longer sequence is decoded, and whether it is a letter
 * is looked up in blocks of 256 code points that are filled when first met.
 */

const OTHER = 0;
const LETTER = 1;
const LONG = 2;

/**
 * What each byte is on its own: an ASCII letter, the start or middle of a long sequence, neither.
 */
const BYTE_CLASS = makeByteClass();

function makeByteClass(): Uint8Array {
  const classes = new Uint8Array(256).fill(OTHER, 0, 128).fill(LONG, 128);
  for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') {
    classes[letter.charCodeAt(0)] = LETTER;
  }
  return classes;
}

const isLetter = /^\p{L}$/u;
const BLOCK_BITS = 8;

/** Whether a code point is a letter, remembered by blocks of 256. */
class LetterBlocks {
  readonly #blocks: (Uint8Array | undefined)[] = new Array(0x110000 >> BLOCK_BITS).fill(undefined);

  has(codePoint: number): boolean {
    const block = this.#blocks[codePoint >> BLOCK_BITS] ?? this.#fill(codePoint >> BLOCK_BITS);
    return block[codePoint & 255] === 1;
  }

  #fill(number: number): Uint8Array {
    const block = new Uint8Array(256);
    for (let i = 0; i < 256; i++) {
      if (isLetter.test(String.fromCodePoint((number << BLOCK_BITS) | i))) block[i] = 1;
    }
    this.#blocks[number] = block;
    return block;
  }
}

const letters = new LetterBlocks();

/**
 * Calls `found(start, end)` for each word in `bytes`, in order. Bytes that are not UTF-8 belong to
 * no word (they stand for U+FFFD, which is no letter).
 */
export function forEachWord(bytes: Uint8Array, found: (start: number, end: number) => void): void {
  const classes = BYTE_CLASS;
  const length = bytes.length;
  let i = 0;
  while (i < length) {
    const kind = classes[bytes[i] as number];
    if (kind === OTHER) {
      i++;
      continue;
    }
    const start = i;
    if (kind === LETTER) {
      i++;
      while (i < length && classes[bytes[i] as number] === LETTER) i++;
    }
    if (i < length && classes[bytes[i] as number] === LONG) i = endOfWord(bytes, i);
    if (i > start) found(start, i);
    else i++;
  }
}

/** Where the run of letters that `at` lies in ends; `at` itself when no letter stands there. */
function endOfWord(bytes: Uint8Array, at: number): number {
  let i = at;
  for (;;) {
    const kind = BYTE_CLASS[bytes[i] as number];
    if (kind === LETTER) i++;
    else if (kind === LONG) {
      const size = letterSize(bytes, i);
      if (size === 0) return i;
      i += size;
    } else return i;
  }
}

/** The number of bytes of the letter that starts at `at` with a byte ≥ 0x80; 0 if it is none. */
function letterSize(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + size > bytes.length) return 0;
  let codePoint = lead & (0xff >> (size + 1));
  for (let i = at + 1; i < at + size; i++) {
    const next = bytes[i] as number;
    if ((next & 0xc0) !== 0x80) return 0;
    codePoint = (codePoint << 6) | (next & 0x3f);
  }
  const isOverlong = codePoint < (size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000);
  if (isOverlong || codePoint > 0x10ffff) return 0;
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return 0;
  return letters.has(codePoint) ? size : 0;
}
