/**
 * The reference: runs an app over files one after the other, in one thread, with a Map. It shares
 * nothing with the engine but the app's module, so that it can tell whether the engine is right.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { AppOptions, AppReference } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError } from '../errors.js';

/** An app in its simplest form; `map` may emit or return its pairs, at once or later. */
export interface SequentialApp {
  map?(file: string, contents: string, emit: (key: string, value: string) => void): unknown;
  mapBytes?(
    file: string,
    bytes: Uint8Array,
    emit: (start: number, end: number, count?: number) => void,
  ): unknown;
  reduce(key: string, values: string[]): unknown;
  /** Lines are keys alone, one per value (`sort`). */
  readonly keysOnly?: boolean;
}

export interface SequentialFile {
  /** What the app is told. */
  readonly file: string;
  readonly path: string;
}

/** The lines `key value` of a job, in the order of the bytes of their keys. */
export async function runSequentially(
  app: SequentialApp,
  files: readonly SequentialFile[],
): Promise<string[]> {
  const groups = new Map<string, string[]>();
  const emit = (key: string, value: string): void => {
    const values = groups.get(String(key));
    if (values === undefined) groups.set(String(key), [String(value)]);
    else values.push(String(value));
  };
  for (const { file, path } of files) await mapOne(app, file, readFileSync(path), emit);
  const keys = [...groups.keys()].map((key) => ({ key, bytes: Buffer.from(key) }));
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const lines: string[] = [];
  for (const { key } of keys) {
    const values = groups.get(key) as string[];
    if (app.keysOnly === true) for (const _ of values) lines.push(key);
    else lines.push(`${key} ${String(await app.reduce(key, values))}`);
  }
  return lines;
}

async function mapOne(
  app: SequentialApp,
  file: string,
  bytes: Buffer,
  emit: (key: string, value: string) => void,
): Promise<void> {
  const contents = bytes.toString('utf8');
  if (app.map !== undefined) {
    const pairs = (await app.map(file, contents, emit)) as Iterable<[string, string]> | undefined;
    for (const [key, value] of pairs ?? []) emit(key, value);
    return;
  }
  const utf8 = Buffer.from(contents);
  await app.mapBytes?.(file, utf8, (start, end, count = 1) =>
    emit(utf8.toString('utf8', start, end), String(count)),
  );
}

/** The built-in apps once more, as plainly as they can be written; or a user's module. */
export async function sequentialApp(
  reference: AppReference,
  { pattern }: AppOptions,
): Promise<SequentialApp> {
  if (reference.type === 'module') {
    const module = (await import(reference.url)) as SequentialApp & { default?: SequentialApp };
    return module.reduce === undefined && module.default !== undefined ? module.default : module;
  }
  switch (reference.name) {
    case 'wc':
      return wc;
    case 'indexer':
      return indexer;
    case 'grep':
      return grep(String(pattern));
    case 'sort':
      return sort;
    default:
      throw new ConclaveError('USAGE', `there is no built-in app '${reference.name}'`);
  }
}

const wc: SequentialApp = {
  map: (_file, contents) => (contents.match(/\p{L}+/gu) ?? []).map((word) => [word, '1']),
  reduce: (_word, counts) => counts.length,
};

const indexer: SequentialApp = {
  map: (file, contents) => (contents.match(/\p{L}+/gu) ?? []).map((word) => [word, basename(file)]),
  reduce: (_word, names) => {
    const files = [...new Set(names)].map((name) => Buffer.from(name)).sort(Buffer.compare);
    return `${files.length} ${files.join(',')}`;
  },
};

function linesOf(contents: string): string[] {
  const lines = contents.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function grep(pattern: string): SequentialApp {
  const expression = new RegExp(pattern, 'u');
  return {
    map: (file, contents) =>
      linesOf(contents)
        .map((line, i) => [`${file}:${i + 1}`, line] as const)
        .filter(([, line]) => expression.test(line)),
    reduce: (_place, lines) => lines[0],
  };
}

const sort: SequentialApp = {
  map: (_file, contents) => linesOf(contents).map((line) => [line, '']),
  reduce: () => '',
  keysOnly: true,
};
