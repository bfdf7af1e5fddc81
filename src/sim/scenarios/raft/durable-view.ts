/**
 * What a node's disk holds, read from the disk itself record by record as they become durable: the
 * oracle's ground truth, independent of what the node believes and of how it recovers.
 */
import { array } from '../../../../actors/codec/fields.js';
import { forEachPacked } from '../../../../actors/log-cache.js';
import { splitHeader } from '../../../../actors/raft/framing.js';
import { hashBytes } from './state-hash.js';

export interface DurableEntry {
  readonly term: number;
  readonly hash: number;
}

/** Told of every entry that reaches a disk, and of every one that is replaced by another. */
export interface DurableWatcher {
  stored(node: string, index: number, entry: DurableEntry, prevTerm: number | undefined): void;
  replaced(node: string, index: number, entry: DurableEntry, by: DurableEntry): void;
  /** The disk's term and vote changed. */
  hardState(node: string, term: number, votedFor: string | null, before: DurableView): void;
  /** A snapshot's last record is there. */
  snapshot(node: string, index: number, term: number): void;
}

const HARD_STATE = 0;
const ENTRIES = 1;
const MARKER = 3;

export class DurableView {
  readonly node: string;
  currentTerm = 0;
  votedFor: string | null = null;
  snapshotIndex = 0;
  snapshotTerm = 0;
  /** The entries behind the snapshot, by index; without holes up to `lastIndex`. */
  readonly #entries = new Map<number, DurableEntry>();
  #lastIndex = 0;

  constructor(node: string) {
    this.node = node;
  }

  get lastIndex(): number {
    return Math.max(this.#lastIndex, this.snapshotIndex);
  }

  /** Undefined when the disk does not have it; the snapshot's own index it has. */
  termAt(index: number): number | undefined {
    if (index === this.snapshotIndex) return this.snapshotTerm;
    return this.#entries.get(index)?.term;
  }

  /** Whether the disk has this very entry, or a snapshot that covers it. */
  holds(index: number, term: number): boolean {
    return index <= this.snapshotIndex || this.#entries.get(index)?.term === term;
  }

  /** A record has become durable. */
  take(record: Uint8Array, watcher: DurableWatcher): void {
    const { fields, rest } = splitHeader(record);
    const [kind, a, b, ...more] = array(fields, 3) as [number, number, unknown, ...unknown[]];
    if (kind === HARD_STATE) this.#hardState(a, b as string | null, watcher);
    if (kind === ENTRIES)
      this.#append(a, b as readonly (readonly [number, number])[], rest, watcher);
    if (kind === MARKER) {
      const [, , isReset, term, vote] = more as [unknown, unknown, boolean, number, string | null];
      this.#install(a, b as number, isReset);
      watcher.snapshot(this.node, a, b as number);
      this.#hardState(term, vote, watcher);
    }
  }

  #hardState(term: number, votedFor: string | null, watcher: DurableWatcher): void {
    watcher.hardState(this.node, term, votedFor, this);
    this.currentTerm = term;
    this.votedFor = votedFor;
  }

  #append(
    first: number,
    runs: readonly (readonly [number, number])[],
    packed: Uint8Array,
    watcher: DurableWatcher,
  ): void {
    const terms = runs.flatMap(([term, count]) => Array<number>(count).fill(term));
    forEachPacked(packed, (bytes, offset) => {
      const index = first + offset;
      const entry = { term: terms[offset] as number, hash: hashBytes(bytes) };
      const old = this.#entries.get(index);
      if (old !== undefined && (old.term !== entry.term || old.hash !== entry.hash)) {
        watcher.replaced(this.node, index, old, entry);
      }
      watcher.stored(this.node, index, entry, this.termAt(index - 1));
      this.#entries.set(index, entry);
    });
    const last = first + terms.length - 1;
    for (let index = last + 1; index <= this.#lastIndex; index++) this.#entries.delete(index);
    this.#lastIndex = last;
  }

  #install(index: number, term: number, isReset: boolean): void {
    for (const at of this.#entries.keys()) {
      if (isReset || at <= index) this.#entries.delete(at);
    }
    if (isReset || this.#lastIndex < index) this.#lastIndex = index;
    this.snapshotIndex = index;
    this.snapshotTerm = term;
  }
}
