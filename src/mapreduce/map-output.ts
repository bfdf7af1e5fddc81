/**
 * Where the pairs that a map attempt emits go: into a buffer in memory, from there as sorted runs
 * to disk whenever the buffer is full, and in the end into one file with a sorted section per
 * partition (MapReduce §3.1, §4.2, §4.3).
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptId, JobSpec, ResultFile } from '../../machines/mapreduce/job-spec.js';
import { type App, type ReduceFunction, valueKind } from './app.js';
import { ByteTable, TABLE_KEYS_MAX } from './byte-table.js';
import { Groups } from './groups.js';
import { SORTABLE_KEYS_MAX } from './key-sort.js';
import { Merge } from './merge.js';
import { mergeSections, type Section } from './merge-sections.js';
import { asText, requireText } from './output-line.js';
import { PairBuffer } from './pair-buffer.js';
import { makePartitioner, type Partitioner } from './partition.js';
import { COUNT_BYTES_MAX, COUNT_MAX, type RecordStream, writeCount } from './record-stream.js';
import { RunWriter } from './run-writer.js';
import { type SortedBuffer, sortCounts, sortPairs } from './sorted-buffer.js';

const LINE_FEED = 10;
/** Tables and arenas double when they grow, so that they may take twice what they use. */
const GROWTH = 2;
/** Texts up to this length are encoded by a loop, if they are ASCII. */
const SHORT_UNITS = 32;

export interface MapOutputOptions {
  readonly app: App;
  readonly job: JobSpec;
  readonly id: AttemptId;
  /** For runs that are merged before the attempt ends; its owner removes it. */
  readonly scratch: string;
  /** Where the result is written. */
  readonly path: string;
}

export class MapOutput {
  readonly #options: MapOutputOptions;
  readonly #kind: 'text' | 'counts';
  /** The combiner is `'sum'`: equal keys are counted in `#table`, and `#pairs` stays empty. */
  readonly #isSumming: boolean;
  readonly #partitionOf: Partitioner;
  readonly #pairs = new PairBuffer();
  readonly #table = new ByteTable();
  readonly #spillBytes: number;
  readonly #count = new Uint8Array(COUNT_BYTES_MAX);
  /** A key that is text, as bytes, on its way into the table. */
  #keyBytes = Buffer.allocUnsafeSlow(256);
  /** The sections of each spill, one per partition. */
  readonly #spills: ResultFile[][] = [];

  constructor(options: MapOutputOptions) {
    const { app, job } = options;
    this.#options = options;
    this.#kind = valueKind(app, job.combine);
    this.#isSumming = app.combine === 'sum' && job.combine;
    this.#partitionOf = makePartitioner(job, app);
    this.#spillBytes = Math.floor(job.memoryBytes / GROWTH);
  }

  /** How often a full buffer went to disk. */
  get spills(): number {
    return this.#spills.length;
  }

  emitText(key: unknown, value: unknown): void {
    const keyText = this.#checked(asText(key, 'map emitted a key'), 'key');
    if (this.#isSumming) {
      this.#addCount(keyText, value);
      return;
    }
    const valueText = asText(value, `map emitted, for the key ${JSON.stringify(keyText)}, a value`);
    this.#checked(valueText, 'value', keyText);
    this.#pairs.addKeyText(keyText);
    const { arena, start, end } = this.#pairs.keyInHand;
    this.#pairs.endPairText(valueText, this.#partitionOf(arena, start, end, keyText));
    this.#spillIfFull();
  }

  emitBytes(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (this.#isSumming) {
      if (this.#table.add(bytes, start, end, count)) this.#spillIfTableIsFull();
      return;
    }
    this.#checkKeyBytes(bytes, start, end);
    this.#pairs.addKeyBytes(bytes, start, end);
    const partition = this.#partitionOf(bytes, start, end, undefined);
    if (this.#kind === 'counts') {
      const valueEnd = writeCount(this.#count, 0, count);
      this.#pairs.endPairBytes(this.#count, 0, valueEnd, partition);
    } else {
      this.#pairs.endPairText(String(count), partition);
    }
    this.#spillIfFull();
  }

  /** Writes the result: a section per partition, in their order. */
  async finish(): Promise<readonly ResultFile[]> {
    const { app, job, path } = this.#options;
    const last = this.#sorted();
    const writer = new RunWriter(path);
    const sections: ResultFile[] = [];
    for (let partition = 0; partition < job.reduces; partition++) {
      const stream = this.#merged(partition, last);
      if (typeof app.combine === 'function' && job.combine) {
        await writeCombined(new Groups(stream, this.#kind), writer, app.combine);
      } else if (this.#isSumming && this.#spills.length > 0) {
        this.#writeSums(new Groups(stream, 'counts'), writer);
      } else {
        writeAll(stream, writer);
      }
      sections.push(writer.endSection(partition));
    }
    writer.commit();
    return sections;
  }

  #merged(partition: number, last: SortedBuffer): RecordStream {
    if (this.#spills.length === 0) return last.stream(partition);
    const { id, job, scratch } = this.#options;
    const runs: Section[] = this.#spills
      .map((sections) => ({ file: sections[partition] as ResultFile, writer: id }))
      .filter(({ file }) => file.records > 0);
    const memoryBytes = Math.floor(job.memoryBytes / 4);
    const merged = mergeSections(runs, {
      memoryBytes,
      scratch: join(scratch, `partition-${partition}`),
    });
    return new Merge([merged, last.stream(partition)]);
  }

  #spillIfFull(): void {
    const isFull = this.#pairs.usedBytes >= this.#spillBytes;
    if (isFull || this.#pairs.size === SORTABLE_KEYS_MAX) this.#spill();
  }

  #spillIfTableIsFull(): void {
    const isFull = this.#table.usedBytes >= this.#spillBytes;
    if (isFull || this.#table.size === TABLE_KEYS_MAX) this.#spill();
  }

  /** Differs from the paper: a combiner that is a function runs only once, when all is merged. */
  #spill(): void {
    const { job, scratch } = this.#options;
    mkdirSync(scratch, { recursive: true });
    const writer = new RunWriter(join(scratch, `spill-${this.#spills.length}.run`));
    const sorted = this.#sorted();
    const sections: ResultFile[] = [];
    for (let partition = 0; partition < job.reduces; partition++) {
      writeAll(sorted.stream(partition), writer);
      sections.push(writer.endSection(partition));
    }
    writer.commit();
    this.#spills.push(sections);
    this.#pairs.clear();
    this.#table.clear();
  }

  #sorted(): SortedBuffer {
    const { job } = this.#options;
    if (!this.#isSumming) return sortPairs(this.#pairs, job.reduces);
    const keys = this.#table.listKeys();
    const { arena, offsets, lengths } = keys;
    const partitions = new Uint32Array(this.#table.size);
    for (let entry = 0; entry < partitions.length; entry++) {
      const start = offsets[entry] as number;
      const end = start + (lengths[entry] as number);
      this.#checkKeyBytes(arena, start, end);
      partitions[entry] = this.#partitionOf(arena, start, end, undefined);
    }
    return sortCounts({ table: this.#table, keys, partitions }, job.reduces);
  }

  #addCount(key: string, value: unknown): void {
    const count = Number(value);
    requireCount(count, key);
    const room = key.length * 3;
    if (room > this.#keyBytes.length) this.#keyBytes = Buffer.allocUnsafeSlow(room * 2);
    const length = writeText(this.#keyBytes, key);
    if (this.#table.add(this.#keyBytes, 0, length, count)) this.#spillIfTableIsFull();
  }

  #writeSums(groups: Groups, writer: RunWriter): void {
    while (groups.next()) {
      const end = writeCount(this.#count, 0, groups.sum());
      writer.write(groups.key, 0, groups.keyLength, this.#count, 0, end);
    }
  }

  #checked(text: string, what: 'key' | 'value', ofKey?: string): string {
    return this.#options.job.format === 'text' ? requireText(text, what, ofKey) : text;
  }

  #checkKeyBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#options.job.format !== 'text') return;
    for (let i = start; i < end; i++) {
      if (bytes[i] === LINE_FEED)
        requireText(Buffer.from(bytes.subarray(start, end)).toString(), 'key');
    }
  }
}

/** Writes UTF-8 and returns its length. A call into the engine costs more than a short loop. */
function writeText(to: Buffer, text: string): number {
  const { length } = text;
  if (length > SHORT_UNITS) return to.write(text, 0, 'utf8');
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return to.write(text, 0, 'utf8');
    to[i] = unit;
  }
  return length;
}

function requireCount(count: number, key: string): void {
  if (Number.isInteger(count) && Math.abs(count) <= COUNT_MAX) return;
  throw new TypeError(
    `map emitted ${count} for the key ${JSON.stringify(key)}; with combine = 'sum' every value ` +
      'must be an integer',
  );
}

function writeAll(stream: RecordStream, writer: RunWriter): void {
  while (stream.next()) {
    const { bytes } = stream;
    writer.write(bytes, stream.keyStart, stream.keyEnd, bytes, stream.valueStart, stream.valueEnd);
  }
}

async function writeCombined(
  groups: Groups,
  writer: RunWriter,
  combine: ReduceFunction,
): Promise<void> {
  while (groups.next()) {
    const key = groups.keyText;
    const result = combine(key, groups.values());
    const combined = typeof result === 'string' ? result : await result;
    const value = Buffer.from(asText(combined, `combine returned for ${JSON.stringify(key)}`));
    writer.write(groups.key, 0, groups.keyLength, value, 0, value.length);
  }
}
