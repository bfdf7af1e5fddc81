/** The log on a real disk, as worker threads use it. */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { FsyncPolicy } from './actor-log.js';
import { LOG_ID_BYTES } from './log-format.js';
import { NodeFiles } from './node-files.js';
import { SegmentedLog, type SegmentSizes } from './segmented-log.js';

export interface DiskLogOptions {
  /** An existing directory of the actor's own (`DataDirectory.actorDirectory`). */
  readonly directory: string;
  /** Default `always`. */
  readonly fsync?: FsyncPolicy;
  readonly segmentSizes?: SegmentSizes;
}

/**
 * Opens the log in a directory, or begins one. An actor's earlier life must be over: two writers
 * destroy a log. Throws `DATA_CORRUPT`, `DATA_VERSION`, `STORAGE`.
 */
export function openDiskLog(options: DiskLogOptions): SegmentedLog {
  const { directory, ...rest } = options;
  return new SegmentedLog({
    ...rest,
    files: new NodeFiles(directory),
    crc: crc32,
    logId: randomBytes(LOG_ID_BYTES),
  });
}
