/**
 * Runs one reduce attempt: merges the sections of its partition, calls the app for each key in the
 * order of the keys' bytes, and writes the output file.
 */
import type { ReduceAttempt } from '../../machines/mapreduce/job-spec.js';
import { type App, valueKind } from './app.js';
import { Groups } from './groups.js';
import type { AttemptContext, AttemptResult } from './map-attempt.js';
import { mergeSections } from './merge-sections.js';
import { asText, requireText, shown } from './output-line.js';
import { AtomicFile } from './run-writer.js';

const LINE_FEED = 10;
const SPACE = 32;

export async function runReduceAttempt(
  attempt: ReduceAttempt,
  context: AttemptContext,
): Promise<AttemptResult> {
  const { app, job, progress, scratch, path } = context;
  const stream = mergeSections(
    attempt.inputs.map(({ file, attempt: writer }) => ({ file, writer })),
    {
      memoryBytes: Math.floor(job.memoryBytes / 2),
      scratch,
      onBytes: (bytes) => progress.addBytes(bytes),
    },
  );
  const groups = new Groups(stream, valueKind(app, job.combine));
  const output = new LineWriter(path, job.format);
  if (app.output === 'keys') writeKeys(groups, output, context);
  else await reduceAll(groups, output, context);
  return { files: [output.commit(attempt.task.index)], spills: 0 };
}

/** For apps whose result is their keys: one line per value, and no call of `reduce`. */
function writeKeys(groups: Groups, output: LineWriter, { progress }: AttemptContext): void {
  while (groups.next()) {
    while (groups.nextValue()) {
      for (let count = groups.valueCount; count > 0; count--) {
        output.writeKey(groups);
        progress.addPair();
      }
    }
    progress.addRecords(1);
  }
}

async function reduceAll(
  groups: Groups,
  output: LineWriter,
  { app, job, progress }: AttemptContext,
): Promise<void> {
  const isSumming = app.combine === 'sum' && job.combine;
  while (groups.next()) {
    const key = groups.keyText;
    // The combiner once more: reduce is handed the sum, as if one map had seen all.
    const values = isSumming ? [String(groups.sum())] : groups.values();
    const result = callReduce(app, key, values);
    const value = typeof result === 'string' ? result : await result;
    output.write(groups, key, asText(value, `reduce returned, for the key ${shown(key)}, a value`));
    progress.addPair();
    progress.addRecords(1);
  }
}

function callReduce(app: App, key: string, values: string[]): string | Promise<string> {
  return app.reduce(key, values);
}

class LineWriter {
  readonly #file: AtomicFile;
  readonly #path: string;
  readonly #format: 'text' | 'jsonl';
  #lines = 0;

  constructor(path: string, format: 'text' | 'jsonl') {
    this.#path = path;
    this.#format = format;
    this.#file = new AtomicFile(path);
  }

  /** `groups` holds the key as bytes, which saves encoding it again. */
  write(groups: Groups, key: string, value: string): void {
    this.#lines++;
    if (this.#format === 'jsonl') {
      this.#writeText(`${JSON.stringify([key, value])}\n`);
      return;
    }
    requireText(value, 'value', key);
    const buffer = this.#file.reserve(groups.keyLength + value.length * 3 + 2);
    let at = this.#writeKeyBytes(groups, buffer);
    buffer[at++] = SPACE;
    at += buffer.write(value, at, 'utf8');
    buffer[at++] = LINE_FEED;
    this.#file.advance(at);
  }

  writeKey(groups: Groups): void {
    this.#lines++;
    if (this.#format === 'jsonl') {
      this.#writeText(`${JSON.stringify([groups.keyText, ''])}\n`);
      return;
    }
    const buffer = this.#file.reserve(groups.keyLength + 1);
    const at = this.#writeKeyBytes(groups, buffer);
    buffer[at] = LINE_FEED;
    this.#file.advance(at + 1);
  }

  commit(partition: number): AttemptResult['files'][number] {
    const checksum = this.#file.takeChecksum();
    const bytes = this.#file.size;
    this.#file.commit();
    return { partition, path: this.#path, offset: 0, bytes, records: this.#lines, checksum };
  }

  #writeKeyBytes(groups: Groups, buffer: Buffer): number {
    const { key, keyLength } = groups;
    let at = this.#file.at;
    for (let i = 0; i < keyLength; i++) buffer[at++] = key[i] as number;
    return at;
  }

  #writeText(line: string): void {
    const buffer = this.#file.reserve(line.length * 3);
    this.#file.advance(this.#file.at + buffer.write(line, this.#file.at, 'utf8'));
  }
}
