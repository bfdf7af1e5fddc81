/** `wc` once more, as a user would write it with strings. */
export const splittable = true;
export const combine = 'sum';

export function map(
  _file: string,
  contents: string,
  emit: (key: string, value: string) => void,
): void {
  for (const word of contents.match(/\p{L}+/gu) ?? []) emit(word, '1');
}

export function reduce(_word: string, counts: readonly string[]): string {
  return String(counts.reduce((sum, count) => sum + Number(count), 0));
}
