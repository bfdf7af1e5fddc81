/**
 * One actor's disk. It survives crashes, and has faults: slow, stalling and failing syncs, a full
 * disk, and what a crash does to a write that has not been synced.
 *
 * The model is a list of records, written in batches: one write and one sync for what a turn wrote,
 * the next only when the one before has returned, as the log on a real disk does. A crash keeps all
 * that was synced, and of the batch under way nothing, all, or its first records (a torn tail is
 * cut when the log is opened).
 */
import type { Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import type { Kernel, ScheduledEvent } from './kernel.js';

export interface DiskFaults {
  /** A sync takes this long, plus an exponential of the mean. */
  readonly syncMicros: Micros;
  readonly syncMeanMicros: Micros;
  /** This share of the syncs takes up to `stallMicros` longer. Parts per million. */
  readonly stallPpm: number;
  readonly stallMicros: Micros;
  /** This share of the syncs fails, which is fatal to the actor. Parts per million. */
  readonly failPpm: number;
  /** The disk is full: every write fails. */
  readonly isFull: boolean;
}

export const GOOD_DISK: DiskFaults = {
  syncMicros: 1000,
  syncMeanMicros: 0,
  stallPpm: 0,
  stallMicros: 0,
  failPpm: 0,
  isFull: false,
};

/** Parts in a thousand of the crashes during a sync that keep nothing, and that keep all. */
const KEEPS_NOTHING = 250;
const KEEPS_ALL = 250;

interface Batch {
  readonly records: readonly Uint8Array[];
  readonly upTo: number;
}

/** What the owner of a disk hears; both are called from events of their own. */
export interface DiskOwner {
  synced(upTo: number): void;
  failed(reason: string): void;
}

export class SimDisk {
  readonly #name: string;
  readonly #kernel: Kernel;
  readonly #random: Prng;
  readonly #synced: Uint8Array[] = [];
  #faults: DiskFaults = GOOD_DISK;
  #owner: DiskOwner | undefined;
  #waiting: Batch | undefined;
  #underWay: Batch | undefined;
  #completion: ScheduledEvent | undefined;

  constructor(name: string, kernel: Kernel) {
    this.#name = name;
    this.#kernel = kernel;
    this.#random = kernel.stream(`disk.${name}`);
  }

  get faults(): DiskFaults {
    return this.#faults;
  }

  /** Changes some of the faults; what is under way ends under the new ones. */
  setFaults(faults: Partial<DiskFaults>): void {
    this.#faults = { ...this.#faults, ...faults };
  }

  /** What has been synced and is there, oldest first. */
  records(): readonly Uint8Array[] {
    return this.#synced;
  }

  /** A new life of the actor opens it. */
  open(owner: DiskOwner): void {
    if (this.#owner !== undefined) throw new Error(`two lives of '${this.#name}' write one disk`);
    this.#owner = owner;
  }

  /** Writes a batch, and syncs it as soon as the ones before are done. */
  write(records: readonly Uint8Array[], upTo: number): void {
    const waiting = this.#waiting?.records ?? [];
    this.#waiting = { records: [...waiting, ...records], upTo };
    if (this.#underWay === undefined) this.#begin();
  }

  /** The owner stops cleanly: all that it wrote gets to disk. */
  close(): void {
    for (const batch of [this.#underWay, this.#waiting]) {
      if (batch !== undefined) this.#keep(batch.records);
    }
    this.#letGo();
  }

  /** The owner died, or the power failed. */
  crash(): void {
    const batch = this.#underWay;
    if (batch !== undefined) this.#keep(batch.records.slice(0, this.#drawKept(batch)));
    this.#letGo();
  }

  /** Loses everything, as when a disk is replaced. */
  wipe(): void {
    if (this.#owner !== undefined) throw new Error(`'${this.#name}' is alive: its disk is in use`);
    this.#synced.length = 0;
  }

  #begin(): void {
    const batch = this.#waiting;
    if (batch === undefined) return;
    this.#waiting = undefined;
    this.#underWay = batch;
    const draw = this.#random.below(1_000_000);
    this.#completion = this.#kernel.after(this.#drawLatency(), () => {
      if (this.#faults.isFull || draw < this.#faults.failPpm) this.#fail();
      else this.#complete(batch);
    });
  }

  #complete(batch: Batch): void {
    const { hash } = this.#kernel;
    this.#keep(batch.records);
    this.#underWay = undefined;
    hash.fold(0xd15c);
    hash.foldInteger(this.#kernel.now);
    hash.foldInteger(batch.upTo);
    for (const record of batch.records) hash.foldBytes(record);
    this.#begin();
    this.#owner?.synced(batch.upTo);
  }

  #fail(): void {
    this.#kernel.sometimes(this.#faults.isFull ? 'disk: full' : 'disk: sync failed');
    this.#owner?.failed(this.#faults.isFull ? 'no space left on device' : 'input/output error');
  }

  #drawKept(batch: Batch): number {
    const { length } = batch.records;
    const draw = this.#random.below(1000);
    const kept =
      draw < KEEPS_NOTHING
        ? 0
        : draw < KEEPS_NOTHING + KEEPS_ALL
          ? length
          : this.#random.uniform(0, length);
    this.#kernel.sometimes(
      kept === length
        ? 'disk: un-synced write survived a crash'
        : kept === 0
          ? 'disk: un-synced write lost'
          : 'disk: torn tail',
    );
    return kept;
  }

  #drawLatency(): Micros {
    const { syncMicros, syncMeanMicros, stallPpm, stallMicros } = this.#faults;
    const base = syncMicros + (syncMeanMicros > 0 ? this.#random.exponential(syncMeanMicros) : 0);
    if (!this.#random.chance(stallPpm)) return base;
    this.#kernel.sometimes('disk: stall');
    return base + this.#random.uniform(0, stallMicros);
  }

  #keep(records: readonly Uint8Array[]): void {
    for (const record of records) this.#synced.push(record);
  }

  #letGo(): void {
    if (this.#completion !== undefined) this.#completion.run = undefined;
    this.#completion = undefined;
    this.#underWay = undefined;
    this.#waiting = undefined;
    this.#owner = undefined;
  }
}
