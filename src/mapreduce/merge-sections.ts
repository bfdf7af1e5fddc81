/** Merges any number of sections on disk with bounded memory and bounded open files. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AttemptId, ResultFile } from '../../machines/mapreduce/job-spec.js';
import { Merge } from './merge.js';
import type { RecordStream } from './record-stream.js';
import { SectionReader } from './run-reader.js';
import { RunWriter } from './run-writer.js';

/** At most so many sections are open at once. */
const FAN_IN_MAX = 64;
const READ_BYTES_MAX = 1 << 18;
const READ_BYTES_MIN = 1 << 12;

export interface Section {
  readonly file: ResultFile;
  readonly writer: AttemptId;
}

export interface MergeOptions {
  /** About how much the read buffers may take together. */
  readonly memoryBytes: number;
  /** A directory for runs between passes; its owner removes it. */
  readonly scratch: string;
  /** Hears of every read of a section: how many bytes it brought. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * One stream of all pairs, equal keys in the order of `sections`. When there are too many sections
 * to read at once, neighbours are merged into longer runs first, in as many passes as it takes.
 */
export function mergeSections(sections: readonly Section[], options: MergeOptions): RecordStream {
  const fanIn = Math.max(2, Math.min(FAN_IN_MAX, Math.floor(options.memoryBytes / READ_BYTES_MIN)));
  let runs = sections;
  for (let pass = 0; runs.length > fanIn; pass++) {
    runs = mergePass(runs, fanIn, { ...options, pass });
  }
  return openMerge(runs, options);
}

function mergePass(
  runs: readonly Section[],
  fanIn: number,
  options: MergeOptions & { readonly pass: number },
): Section[] {
  const merged: Section[] = [];
  mkdirSync(options.scratch, { recursive: true });
  for (let from = 0; from < runs.length; from += fanIn) {
    const group = runs.slice(from, from + fanIn);
    const first = group[0] as Section;
    if (group.length === 1) {
      merged.push(first);
      continue;
    }
    const path = join(options.scratch, `merge-${options.pass}-${merged.length}.run`);
    const writer = new RunWriter(path);
    const stream = openMerge(group, options);
    while (stream.next()) {
      const { bytes } = stream;
      writer.write(
        bytes,
        stream.keyStart,
        stream.keyEnd,
        bytes,
        stream.valueStart,
        stream.valueEnd,
      );
    }
    const file = writer.endSection(first.file.partition);
    writer.commit();
    merged.push({ file, writer: first.writer });
  }
  return merged;
}

function openMerge(sections: readonly Section[], options: MergeOptions): RecordStream {
  const share = Math.floor(options.memoryBytes / Math.max(1, sections.length));
  const bufferBytes = Math.max(READ_BYTES_MIN, Math.min(READ_BYTES_MAX, share));
  return new Merge(
    sections.map(
      ({ file, writer }) => new SectionReader({ file, writer, bufferBytes, ...heard(options) }),
    ),
  );
}

function heard(options: MergeOptions): { onBytes?: (bytes: number) => void } {
  return options.onBytes === undefined ? {} : { onBytes: options.onBytes };
}
