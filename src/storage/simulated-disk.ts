/**
 * The disk of one actor in the simulator: it outlives the actor's lives, and fails in the ways that
 * `DiskFaults` names. The log on it is the real one, so that the simulator tests the real recovery.
 *
 * The model has two layers. A write changes the cache; a sync carries it to the platter. A crash of
 * the process loses neither; a power failure leaves what was synced and a random part of the rest:
 * nothing, all up to some byte, or any subset of 512-byte sectors. A sync that fails carries such a
 * part over and forgets the rest, while the cache goes on showing all of it and the next sync
 * succeeds (fsyncgate). All chance comes from the stream given at construction.
 */
import type { Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import type { FsyncPolicy } from './actor-log.js';
import { type Crc32, crc32 } from './crc32.js';
import type { LogFiles, SegmentFile } from './log-files.js';
import { LOG_ID_BYTES } from './log-format.js';
import { SegmentedLog, type SegmentSizes } from './segmented-log.js';
import { Directory, Image } from './simulated-files.js';

/**
 * How often and how the disk misbehaves by itself; chances in millionths. May be changed any
 * time.
 */
export interface DiskFaults {
  /** A sync takes this long at least. */
  syncMicrosMin: Micros;
  /** The mean of what it takes beyond that, exponentially distributed. */
  syncMicrosMean: Micros;
  /** Chance that a sync takes `stallMicros` more. */
  stallChance: number;
  stallMicros: Micros;
  /** Chance that a sync fails. */
  syncFailureChance: number;
  /** Chance that a write fails, having done a part of it. */
  writeFailureChance: number;
  /** No new segment can be made. Segments that are there can be written: they are allocated. */
  isFull: boolean;
}

export const SOUND_DISK: Readonly<DiskFaults> = {
  syncMicrosMin: 100,
  syncMicrosMean: 0,
  stallChance: 0,
  stallMicros: 0,
  syncFailureChance: 0,
  writeFailureChance: 0,
  isFull: false,
};

/** What ends a life: the process alone, or the machine's power. */
export type Crash = 'process' | 'power';

/** What can be made to fail: a write, the sync of a file, or of the directory. */
export type Failure = 'write' | 'sync' | 'directory';

export interface SimulatedDiskOptions {
  /** How messages name the disk. */
  readonly name: string;
  readonly random: Prng;
  readonly faults?: Partial<DiskFaults>;
  readonly fsync?: FsyncPolicy;
  /** Small by default, so that logs pass through several. */
  readonly segmentSizes?: SegmentSizes;
  /** On Node `zlib.crc32` is faster, and the same. */
  readonly crc?: Crc32;
}

/** What a failing disk throws; the log makes a `ConclaveError` of it. */
class DiskError extends Error {
  readonly code: 'EIO' | 'ENOSPC';

  constructor(code: 'EIO' | 'ENOSPC', message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

export class SimulatedDisk {
  readonly name: string;
  readonly faults: DiskFaults;
  readonly #options: SimulatedDiskOptions;
  readonly #random: Prng;
  readonly #directory = new Directory();
  #life: Life | undefined;
  #willFail: Failure | undefined;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.#random = options.random;
    this.name = options.name;
    this.faults = { ...SOUND_DISK, ...options.faults };
  }

  /** Begins a life on this disk; the one before must have crashed or been closed. */
  open(): SimulatedLog {
    if (this.#life?.isOver === false) throw new Error(`disk ${this.name} has a writer already`);
    const life = new Life(this, this.#directory);
    this.#life = life;
    const { fsync = 'always', crc = crc32 } = this.#options;
    const segmentSizes = this.#options.segmentSizes ?? { firstBytes: 16_384, maxBytes: 65_536 };
    const logId = Uint8Array.from({ length: LOG_ID_BYTES }, () => this.#random.below(256));
    try {
      const log = new SegmentedLog({ files: life, crc, logId, fsync, segmentSizes });
      return new SimulatedLog(log, () => this.#drawSync());
    } catch (error) {
      life.isOver = true;
      throw error;
    }
  }

  /**
   * Ends the life, at this instant; what the disk holds is what the next one finds. A life whose
   * log has thrown must be ended so too, as `process`, before the next one opens the disk.
   */
  crash(kind: Crash): void {
    this.#willFail = undefined;
    if (this.#life !== undefined) this.#life.isOver = true;
    if (kind === 'power') this.#directory.losePower(this.#random);
  }

  /** The next one of this life fails, whatever the chances say. */
  failNext(what: Failure): void {
    this.#willFail = what;
  }

  /**
   * Flips a random bit of what is on the platter. Says where; undefined if the disk is empty.
   * `before`: only in bytes before this offset of the last segment.
   */
  rot(before = Number.POSITIVE_INFINITY): { path: string; offset: number } | undefined {
    const names = this.#directory.names();
    if (names.length === 0) return undefined;
    const name = this.#random.pick(names);
    const image = this.#directory.find(name);
    const isLast = name === names.at(-1);
    const length = isLast ? Math.min(before, image.sizeBytes) : image.sizeBytes;
    if (length === 0) return undefined;
    const offset = this.#random.below(length);
    image.flip(offset, this.#random.below(8));
    return { path: `${this.name}/${name}`, offset };
  }

  /** For the life's files: whether this operation fails. */
  drawFailure(what: Failure): boolean {
    if (this.#willFail === what) {
      this.#willFail = undefined;
      return true;
    }
    const { writeFailureChance, syncFailureChance } = this.faults;
    return this.#chance(what === 'write' ? writeFailureChance : syncFailureChance);
  }

  /** For the life's files: the source of all chance. */
  get random(): Prng {
    return this.#random;
  }

  #drawSync(): Micros {
    const { syncMicrosMin, syncMicrosMean, stallChance, stallMicros } = this.faults;
    const usual = syncMicrosMean > 0 ? this.#random.exponential(syncMicrosMean) : 0;
    return syncMicrosMin + usual + (this.#chance(stallChance) ? stallMicros : 0);
  }

  /** Draws nothing where nothing can happen: a fault switched off must not shift the stream. */
  #chance(millionths: number): boolean {
    return millionths > 0 && this.#random.chance(millionths);
  }
}

/**
 * The log of one life, for a host whose syncs take time. Per turn: `append` for each record, then
 * `begin()`; that long afterwards `complete()`, and `begin()` again for what came meanwhile.
 */
export class SimulatedLog {
  /** For reading, truncating and statistics. */
  readonly log: SegmentedLog;
  readonly #draw: () => Micros;

  constructor(log: SegmentedLog, draw: () => Micros) {
    this.log = log;
    this.#draw = draw;
  }

  /** As `ActorLog.records`. */
  records(): Iterable<Uint8Array> {
    return this.log.records();
  }

  /** As `ActorLog.append`. */
  append(record: Uint8Array | readonly Uint8Array[], token: number): number {
    return this.log.append(record, token);
  }

  /**
   * Writes what was appended and begins its sync. Returns the microseconds after which the host
   * calls `complete()`; undefined if there is nothing to do, or a sync is under way. Throws
   * `STORAGE` when the write fails: the life is over.
   */
  begin(): Micros | undefined {
    return this.log.flush() ? this.#draw() : undefined;
  }

  /** Ends the sync; returns the last token that is durable. Throws `STORAGE`: the life is over. */
  complete(): number {
    return this.log.settle();
  }
}

/** The files as one life sees them; none of its handles works after it. */
class Life implements LogFiles {
  readonly path: string;
  readonly #disk: SimulatedDisk;
  readonly #directory: Directory;
  isOver = false;

  constructor(disk: SimulatedDisk, directory: Directory) {
    this.#disk = disk;
    this.#directory = directory;
    this.path = disk.name;
  }

  list(): readonly string[] {
    this.#assertAlive();
    return this.#directory.names();
  }

  open(name: string): SegmentFile {
    return this.#handle(`${this.path}/${name}`, this.#directory.find(name));
  }

  create(): SegmentFile {
    this.#assertAlive();
    if (this.#disk.faults.isFull) throw new DiskError('ENOSPC', 'no space left on device');
    return this.#handle(`${this.path}/unnamed`, new Image());
  }

  publish(file: SegmentFile, name: string): void {
    this.#assertAlive();
    this.#directory.change({ name, image: (file as Handle).image });
    this.syncDirectory();
  }

  remove(name: string): void {
    this.#assertAlive();
    this.#directory.change({ name, image: undefined });
    this.syncDirectory();
  }

  syncDirectory(): void {
    this.#assertAlive();
    if (!this.#disk.drawFailure('directory')) {
      this.#directory.sync();
      return;
    }
    this.#directory.loseChanges(this.#disk.random);
    throw new DiskError('EIO', 'input/output error in a sync of the directory');
  }

  prepare(): void {}

  close(): void {
    this.isOver = true;
  }

  /** Syncs take virtual time, which their host knows. */
  nowMicros(): number {
    return 0;
  }

  write(image: Image, offset: number, bytes: Uint8Array): void {
    this.#assertAlive();
    if (!this.#disk.drawFailure('write')) {
      image.write(offset, bytes);
      return;
    }
    image.write(offset, bytes.subarray(0, this.#disk.random.below(bytes.length)));
    throw new DiskError('EIO', 'input/output error in a write');
  }

  sync(image: Image): void {
    this.#assertAlive();
    if (!this.#disk.drawFailure('sync')) {
      image.sync();
      return;
    }
    image.loseChanges(this.#disk.random);
    throw new DiskError('EIO', 'input/output error in a sync');
  }

  #handle(path: string, image: Image): Handle {
    this.#assertAlive();
    return new Handle(this, path, image);
  }

  #assertAlive(): void {
    if (this.isOver) throw new Error(`a life that is over uses the disk ${this.path}`);
  }
}

class Handle implements SegmentFile {
  readonly path: string;
  readonly image: Image;
  readonly #life: Life;

  constructor(life: Life, path: string, image: Image) {
    this.#life = life;
    this.path = path;
    this.image = image;
  }

  sizeBytes(): number {
    return this.image.sizeBytes;
  }

  read(offset: number, length: number): Uint8Array {
    return this.image.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#life.write(this.image, offset, bytes);
  }

  sync(): void {
    this.#life.sync(this.image);
  }

  close(): void {}
}
