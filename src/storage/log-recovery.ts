/**
 * Reads a log back: checks every batch, hands out the records, and finds and mends the end. It
 * writes nothing before the whole log has been read and found sound, so that damage is reported
 * with everything as it was.
 */
import { ConclaveError } from '../errors.js';
import type { Crc32 } from './crc32.js';
import type { LogFiles, SegmentFile } from './log-files.js';
import {
  BATCH_HEADER_BYTES,
  damageOfTail,
  decodeSegmentHeader,
  FORMAT_VERSION,
  isZero,
  readBatchHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentSeed,
  splitBody,
} from './log-format.js';

/** How much is read at once where batches are small. */
const WINDOW_BYTES = 256 * 1024;

export interface OpenSegment {
  readonly name: string;
  readonly header: SegmentHeader;
  readonly seed: number;
}

/** Where the next batch goes. */
export interface LogEnd {
  /** Offset in the last segment. */
  readonly offset: number;
  /** Where the last batch of that segment begins; equals `offset` if it has none. */
  readonly lastOffset: number;
  readonly nextSequence: number;
  /** How much of a torn tail was cut. */
  readonly tornBytes: number;
}

interface Disk {
  readonly files: LogFiles;
  readonly crc: Crc32;
}

const NAME_DIGITS = 8;

export function segmentName(number: number): string {
  return `${String(number).padStart(NAME_DIGITS, '0')}.log`;
}

/** Reads the headers of all segments, oldest first. Throws `DATA_CORRUPT`, `DATA_VERSION`. */
export function openSegments({ files, crc }: Disk): OpenSegment[] {
  const segments: OpenSegment[] = [];
  for (const name of files.list()) {
    const file = files.open(name);
    try {
      const header = readHeader(file, crc);
      checkRow(file, name, header, segments.at(-1)?.header);
      segments.push({ name, header, seed: segmentSeed(header, crc) });
    } finally {
      file.close();
    }
  }
  return segments;
}

function readHeader(file: SegmentFile, crc: Crc32): SegmentHeader {
  const header = decodeSegmentHeader(file.read(0, SEGMENT_HEADER_BYTES), crc);
  if (header === 'damaged') throw corrupt(file, 0, 'the header of the segment is damaged');
  if (header === 'version') {
    throw new ConclaveError(
      'DATA_VERSION',
      `${file.path} was not written by version ${FORMAT_VERSION} of the log's format; ` +
        'use the release that wrote it',
    );
  }
  return header;
}

/** A segment must carry the number of its name and continue the one before. */
function checkRow(
  file: SegmentFile,
  name: string,
  header: SegmentHeader,
  before: SegmentHeader | undefined,
): void {
  if (segmentName(header.number) !== name) {
    throw corrupt(file, 0, `the segment has number ${header.number}, which is not its name's`);
  }
  if (before === undefined) return;
  if (header.number !== before.number + 1) {
    throw corrupt(file, 0, `segment ${before.number + 1}, the one before, is missing`);
  }
  if (before.logId.some((byte, at) => header.logId[at] !== byte)) {
    throw corrupt(file, 0, 'the segment belongs to another log');
  }
}

export interface RecoveryOptions {
  /** Whether to sync what recovery writes. */
  readonly durable: boolean;
  /** This life has begun the log: nothing about it is in doubt. */
  readonly isNew: boolean;
}

/**
 * Hands out all records, then makes the end fit to be written on and returns where it is. The
 * segments are not empty.
 */
export function* recoverRecords(
  disk: Disk,
  segments: readonly OpenSegment[],
  options: RecoveryOptions,
): Generator<Uint8Array, LogEnd> {
  let sequence = (segments[0] as OpenSegment).header.firstSequence;
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const file = disk.files.open(segment.name);
    try {
      if (segment.header.firstSequence !== sequence) {
        const first = segment.header.firstSequence;
        throw corrupt(file, 0, `the segment begins at record ${first}, not ${sequence}`);
      }
      const reader = new SegmentReader(file, segment, disk.crc);
      yield* reader.records();
      sequence = reader.nextSequence;
      if (!isLast) {
        reader.assertNothingFollows();
        continue;
      }
      const tornBytes = mendEnd(disk.files, reader, options);
      const { offset, lastOffset } = reader;
      return { offset, lastOffset, nextSequence: sequence, tornBytes };
    } finally {
      file.close();
    }
  }
  throw new Error('a log without segments has no end');
}

/**
 * Cuts a torn tail, and makes sure that what was read is on the disk, not only in the cache of the
 * operating system: after a sync that failed, a cache may show what the disk never got, and call
 * it clean. At most the last batch can be in that state, so it is written once more (fsyncgate).
 * A crash in the middle of this leaves a torn tail again. Returns the bytes of the torn tail.
 */
function mendEnd(files: LogFiles, reader: SegmentReader, options: RecoveryOptions): number {
  const { durable, isNew } = options;
  const torn = reader.tornBytes();
  const { file } = reader;
  if (durable && !isNew && reader.batchCount <= 1) {
    remake(files, reader);
    return torn;
  }
  if (reader.offset > reader.lastOffset) {
    file.write(reader.lastOffset, file.read(reader.lastOffset, reader.offset - reader.lastOffset));
  }
  if (torn > 0) file.write(reader.offset, new Uint8Array(torn));
  if (durable) {
    file.sync();
    files.syncDirectory();
  }
  return torn;
}

/**
 * A segment with no batch or one may owe its name to a sync of the directory that failed: the
 * directory shows the name, the disk may not have it, and a further sync finds nothing to do. So
 * the segment is made anew and takes the place of the old one.
 */
function remake(files: LogFiles, { file, segment, offset }: SegmentReader): void {
  const copy = files.create(segment.header.capacityBytes);
  try {
    copy.write(0, file.read(0, offset));
    copy.sync();
    files.publish(copy, segment.name);
  } finally {
    copy.close();
  }
}

class SegmentReader {
  readonly file: SegmentFile;
  readonly segment: OpenSegment;
  readonly #crc: Crc32;
  /** Where the next batch begins; at last, where the sound part ends. */
  offset = SEGMENT_HEADER_BYTES;
  /** Where the last sound batch begins; equals `offset` if there is none. */
  lastOffset = SEGMENT_HEADER_BYTES;
  nextSequence: number;
  /** Sound batches read. */
  batchCount = 0;
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;

  constructor(file: SegmentFile, segment: OpenSegment, crc: Crc32) {
    this.file = file;
    this.segment = segment;
    this.#crc = crc;
    this.nextSequence = segment.header.firstSequence;
  }

  *records(): Generator<Uint8Array, void> {
    for (;;) {
      const records = this.#nextBatch();
      if (records === undefined) return;
      yield* records;
    }
  }

  #nextBatch(): Uint8Array[] | undefined {
    const { offset, file } = this;
    const place = { seed: this.segment.seed, offset };
    const header = readBatchHeader(this.#read(offset, BATCH_HEADER_BYTES), 0, place, this.#crc);
    if (header === undefined) return undefined;
    // A length that leads out of the file is a torn tail's or damage: nothing is allocated for it.
    const bodyAt = offset + BATCH_HEADER_BYTES;
    if (bodyAt + header.length > file.sizeBytes()) return undefined;
    const body = this.#read(bodyAt, header.length);
    if (this.#crc(body) !== header.bodyCrc) return undefined;
    const records = splitBody(body, header.recordCount);
    if (records === undefined) throw corrupt(file, offset, 'the lengths of records are wrong');
    if (header.firstSequence !== this.nextSequence) {
      const found = header.firstSequence;
      throw corrupt(file, offset, `a batch begins at record ${found}, not ${this.nextSequence}`);
    }
    this.lastOffset = offset;
    this.offset = bodyAt + header.length;
    this.nextSequence += records.length;
    this.batchCount++;
    return records;
  }

  #read(offset: number, length: number): Uint8Array {
    let from = offset - this.#windowAt;
    if (from < 0 || from + length > this.#window.length) {
      const left = Math.min(WINDOW_BYTES, this.file.sizeBytes() - offset);
      this.#window = this.file.read(offset, Math.max(length, left));
      this.#windowAt = offset;
      from = 0;
    }
    return this.#window.subarray(from, from + length);
  }

  assertNothingFollows(): void {
    const end = this.#lastByteEnd();
    if (end > this.offset) {
      throw corrupt(this.file, this.offset, 'no valid batch begins here, yet the log goes on');
    }
  }

  /** The bytes of a torn tail, 0 if the log ends cleanly. Throws `DATA_CORRUPT` at damage. */
  tornBytes(): number {
    const { offset, file } = this;
    const length = this.#lastByteEnd() - offset;
    if (length === 0) return 0;
    const tail = { bytes: this.#read(offset, length), offset, seed: this.segment.seed };
    const damage = damageOfTail(tail, this.#crc);
    if (damage !== undefined) throw corrupt(file, offset, damage);
    return length;
  }

  /** One past the last byte of the file that is not zero, but at least `offset`. */
  #lastByteEnd(): number {
    let to = this.file.sizeBytes();
    while (to > this.offset) {
      const from = Math.max(this.offset, to - WINDOW_BYTES);
      const bytes = this.file.read(from, to - from);
      const length = lengthWithoutZeros(bytes);
      if (length > 0) return from + length;
      to = from;
    }
    return this.offset;
  }
}

/** The length of `bytes` without the zeros at its end. */
function lengthWithoutZeros(bytes: Uint8Array): number {
  let length = bytes.length;
  // By words first: a fresh segment is megabytes of zeros. The buffer is its own, so aligned.
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, length >>> 2);
  if (isZero(bytes, words.length * 4, length)) {
    let word = words.length;
    while (word > 0 && words[word - 1] === 0) word--;
    length = word * 4;
  }
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

function corrupt(file: SegmentFile, offset: number, what: string): ConclaveError {
  return new ConclaveError(
    'DATA_CORRUPT',
    `${file.path} is damaged at byte ${offset}: ${what}. Nothing was changed; ` +
      'restore the file, or remove this replica and add it again as a new one.',
  );
}
