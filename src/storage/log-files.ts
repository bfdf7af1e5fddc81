/**
 * What a segmented log needs of a disk: a directory of segment files. Implemented by
 * `node-files.ts` and, with faults, by `simulated-disk.ts`; the log above is the same code on both.
 */

export interface SegmentFile {
  /** How messages name the file. */
  readonly path: string;
  /** Its present length. */
  sizeBytes(): number;
  /** A buffer of its own with `length` bytes from `offset`; beyond the end of the file, zeros. */
  read(offset: number, length: number): Uint8Array;
  /** Writes all of `bytes` or throws. They are copied or written before it returns. */
  write(offset: number, bytes: Uint8Array): void;
  /** Makes what was written durable, or throws; after a throw nobody knows what the disk holds. */
  sync(): void;
  close(): void;
}

export interface LogFiles {
  /** How messages name the directory. */
  readonly path: string;
  /** The names of all published segments, sorted; removes files that were never published. */
  list(): readonly string[];
  open(name: string): SegmentFile;
  /** A new file that reads as zeros, at least `sizeBytes` long, without a name yet. */
  create(sizeBytes: number): SegmentFile;
  /** Gives a created and synced file its name, durably. */
  publish(file: SegmentFile, name: string): void;
  /** Removes a published file, durably. */
  remove(name: string): void;
  /** Makes earlier publishing and removing durable. */
  syncDirectory(): void;
  /** A hint that `create` will soon be called with this size. */
  prepare(sizeBytes: number): void;
  close(): void;
  /** Microseconds on a clock that never goes back, for the statistics. */
  nowMicros(): number;
}
