/**
 * The log on files: gathers a turn's records in one reusable buffer, writes them as one batch, and
 * moves to a new segment when one is full. Pure: `disk-log.ts` gives it Node's files, the simulator
 * a disk with faults.
 *
 * `sync()` is `flush()` (the write) and `settle()` (the sync). A host whose disk takes time calls
 * them apart; between them records may be appended, but not flushed: a batch is written only after
 * the sync of the one before, which is what recovery relies on (`log-format.ts`).
 */
import { ConclaveError, messageOf } from '../errors.js';
import {
  type ActorLog,
  assertRecordBytes,
  type FsyncPolicy,
  type LogStats,
  recordBytes,
} from './actor-log.js';
import type { Crc32 } from './crc32.js';
import type { LogFiles, SegmentFile } from './log-files.js';
import {
  BATCH_HEADER_BYTES,
  BODY_BYTES_MAX,
  batchBytes,
  encodeSegmentHeader,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  sealBatch,
  segmentSeed,
} from './log-format.js';
import {
  type LogEnd,
  type OpenSegment,
  openSegments,
  recoverRecords,
  segmentName,
} from './log-recovery.js';

/** Segments double in size from the first to the last of these: a small actor stays small. */
export interface SegmentSizes {
  readonly firstBytes: number;
  readonly maxBytes: number;
}

export const SEGMENT_SIZES: SegmentSizes = {
  firstBytes: 1024 * 1024,
  maxBytes: 32 * 1024 * 1024,
};

/**
 * A log whose batches are larger than this does not prepare segments: a large batch gains little
 * from allocated blocks, and filling them with zeros doubles what the disk has to write.
 */
const PREPARE_BELOW_BYTES = 32 * 1024;

export interface SegmentedLogOptions {
  readonly files: LogFiles;
  readonly crc: Crc32;
  /** Eight random bytes; used only if the log is new. */
  readonly logId: Uint8Array;
  /** Default `always`. */
  readonly fsync?: FsyncPolicy;
  /** Default `SEGMENT_SIZES`. */
  readonly segmentSizes?: SegmentSizes;
}

const BUFFER_BYTES_FIRST = 64 * 1024;
/** A buffer that one huge turn has made larger than this is let go after it. */
const BUFFER_BYTES_KEPT = 4 * 1024 * 1024;

export class SegmentedLog implements ActorLog {
  readonly #files: LogFiles;
  readonly #crc: Crc32;
  readonly #durable: boolean;
  readonly #sizes: SegmentSizes;
  /** Oldest first, at least one; the last is written to. */
  readonly #segments: OpenSegment[];
  #recovery: Generator<Uint8Array, LogEnd> | undefined;
  #recordsTaken = false;
  /** The last segment; undefined until recovery has found its end. */
  #file: SegmentFile | undefined;
  #offset = 0;
  /** Where the last batch known to be durable begins in it. */
  #lastOffset = SEGMENT_HEADER_BYTES;
  #tornBytes = 0;
  /** A segment that holds a flushed first batch and has no name yet. */
  #unnamed: { file: SegmentFile; segment: OpenSegment } | undefined;

  #buffer = new Uint8Array(BUFFER_BYTES_FIRST);
  #view = new DataView(this.#buffer.buffer);
  /** Where the next record goes in the buffer. */
  #at = BATCH_HEADER_BYTES;
  #count = 0;
  #nextSequence = 0;
  #appended = 0;
  #flushed = 0;
  #settled = 0;
  /** A batch is flushed and not settled; its length. */
  #inFlight = false;
  /** Batches written before the present segment. */
  #batchesBefore = 0;
  #flushedBytes = 0;
  #failure: ConclaveError | undefined;
  #stats = {
    recordCount: 0,
    batchCount: 0,
    writtenBytes: 0,
    syncCount: 0,
    syncMicrosMax: 0,
    syncMicrosTotal: 0,
  };

  /** Opens or begins the log. Throws `DATA_CORRUPT`, `DATA_VERSION`, `STORAGE`. */
  constructor(options: SegmentedLogOptions) {
    this.#files = options.files;
    this.#crc = options.crc;
    this.#durable = (options.fsync ?? 'always') === 'always';
    this.#sizes = options.segmentSizes ?? SEGMENT_SIZES;
    const disk = { files: this.#files, crc: this.#crc };
    this.#segments = this.#attempt('open', () => openSegments(disk));
    const isNew = this.#segments.length === 0;
    if (isNew) {
      this.#attempt('begin', () => this.#begin(options.logId));
    }
    this.#recovery = recoverRecords(disk, this.#segments, { durable: this.#durable, isNew });
  }

  records(): Iterable<Uint8Array> {
    this.#assertUsable();
    if (this.#recordsTaken || this.#recovery === undefined) {
      throw new Error('the records of a log can be read once, before the first append');
    }
    this.#recordsTaken = true;
    // Not the generator itself: a loop that breaks off would end it before the log's end is found.
    return { [Symbol.iterator]: () => ({ next: () => this.#nextRecord() }) };
  }

  append(record: Uint8Array | readonly Uint8Array[], token: number): number {
    if (this.#file === undefined || this.#failure !== undefined) this.#ready();
    const length = recordBytes(record);
    assertRecordBytes(length);
    const recordsBytes = this.#at - BATCH_HEADER_BYTES;
    if (recordsBytes + RECORD_HEADER_BYTES + length > BODY_BYTES_MAX) this.#spill();
    this.#reserve(RECORD_HEADER_BYTES + length);
    this.#view.setUint32(this.#at, length, true);
    this.#at += RECORD_HEADER_BYTES;
    if (record instanceof Uint8Array) this.#put(record);
    else for (const part of record) this.#put(part);
    this.#count++;
    this.#appended = token;
    this.#stats.recordCount++;
    return this.#nextSequence++;
  }

  sync(): number {
    this.flush();
    return this.settle();
  }

  /**
   * Writes what was appended, as a batch. Returns false if that was nothing, or if the batch before
   * still waits for `settle()`. Throws `STORAGE`.
   */
  flush(): boolean {
    this.#ready();
    if (this.#inFlight || this.#count === 0) return false;
    const bytes = this.#sealed();
    this.#attempt('write', () => this.#write(bytes));
    this.#inFlight = true;
    this.#flushed = this.#appended;
    this.#stats.batchCount++;
    this.#at = BATCH_HEADER_BYTES;
    this.#count = 0;
    if (this.#buffer.length > BUFFER_BYTES_KEPT) this.#resize(BUFFER_BYTES_FIRST);
    return true;
  }

  /** Makes the flushed batch durable; returns the last token that is. Throws `STORAGE`. */
  settle(): number {
    this.#assertUsable();
    if (!this.#inFlight) return this.#settled;
    this.#attempt('sync', () => this.#settle());
    this.#inFlight = false;
    this.#settled = this.#flushed;
    return this.#settled;
  }

  truncateBefore(sequence: number): void {
    this.#ready();
    this.#attempt('drop a segment', () => {
      for (;;) {
        const [oldest, next] = this.#segments;
        if (oldest === undefined || next === undefined) return;
        if (next.header.firstSequence > sequence) return;
        // Each removal is durable before the next: a crash must not leave a gap in the row.
        this.#files.remove(oldest.name);
        this.#segments.shift();
      }
    });
  }

  firstSequence(): number {
    return (this.#segments[0] as OpenSegment).header.firstSequence;
  }

  /**
   * Where the last batch known to be durable begins in the last segment: damage before it can be
   * told from a torn write. For tests with faults.
   */
  lastBatchOffset(): number {
    this.#ready();
    return this.#lastOffset;
  }

  /** How many bytes of a torn tail recovery has cut. */
  tornBytes(): number {
    this.#ready();
    return this.#tornBytes;
  }

  stats(): LogStats {
    return { ...this.#stats };
  }

  close(): void {
    try {
      if (this.#failure === undefined && this.#file !== undefined) {
        if (this.#inFlight) this.settle();
        this.sync();
      }
    } finally {
      this.#failure ??= new ConclaveError('CLOSED', `the log in ${this.#files.path} is closed`);
      this.#file?.close();
      this.#unnamed?.file.close();
      this.#files.close();
    }
  }

  /** The first segment: its header is durable before it gets its name. */
  #begin(logId: Uint8Array): void {
    const header = { number: 1, firstSequence: 1, logId, capacityBytes: this.#sizes.firstBytes };
    const file = this.#files.create(header.capacityBytes);
    try {
      this.#writeHeader(file, header);
      if (this.#durable) file.sync();
      this.#files.publish(file, segmentName(1));
    } finally {
      file.close();
    }
    this.#segments.push(this.#segmentOf(header));
  }

  #nextRecord(): IteratorResult<Uint8Array, undefined> {
    const recovery = this.#recovery;
    if (recovery === undefined) return { done: true, value: undefined };
    const result = this.#attempt('read', () => recovery.next());
    if (result.done !== true) return result;
    this.#recovery = undefined;
    this.#nextSequence = result.value.nextSequence;
    this.#offset = result.value.offset;
    this.#lastOffset = result.value.lastOffset;
    this.#tornBytes = result.value.tornBytes;
    const last = this.#segments.at(-1) as OpenSegment;
    this.#file = this.#attempt('open', () => this.#files.open(last.name));
    this.#files.prepare(this.#sizeAfter(last));
    return { done: true, value: undefined };
  }

  /** Throws if the log has failed; reads what recovery has left. */
  #ready(): void {
    this.#assertUsable();
    while (this.#recovery !== undefined) this.#nextRecord();
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #put(part: Uint8Array): void {
    this.#buffer.set(part, this.#at);
    this.#at += part.length;
  }

  /** Room for `length` more bytes and a trailer. */
  #reserve(length: number): void {
    const needed = batchBytes(this.#at - BATCH_HEADER_BYTES + length);
    if (needed <= this.#buffer.length) return;
    const old = this.#buffer;
    this.#resize(Math.max(needed, 2 * old.length));
    this.#buffer.set(old.subarray(0, this.#at));
  }

  #resize(length: number): void {
    this.#buffer = new Uint8Array(length);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** A turn that writes more than one batch may hold is cut: no record is in two batches. */
  #spill(): void {
    if (this.#inFlight) this.settle();
    this.sync();
  }

  /** The batch in the buffer, completed for the place where it will stand. */
  #sealed(): Uint8Array {
    const recordsBytes = this.#at - BATCH_HEADER_BYTES;
    const bytes = this.#buffer.subarray(0, batchBytes(recordsBytes));
    let segment = this.#segments.at(-1) as OpenSegment;
    let offset = this.#offset;
    if (offset + bytes.length > segment.header.capacityBytes) {
      segment = this.#turnOver(segment, bytes.length);
      offset = SEGMENT_HEADER_BYTES;
    }
    const firstSequence = this.#nextSequence - this.#count;
    const { seed } = segment;
    const batch = { recordsBytes, firstSequence, recordCount: this.#count, seed, offset };
    sealBatch(bytes, batch, this.#crc);
    return bytes;
  }

  /** Begins a segment, which gets its name only once its first batch is durable. */
  #turnOver(last: OpenSegment, bytesNeeded: number): OpenSegment {
    const size = Math.max(this.#sizeAfter(last), SEGMENT_HEADER_BYTES + bytesNeeded);
    const header = {
      number: last.header.number + 1,
      firstSequence: this.#nextSequence - this.#count,
      logId: last.header.logId,
      capacityBytes: size,
    };
    const segment = this.#segmentOf(header);
    this.#attempt('begin a segment', () => {
      const file = this.#files.create(size);
      this.#unnamed = { file, segment };
      this.#writeHeader(file, header);
    });
    return segment;
  }

  #writeHeader(file: SegmentFile, header: SegmentHeader): void {
    const bytes = encodeSegmentHeader(header, this.#crc);
    file.write(0, bytes);
    this.#stats.writtenBytes += bytes.length;
  }

  #segmentOf(header: SegmentHeader): OpenSegment {
    return { name: segmentName(header.number), header, seed: segmentSeed(header, this.#crc) };
  }

  #sizeAfter(last: OpenSegment): number {
    return Math.min(this.#sizes.maxBytes, 2 * last.header.capacityBytes);
  }

  #write(bytes: Uint8Array): void {
    if (this.#unnamed !== undefined) {
      this.#unnamed.file.write(SEGMENT_HEADER_BYTES, bytes);
    } else {
      (this.#file as SegmentFile).write(this.#offset, bytes);
      this.#offset += bytes.length;
    }
    this.#stats.writtenBytes += bytes.length;
    this.#flushedBytes = bytes.length;
  }

  #settle(): void {
    const file = this.#unnamed?.file ?? (this.#file as SegmentFile);
    if (this.#durable) this.#timedSync(file);
    if (this.#unnamed === undefined) {
      this.#lastOffset = this.#offset - this.#flushedBytes;
      return;
    }
    const { segment } = this.#unnamed;
    const meanBatchBytes = this.#offset / Math.max(1, this.#stats.batchCount - this.#batchesBefore);
    this.#batchesBefore = this.#stats.batchCount;
    this.#files.publish(file, segment.name);
    this.#unnamed = undefined;
    this.#file?.close();
    this.#file = file;
    this.#offset = SEGMENT_HEADER_BYTES + this.#flushedBytes;
    this.#lastOffset = SEGMENT_HEADER_BYTES;
    this.#segments.push(segment);
    if (meanBatchBytes < PREPARE_BELOW_BYTES) this.#files.prepare(this.#sizeAfter(segment));
  }

  #timedSync(file: SegmentFile): void {
    const started = this.#files.nowMicros();
    file.sync();
    const micros = this.#files.nowMicros() - started;
    this.#stats.syncCount++;
    this.#stats.syncMicrosTotal += micros;
    if (micros > this.#stats.syncMicrosMax) this.#stats.syncMicrosMax = micros;
  }

  /** Whatever fails in here ends the log for good: nobody knows any more what the disk holds. */
  #attempt<T>(what: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.#failure = storageError(this.#files.path, what, error);
      throw this.#failure;
    }
  }
}

/** Damage and versions keep their own codes; everything else is `STORAGE`. */
function storageError(path: string, what: string, cause: unknown): ConclaveError {
  if (cause instanceof ConclaveError) return cause;
  const isFull = (cause as { code?: unknown } | null)?.code === 'ENOSPC';
  const advice = isFull ? 'the disk is full: free space on it, then restart' : messageOf(cause);
  return new ConclaveError('STORAGE', `the log in ${path} failed to ${what}: ${advice}`, { cause });
}
