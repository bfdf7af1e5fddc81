/**
 * Counts words. The example of an app that works on bytes: `mapBytes` finds the words where they
 * lie in the file and names them by their position, and with `combine = 'sum'` the engine counts
 * them in a table of bytes; no string is made per word.
 */
import type { EmitBytes } from '../app.js';
import { forEachWord } from '../words.js';

/** A word never reaches beyond its line, so a file may be cut among tasks at any line. */
export const splittable = true;

export const combine = 'sum';

export function mapBytes(_file: string, bytes: Uint8Array, emit: EmitBytes): undefined {
  forEachWord(bytes, emit);
}

export function reduce(_word: string, counts: readonly string[]): string {
  let total = 0;
  for (const count of counts) total += Number(count);
  return String(total);
}
