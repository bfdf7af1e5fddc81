/**
 * The kinds of options that commands declare. An option is data: its flags, its text, its default
 * as the help shows it, and a parser that refuses what is out of range with a message that says
 * what to write instead. `program.ts` hands them to commander; the types of a command's values
 * follow from its table.
 */
import { ConclaveError } from '../errors.js';

export interface OptionSpec<T> {
  /**
   * As commander reads them: `--reduces <n>`. Two entries make a pair such as `--combine`,
   * `--no-combine`.
   */
  readonly flags: readonly string[];
  /** One line for the help, with the unit and, for numbers, the range. */
  readonly text: string;
  /** The default as the help shows it; undefined when there is nothing to say. */
  readonly shown: string | undefined;
  /** The value when the option is not given. */
  readonly initial: T;
  /**
   * Undefined for switches. `previous` is the value so far where the option is given again. Throws
   * a `USAGE` error on what it does not accept.
   */
  parse?(text: string, previous: T | undefined): T;
}

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>;

/** The values of a table, by its keys. */
export type ValuesOf<O extends OptionTable> = {
  readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never;
};

/** The long name in an option's flags, such as `--reduces`. */
export function longFlag(flags: string): string {
  return flags.split(/[ ,|]+/).find((part) => part.startsWith('--')) ?? flags;
}

/** A switch, off unless given. */
export function toggle(flags: string, text: string): OptionSpec<boolean> {
  return { flags: [flags], text, shown: 'off', initial: false };
}

/**
 * `--name` and `--no-name`; undefined when neither is given, and `shown` says what then happens.
 */
export function choiceOfTwo(
  name: string,
  options: { text: string; shown: string },
): OptionSpec<boolean | undefined> {
  return {
    flags: [`--${name}`, `--no-${name}`],
    text: options.text,
    shown: options.shown,
    initial: undefined,
  };
}

interface NumberOptions<T> {
  readonly text: string;
  readonly min: number;
  readonly max: number;
  readonly initial: T;
  /** What the help shows as the default; by default the initial value. */
  readonly shown?: string;
}

/** A whole number between `min` and `max`, both included. */
export function integer<T extends number | undefined>(
  flags: string,
  options: NumberOptions<T>,
): OptionSpec<number | T> {
  const range = `a whole number from ${options.min} to ${options.max}`;
  const parse = (text: string): number => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= options.min && value <= options.max) return value;
    throw refused({ flags, wanted: range, text });
  };
  return numeric(flags, { ...options, parse });
}

/** A decimal number between `min` and `max`, both included. */
export function decimal<T extends number | undefined>(
  flags: string,
  options: NumberOptions<T>,
): OptionSpec<number | T> {
  const range = `a number from ${options.min} to ${options.max}`;
  const parse = (text: string): number => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (value >= options.min && value <= options.max) return value;
    throw refused({ flags, wanted: range, text });
  };
  return numeric(flags, { ...options, parse });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A size in bytes; a suffix K, M or G (also KiB, MB, …) multiplies by 1024, 1024², 1024³. */
export function bytes<T extends number | undefined>(
  flags: string,
  options: NumberOptions<T>,
): OptionSpec<number | T> {
  const range = `from ${compactBytes(options.min)} to ${compactBytes(options.max)}`;
  const wanted = `a size in bytes ${range}, such as 1048576, 512K or 64M`;
  const parse = (text: string): number => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
    const factor = UNITS[(unit ?? '?').toLowerCase()] ?? Number.NaN;
    const value = Number(digits) * factor;
    if (Number.isInteger(value) && value >= options.min && value <= options.max) return value;
    throw refused({ flags, wanted, text });
  };
  return numeric(flags, { ...options, parse });
}

/** The shortest way to write a size that `bytes` reads back as the same number. */
function compactBytes(size: number): string {
  for (const unit of ['G', 'M', 'K']) {
    const count = size / (UNITS[unit.toLowerCase()] ?? 1);
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`;
  }
  return String(size);
}

function numeric<T extends number | undefined>(
  flags: string,
  options: NumberOptions<T> & { parse: (text: string) => number },
): OptionSpec<number | T> {
  const shown =
    options.shown ?? (options.initial === undefined ? undefined : String(options.initial));
  return {
    flags: [flags],
    text: options.text,
    shown,
    initial: options.initial,
    parse: options.parse,
  };
}

/** Any text; the empty one only if it `mayBeEmpty`. */
export function text<T extends string | undefined>(
  flags: string,
  options: { text: string; initial: T; shown?: string; mayBeEmpty?: boolean },
): OptionSpec<string | T> {
  return {
    flags: [flags],
    text: options.text,
    shown: options.shown ?? options.initial,
    initial: options.initial,
    parse: (value) => {
      if (value !== '' || options.mayBeEmpty === true) return value;
      throw refused({ flags, wanted: 'a text that is not empty', text: value });
    },
  };
}

/** One word of a fixed list. */
export function oneOf<const W extends string>(
  flags: string,
  options: { text: string; words: readonly W[]; initial: W },
): OptionSpec<W> {
  return {
    flags: [flags],
    text: options.text,
    shown: options.initial,
    initial: options.initial,
    parse: (value) => {
      const word = options.words.find((candidate) => candidate === value);
      if (word !== undefined) return word;
      throw refused({ flags, wanted: `one of ${options.words.join(', ')}`, text: value });
    },
  };
}

/** `name=number`, as often as wanted; the same name again replaces the earlier. */
export function assignments(
  flags: string,
  options: { text: string; shown: string },
): OptionSpec<Readonly<Record<string, number>>> {
  return {
    flags: [flags],
    text: options.text,
    shown: options.shown,
    initial: {},
    parse: (value, previous) => {
      const [, name, number] = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(value) ?? [];
      if (name !== undefined) return { ...previous, [name]: Number(number) };
      throw refused({ flags, wanted: 'name=number, such as size=50', text: value });
    },
  };
}

/** The error of an option whose value is not accepted. */
export function refused(options: { flags: string; wanted: string; text: string }): ConclaveError {
  return new ConclaveError(
    'USAGE',
    `${longFlag(options.flags)} must be ${options.wanted}, not '${options.text}'`,
  );
}
