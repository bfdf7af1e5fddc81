/**
 * What an app is: the two functions of MapReduce and what it may add to them. Built-in apps and
 * user modules have the same form once loaded (app-loader.ts).
 */

/**
 * Emits one pair. Numbers become strings; anything else than a string or number fails the
 * attempt.
 */
export type Emit = (key: string | number, value: string | number) => void;

/** Emits the bytes `[start, end)` of the input as a key, with a count (default 1) as its value. */
export type EmitBytes = (start: number, end: number, count?: number) => void;

/** Where in its file the text that `map` is given begins. */
export interface Place {
  /** In bytes. */
  readonly offset: number;
  /** Number of its first line, from 1; known unless the file was cut for several tasks. */
  readonly line: number | undefined;
}

export type Pairs = Iterable<readonly [string, string]>;

// biome-ignore lint/suspicious/noConfusingVoidType: `=> emit(word, 1)` is a map function too.
type Nothing = undefined | void;
/** Pairs may be emitted, returned, or both. */
export type MapResult = Nothing | Pairs;

/** `contents` is the whole file, or with `splittable` some whole lines of it. */
export type MapFunction = (
  file: string,
  contents: string,
  emit: Emit,
  place: Place,
) => MapResult | Promise<MapResult>;

export type MapBytesFunction = (
  file: string,
  bytes: Uint8Array,
  emit: EmitBytes,
) => Nothing | Promise<Nothing>;

/** `values` are in the order of (input, position); all values of a key must fit into memory. */
export type ReduceFunction = (key: string, values: readonly string[]) => string | Promise<string>;

/** `'sum'`: values are integers, and the engine adds them up in a table of bytes. */
export type Combine = 'sum' | ReduceFunction;

export interface App {
  readonly name: string;
  /** Either this or `mapBytes`. */
  readonly map?: MapFunction;
  /** Works on bytes instead of text: much faster when keys are parts of the input. */
  readonly mapBytes?: MapBytesFunction;
  readonly reduce: ReduceFunction;
  /** Shrinks a map's output before it is written. May run any number of times, or never. */
  readonly combine?: Combine;
  /** Returns 0 to `partitions` - 1; instead of the hash of the key. */
  readonly partition?: (key: string, partitions: number) => number;
  /**
   * `lines`: `map` may be given any run of whole lines, so a file may be cut among tasks. `chunks`:
   * whole lines too, but of one file in order, from one task, which knows their line numbers.
   * `files`: `map` must see each file whole.
   */
  readonly granularity: 'lines' | 'chunks' | 'files';
  /** `keys`: a line is written per value instead, with the key alone; `reduce` is not called. */
  readonly output: 'pairs' | 'keys';
}

/** How a job stores the values of its pairs between map and reduce: as text, or as counts. */
export function valueKind(app: App, isCombining: boolean): 'text' | 'counts' {
  if (app.combine === 'sum' && isCombining) return 'counts';
  return app.mapBytes !== undefined && (app.combine === undefined || !isCombining)
    ? 'counts'
    : 'text';
}

/** What can be said of an app without running it. */
export interface AppTraits {
  readonly splittable: boolean;
  readonly combines: boolean;
  /** The output files are to follow each other in order: partition by sampled ranges. */
  readonly sorts: boolean;
}

export function traitsOf(app: App): AppTraits {
  return {
    splittable: app.granularity === 'lines',
    combines: app.combine !== undefined,
    sorts: app.output === 'keys',
  };
}
