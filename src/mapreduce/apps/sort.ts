/**
 * Sorts lines by their bytes. The line is the key; the engine sorts by keys anyway, and ranges that
 * are sampled beforehand (sample.ts) make the output files follow each other in order.
 */
import type { EmitBytes } from '../app.js';

const LINE_FEED = 10;

export const splittable = true;

/** Equal lines are kept once with their number. */
export const combine = 'sum';

export function mapBytes(_file: string, bytes: Uint8Array, emit: EmitBytes): undefined {
  for (let start = 0; start < bytes.length; ) {
    const lineFeed = bytes.indexOf(LINE_FEED, start);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    emit(start, end);
    start = end + 1;
  }
}

/** The engine writes the line as often as it was counted (`output: 'keys'`). */
export function reduce(): string {
  return '';
}
