/**
 * Runs one map attempt: reads its splits, calls the app, and leaves a sorted section a partition.
 */
import { isUtf8 } from 'node:buffer';
import type {
  JobSpec,
  MapAttempt,
  RecordId,
  ResultFile,
  Split,
} from '../../machines/mapreduce/job-spec.js';
import type { App, EmitBytes, MapResult } from './app.js';
import type { ProgressWriter } from './attempt-progress.js';
import { MapOutput } from './map-output.js';
import { COUNT_MAX } from './record-stream.js';
import { asUtf8, CHUNK_BYTES, ChunkReader, countLineFeeds, readWhole } from './split-reader.js';
import { requireRoomFor, SHORT_TEXT_BYTES, type TextPlace } from './text-limit.js';

const LINE_FEED = 10;

export interface AttemptContext {
  readonly app: App;
  readonly job: JobSpec;
  readonly progress: ProgressWriter;
  /** A directory for what is needed only while the attempt runs; its owner removes it. */
  readonly scratch: string;
  /** Where the result is to stand. */
  readonly path: string;
}

export interface AttemptResult {
  readonly files: readonly ResultFile[];
  readonly spills: number;
}

export async function runMapAttempt(
  attempt: MapAttempt,
  context: AttemptContext,
): Promise<AttemptResult> {
  const { app, job, scratch, path, progress } = context;
  const output = new MapOutput({ app, job, id: attempt.id, scratch, path });
  const runner = new MapRunner(context, output, attempt.skip);
  for (const split of attempt.task.splits) {
    progress.beginInput(split.input);
    await runner.run(split);
  }
  progress.endInput();
  return { files: await output.finish(), spills: output.spills };
}

/** Feeds splits to the app in the pieces that it can take. */
class MapRunner {
  readonly #context: AttemptContext;
  readonly #output: MapOutput;
  /** Offsets of records to leave out, by input. */
  readonly #skip = new Map<number, Set<number>>();
  #buffer: Buffer;

  constructor(context: AttemptContext, output: MapOutput, skip: readonly RecordId[]) {
    this.#context = context;
    this.#output = output;
    this.#buffer = Buffer.allocUnsafeSlow(chunkBytes(context.job));
    for (const { input, offset } of skip) {
      const offsets = this.#skip.get(input) ?? new Set();
      this.#skip.set(input, offsets.add(offset));
    }
  }

  async run(split: Split): Promise<void> {
    if (this.#context.app.granularity === 'files') await this.#runWhole(split);
    else await this.#runLines(split);
  }

  async #runWhole(split: Split): Promise<void> {
    const { progress } = this.#context;
    const bytes = readWhole(split);
    progress.addBytes(bytes.length);
    await this.#callMap(split, bytes, { offset: split.start, line: 1 });
    progress.addRecords(1);
  }

  async #runLines(split: Split): Promise<void> {
    const { app, job, progress } = this.#context;
    const reader = new ChunkReader(split, this.#buffer);
    try {
      let line = 1;
      for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) {
        progress.addBytes(chunk.bytes.length);
        const lines = lineCount(chunk.bytes);
        const place = {
          offset: chunk.offset,
          line: app.granularity === 'chunks' ? line : undefined,
        };
        if (job.skipBadRecords) await this.#runEachLine(split, chunk.bytes, place);
        else {
          await this.#callMap(split, chunk.bytes, place);
          progress.addRecords(lines);
        }
        line += lines;
      }
    } finally {
      this.#buffer = reader.buffer;
      reader.close();
    }
  }

  /** One call per line, so that whatever happens can be charged to a record (MapReduce §4.6). */
  async #runEachLine(
    split: Split,
    bytes: Buffer,
    place: { offset: number; line: number | undefined },
  ): Promise<void> {
    const { progress } = this.#context;
    const skipped = this.#skip.get(split.input);
    let line = place.line;
    for (let start = 0; start < bytes.length; ) {
      const lineFeed = bytes.indexOf(LINE_FEED, start);
      const end = lineFeed < 0 ? bytes.length : lineFeed + 1;
      const offset = place.offset + start;
      progress.beginRecord(offset);
      if (skipped?.has(offset) !== true) {
        await this.#callMap(split, bytes.subarray(start, end), { offset, line });
        progress.addRecords(1);
      }
      if (line !== undefined) line++;
      start = end;
    }
  }

  async #callMap(
    split: Split,
    bytes: Buffer,
    place: { offset: number; line: number | undefined },
  ): Promise<void> {
    const { app, job } = this.#context;
    const textPlace = { file: split.file, offset: place.offset };
    if (job.app.type === 'builtin' && bytes.length > SHORT_TEXT_BYTES) {
      // Bytes that are UTF-8 are never text as a whole.
      if (app.mapBytes === undefined || !isUtf8(bytes)) requireRoomFor(bytes, textPlace);
    }
    let isOpen = true;
    const stillOpen = (): void => {
      if (!isOpen) throw new Error('emit was called after map had ended; await what calls it');
    };
    try {
      if (app.mapBytes !== undefined) {
        const utf8 = asUtf8(bytes);
        const result = app.mapBytes(
          split.file,
          utf8,
          this.#bytesEmitter(utf8, textPlace, stillOpen),
        );
        if (result !== undefined) await result;
      } else if (app.map !== undefined) {
        const result = app.map(
          split.file,
          bytes.toString('utf8'),
          (key, value) => {
            stillOpen();
            this.#emit(key, value);
          },
          place,
        );
        this.#emitAll(isThenable(result) ? await result : result);
      }
    } finally {
      isOpen = false;
    }
  }

  #emit(key: unknown, value: unknown): void {
    this.#context.progress.addPair();
    this.#output.emitText(key, value);
  }

  /** What `map` returned, if it returns its pairs. */
  #emitAll(pairs: MapResult): void {
    if (pairs === undefined || pairs === null) return;
    if (typeof pairs[Symbol.iterator] !== 'function') {
      throw new TypeError('map must return nothing or an array of [key, value] pairs');
    }
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new TypeError('map returned something that is not a [key, value] pair');
      }
      this.#emit(pair[0], pair[1]);
    }
  }

  #bytesEmitter(bytes: Buffer, place: TextPlace, stillOpen: () => void): EmitBytes {
    const { progress, job } = this.#context;
    const output = this.#output;
    const isBuiltin = job.app.type === 'builtin';
    return (start, end, count = 1) => {
      if (!(start >= 0 && start <= end && end <= bytes.length && Number.isInteger(start + end))) {
        throw new RangeError(`emit(${start}, ${end}) is not a range of ${bytes.length} bytes`);
      }
      if (!(Number.isInteger(count) && Math.abs(count) <= COUNT_MAX)) {
        throw new TypeError(`emit's count must be an integer, not ${count}`);
      }
      stillOpen();
      if (isBuiltin && end - start > SHORT_TEXT_BYTES) {
        requireRoomFor(bytes.subarray(start, end), { ...place, offset: place.offset + start });
      }
      progress.addPair();
      output.emitBytes(bytes, start, end, count);
    };
  }
}

function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}

/** Smaller chunks when memory is short. */
function chunkBytes(job: JobSpec): number {
  return Math.max(4096, Math.min(CHUNK_BYTES, Math.floor(job.memoryBytes / 8)));
}

function lineCount(bytes: Buffer): number {
  const lineFeeds = countLineFeeds(bytes);
  return bytes[bytes.length - 1] === LINE_FEED ? lineFeeds : lineFeeds + 1;
}
