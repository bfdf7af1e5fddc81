/**
 * The log under `StoragePort`: what one actor wrote, in order, and gets back after a restart. Three
 * implementations share this contract: disk, memory, and the simulated disk with faults.
 *
 * A turn of an actor appends any number of records and then syncs once: the records of one sync
 * are a batch, written by one write and made durable by one sync. A crash keeps a prefix of the
 * batches that holds every batch whose sync returned.
 */

/** A record is at most this long; longer ones are a programmer error. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024;

/** Whether a sync waits for the disk. `never`: a power failure may lose or damage the log's end. */
export type FsyncPolicy = 'always' | 'never';

/** What a log has done since it was opened. */
export interface LogStats {
  /** Records appended, written or not. */
  readonly recordCount: number;
  /** Batches written. */
  readonly batchCount: number;
  /** Bytes written, with all headers, without the zeros of preallocation. */
  readonly writtenBytes: number;
  readonly syncCount: number;
  /** The longest sync, without its write; 0 in memory. */
  readonly syncMicrosMax: number;
  readonly syncMicrosTotal: number;
}

export interface ActorLog {
  /**
   * What earlier lives wrote and the disk still has, oldest first; may be asked for once, before
   * the first append. Read lazily: memory is bounded by one batch. Records are views of buffers
   * that are never reused. Throws `DATA_CORRUPT` at damage that no torn write explains, having
   * changed nothing. What is left unread is checked by the first `append`.
   */
  records(): Iterable<Uint8Array>;
  /**
   * Adds a record, given whole or in parts, which are copied. `token` is whatever the caller
   * counts by, and increases. Returns the record's sequence number: 1 for the first record of the
   * log, one more for each.
   */
  append(record: Uint8Array | readonly Uint8Array[], token: number): number;
  /**
   * Makes all that was appended durable; returns the token of the last record that is. Throws
   * `STORAGE` if it cannot: then, and for good, every method throws; only a new life that reads
   * the disk again knows what it holds.
   */
  sync(): number;
  /**
   * Lets go of records with a sequence below `sequence`, as far as whole segments hold nothing
   * else. Call it only when what replaces them is durable, and after writing again (and syncing)
   * whatever in them is still valid.
   */
  truncateBefore(sequence: number): void;
  /** The sequence of the oldest record that the log still has, or will have. */
  firstSequence(): number;
  stats(): LogStats;
  /** Makes what was appended durable, unless the log has failed, and lets go of all files. */
  close(): void;
}

/** The length of a record in parts. */
export function recordBytes(record: Uint8Array | readonly Uint8Array[]): number {
  if (record instanceof Uint8Array) return record.length;
  let length = 0;
  for (const part of record) length += part.length;
  return length;
}

/** Throws on a record that no log takes. */
export function assertRecordBytes(length: number): void {
  if (length > RECORD_BYTES_MAX) {
    throw new RangeError(`a record of ${length} bytes exceeds the limit of ${RECORD_BYTES_MAX}`);
  }
}
