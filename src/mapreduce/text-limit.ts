/**
 * How long a line or a word may be in the thread of a built-in app: one that its heap cannot hold
 * would make V8 abort the whole process. User modules have a process to lose (process-pool.ts).
 */
import { isAscii } from 'node:buffer';
import { resourceLimits } from 'node:worker_threads';
import { TooLargeError } from './attempt-errors.js';

const MEBIBYTE = 1 << 20;
/** As text, as the key of a pair and as a part of the output: so often a text is in memory. */
const COPIES = 4;
/** Any heap has room for this, so that the usual is not looked at. */
export const SHORT_TEXT_BYTES = MEBIBYTE;

/** Where the text begins. */
export interface TextPlace {
  readonly file: string;
  readonly offset: number;
}

/** Throws TooLargeError for bytes that this thread cannot handle as text. */
export function requireRoomFor(bytes: Uint8Array, place: TextPlace): void {
  if (bytes.length <= SHORT_TEXT_BYTES) return;
  // None in the main thread, where tests run attempts.
  const heapBytes = (resourceLimits.maxOldGenerationSizeMb ?? Infinity) * MEBIBYTE;
  const textBytes = bytes.length * (isAscii(bytes) ? 1 : 2);
  if (textBytes * COPIES <= heapBytes) return;
  const needed = Math.ceil((textBytes * COPIES) / MEBIBYTE);
  throw new TooLargeError(
    `${place.file}: the line or word at byte ${place.offset} has ${bytes.length} bytes, too many ` +
      `for the memory of a worker; by --memory each worker should have ${needed} MiB`,
  );
}
