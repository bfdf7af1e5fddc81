/** Builds an inverted index: for each word, how many files have it and which, by base name. */
import type { Emit } from '../app.js';
import { compareStrings } from '../key-order.js';

/** What is found twice, in two parts of one file, `reduce` counts once. */
export const splittable = true;

export function map(file: string, contents: string, emit: Emit): undefined {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const expression = /\p{L}+/gu;
  // One by one: the words of a long line, all in one array, are more than a thread's heap holds.
  const words = new Set<string>();
  for (let found = expression.exec(contents); found; found = expression.exec(contents)) {
    words.add(found[0]);
  }
  for (const word of words) emit(word, name);
}

export function reduce(_word: string, names: readonly string[]): string {
  const files = [...new Set(names)].sort(compareStrings);
  return `${files.length} ${files.join(',')}`;
}
