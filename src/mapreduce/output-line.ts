/** What a key or value may be, and the lines of an output file. */
import { BadOutputError } from './attempt-errors.js';

const SHOWN_UNITS_MAX = 120;

/** A string as it is, a number in decimal. Throws for anything else, saying `what` it was. */
export function asText(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  const type =
    value === null ? 'null' : Array.isArray(value) ? 'an array' : `of type ${typeof value}`;
  throw new TypeError(`${what} that is ${type}; keys and values are strings or numbers`);
}

/** Refuses a line feed, which would break an output line in two. */
export function requireText(text: string, what: 'key' | 'value', ofKey?: string): string {
  if (!text.includes('\n')) return text;
  const owner = ofKey === undefined ? '' : ` of the key ${shown(ofKey)}`;
  throw new BadOutputError(
    `the ${what} ${shown(text)}${owner} contains a line feed, which a line of text output cannot ` +
      'hold; use --format jsonl, or remove it in the app',
  );
}

/** As a JSON string, so that what cannot be seen is visible; cut when long. */
export function shown(text: string): string {
  const isLong = text.length > SHOWN_UNITS_MAX;
  return JSON.stringify(isLong ? `${text.slice(0, SHOWN_UNITS_MAX)}…` : text);
}
