/** Builds an inverted index: for each word, how many files have it and which, by base name. */
import type { Emit } from '../app.js';
import { compareStrings } from '../key-order.js';

const WORD = /\p{L}+/gu;

/** What is found twice, in two parts of one file, `reduce` counts once. */
export const splittable = true;

export function map(file: string, contents: string, emit: Emit): undefined {
  const name = file.slice(file.lastIndexOf('/') + 1);
  for (const word of new Set(contents.match(WORD))) emit(word, name);
}

export function reduce(_word: string, names: readonly string[]): string {
  const files = [...new Set(names)].sort(compareStrings);
  return `${files.length} ${files.join(',')}`;
}
