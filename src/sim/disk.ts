/**
 * One actor's disk in virtual time. The log on it is the real one (`src/storage/segmented-log.ts`)
 * on a simulated disk with faults, so that every crash in the simulator tests the real recovery.
 * This file gives syncs their time, and is an oracle of its own: it knows what was synced, and
 * after each restart the log must give back exactly that, with the batch whose sync had not ended
 * whole or not at all.
 */
import { ConclaveError, messageOf } from '../errors.js';
import type { Prng } from '../random/prng.js';
import type { Crc32 } from '../storage/crc32.js';
import {
  type Crash,
  type Failure,
  SimulatedDisk,
  type SimulatedLog,
  SOUND_DISK,
  type DiskFaults as StorageFaults,
} from '../storage/simulated-disk.js';
import type { Kernel, ScheduledEvent } from './kernel.js';

export interface DiskFaults extends StorageFaults {
  /** Syncs do not end, until this is false again. */
  isHung: boolean;
}

export const GOOD_DISK: Readonly<DiskFaults> = {
  ...SOUND_DISK,
  syncMicrosMin: 1000,
  isHung: false,
};

/** Small, so that even short runs pass through several segments. */
const SEGMENT_SIZES = { firstBytes: 1024, maxBytes: 8192 };

/** What the owner of a disk hears; both are called from events of their own. */
export interface DiskOwner {
  synced(upTo: number): void;
  failed(reason: string): void;
}

export class SimDisk {
  readonly #name: string;
  readonly #kernel: Kernel;
  readonly #random: Prng;
  readonly #crc: Crc32 | undefined;
  #disk: SimulatedDisk;
  #isHung = false;
  #owner: DiskOwner | undefined;
  #log: SimulatedLog | undefined;
  /** The end of the sync that is under way. */
  #completion: ScheduledEvent | undefined;
  /** Its time has come, and the disk hangs. */
  #isDue = false;
  /** What the log must have. */
  #durable: Uint8Array[] = [];
  /** Written, and not known to be synced: the log may have all of it or none. */
  #uncertain: readonly Uint8Array[] = [];
  /** Not written yet. */
  #waiting: Uint8Array[] = [];
  #isRotten = false;
  #firstSequence = 1;
  /** Records below need not be there: a failed truncation may have dropped them or not. */
  #forgotten = 1;
  readonly #watchers: ((record: Uint8Array) => void)[] = [];

  constructor(name: string, kernel: Kernel, crc?: Crc32) {
    this.#name = name;
    this.#kernel = kernel;
    this.#random = kernel.stream(`disk.${name}`);
    this.#crc = crc;
    this.#disk = this.#newDisk();
  }

  get faults(): Readonly<DiskFaults> {
    return { ...this.#disk.faults, isHung: this.#isHung };
  }

  /** Changes some of the faults; what is under way ends under the new ones. */
  setFaults({ isHung, ...faults }: Partial<DiskFaults>): void {
    Object.assign(this.#disk.faults, faults);
    if (isHung === undefined) return;
    this.#isHung = isHung;
    if (isHung || !this.#isDue) return;
    this.#isDue = false;
    this.#completion = this.#kernel.after(0, () => this.#end());
  }

  /** The next one of this life fails. */
  failNext(what: Failure): void {
    this.#disk.failNext(what);
  }

  /** What has been synced, oldest first. */
  records(): readonly Uint8Array[] {
    return this.#durable;
  }

  /** The number that the next record gets, of all that this disk was ever given. */
  get nextSequence(): number {
    const { length } = this.#durable;
    return this.#firstSequence + length + this.#uncertain.length + this.#waiting.length;
  }

  /** Sees every record when it is known to be durable, before its owner hears of it. */
  watch(watcher: (record: Uint8Array) => void): void {
    this.#watchers.push(watcher);
  }

  /** Drops records with a number below `sequence`, as far as the log can. Throws `STORAGE`. */
  truncateBefore(sequence: number): void {
    const { log } = this.#openLog();
    this.#forgotten = Math.max(this.#forgotten, sequence);
    log.truncateBefore(sequence);
    this.#letGo(log.firstSequence());
  }

  /**
   * A new life of the actor opens it, and gets what the log has. Throws the log's `ConclaveError`:
   * `STORAGE` for now, `DATA_CORRUPT` for good; then nothing is open.
   */
  open(owner: DiskOwner): readonly Uint8Array[] {
    if (this.#owner !== undefined) throw new Error(`two lives of '${this.#name}' write one disk`);
    const found = this.#recover();
    this.#owner = owner;
    this.#settle(found);
    return found;
  }

  /** Writes a batch, and syncs it as soon as the one before is done. Throws `STORAGE`. */
  write(records: readonly Uint8Array[], upTo: number): void {
    const log = this.#openLog();
    for (const record of records) {
      log.append(record, upTo);
      this.#waiting.push(record);
    }
    this.#begin();
  }

  /** The owner stops cleanly: all that it wrote gets to disk, if the disk can. */
  close(): void {
    const log = this.#openLog();
    try {
      if (this.#completion !== undefined || this.#isDue) this.#complete();
      if (this.#waiting.length > 0) {
        this.#flush();
        this.#complete();
      }
      log.log.close();
    } catch (error) {
      this.#count(error);
    }
    this.crash('process');
  }

  /** The owner died, or the power failed; also when there was no owner. */
  crash(kind: Crash): void {
    if (this.#completion !== undefined) this.#completion.run = undefined;
    this.#completion = undefined;
    this.#isDue = false;
    this.#waiting = [];
    this.#owner = undefined;
    this.#log = undefined;
    this.#disk.crash(kind);
  }

  /**
   * Flips a bit in what was synced before the last batch: damage that the next life must see.
   * False when there is nothing that could rot so.
   */
  rot(): boolean {
    const before = this.#log?.log.lastBatchOffset();
    if (before === undefined || this.#durable.length < 2) return false;
    this.#isRotten = this.#disk.rot(before) !== undefined || this.#isRotten;
    return this.#isRotten;
  }

  /** Loses everything, as when a disk is replaced. */
  wipe(): void {
    if (this.#owner !== undefined) throw new Error(`'${this.#name}' is alive: its disk is in use`);
    const { faults } = this.#disk;
    this.#disk = this.#newDisk();
    Object.assign(this.#disk.faults, faults);
    this.#durable = [];
    this.#firstSequence = 1;
    this.#forgotten = 1;
    this.#uncertain = [];
    this.#isRotten = false;
  }

  #newDisk(): SimulatedDisk {
    const { isHung: _, ...faults } = GOOD_DISK;
    return new SimulatedDisk({
      name: this.#name,
      random: this.#random,
      faults,
      segmentSizes: SEGMENT_SIZES,
      ...(this.#crc !== undefined && { crc: this.#crc }),
    });
  }

  #recover(): Uint8Array[] {
    try {
      const log = this.#disk.open();
      const found = [...log.records()];
      this.#log = log;
      if (log.log.tornBytes() > 0) this.#kernel.sometimes('disk: torn tail');
      return found;
    } catch (error) {
      this.#disk.crash('process');
      this.#count(error);
      throw error;
    }
  }

  /** The log's answer decides what became of the last batch; anything else is a bug. */
  #settle(found: readonly Uint8Array[]): void {
    const first = this.#openLog().log.firstSequence();
    if (first <= this.#forgotten) this.#letGo(first);
    const all = [...this.#durable, ...this.#uncertain];
    const isKept = found.length > this.#durable.length;
    if (!isSame(found, isKept ? all : this.#durable)) {
      const wanted = `${this.#durable.length} or ${all.length}`;
      this.#kernel.violate(
        'disk.recovery',
        `'${this.#name}' read ${found.length} records, not the ${wanted} that were written`,
      );
    }
    if (this.#uncertain.length > 0) {
      const what = isKept ? 'survived a crash' : 'lost';
      this.#kernel.sometimes(`disk: un-synced write ${what}`);
    }
    if (isKept) for (const record of this.#uncertain) this.#keep(record);
    this.#uncertain = [];
  }

  #openLog(): SimulatedLog {
    if (this.#log === undefined) throw new Error(`'${this.#name}' uses a disk that is not open`);
    return this.#log;
  }

  #begin(): void {
    if (this.#completion !== undefined || this.#isDue || this.#waiting.length === 0) return;
    try {
      const micros = this.#flush();
      this.#completion = this.#kernel.after(micros, () => this.#end());
    } catch (error) {
      this.#count(error);
      throw error;
    }
  }

  #flush(): number {
    this.#uncertain = this.#waiting;
    this.#waiting = [];
    const micros = this.#openLog().begin() ?? 0;
    const { stallMicros } = this.#disk.faults;
    if (stallMicros > 0 && micros >= stallMicros) this.#kernel.sometimes('disk: stall');
    return micros;
  }

  /** The time of the sync is over. */
  #end(): void {
    this.#completion = undefined;
    if (this.#isHung) {
      this.#kernel.sometimes('disk: hung');
      this.#isDue = true;
      return;
    }
    const owner = this.#owner;
    try {
      const upTo = this.#complete();
      this.#begin();
      owner?.synced(upTo);
    } catch (error) {
      if (!(error instanceof ConclaveError)) throw error;
      if (error.code !== 'STORAGE') throw error;
      this.#count(error);
      owner?.failed(messageOf(error));
    }
  }

  #complete(): number {
    const upTo = this.#openLog().complete();
    const { hash, now } = this.#kernel;
    hash.fold(0xd15c);
    hash.foldInteger(now);
    hash.foldInteger(upTo);
    for (const record of this.#uncertain) {
      hash.foldBytes(record);
      this.#keep(record);
    }
    this.#uncertain = [];
    return upTo;
  }

  #letGo(first: number): void {
    this.#durable.splice(0, Math.max(0, first - this.#firstSequence));
    this.#firstSequence = Math.max(first, this.#firstSequence);
  }

  #keep(record: Uint8Array): void {
    this.#durable.push(record);
    for (const watcher of this.#watchers) watcher(record);
  }

  #count(error: unknown): void {
    if (!(error instanceof ConclaveError)) throw error;
    if (error.code === 'STORAGE') {
      const isFull = (error.cause as { code?: unknown } | undefined)?.code === 'ENOSPC';
      this.#kernel.sometimes(isFull ? 'disk: full' : 'disk: write or sync failed');
      return;
    }
    this.#kernel.sometimes('disk: damage refused');
    if (!this.#isRotten) this.#kernel.violate('disk.recovery', error.message);
  }
}

function isSame(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, at) => isEqual(bytes, b[at] as Uint8Array));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
