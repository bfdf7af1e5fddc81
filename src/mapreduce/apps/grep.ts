/** Finds the lines that match a JavaScript expression, with flag `u`. */
import type { Emit, Place } from '../app.js';

/**
 * Makes the app for one pattern. Key `file:line-number`, value the line. Throws a SyntaxError for a
 * pattern that is none.
 */
export function makeGrep(pattern: string) {
  const expression = new RegExp(pattern, 'u');
  return {
    map(file: string, contents: string, emit: Emit, place: Place): undefined {
      let line = place.line ?? 1;
      for (let start = 0; start < contents.length; line++) {
        const lineFeed = contents.indexOf('\n', start);
        const end = lineFeed < 0 ? contents.length : lineFeed;
        const text = contents.slice(start, end);
        if (expression.test(text)) emit(`${file}:${line}`, text);
        start = end + 1;
      }
    },
    reduce: (_place: string, lines: readonly string[]): string => lines[0] ?? '',
  };
}
