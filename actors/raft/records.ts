/**
 * What a node writes, and what it makes of it when it starts again. Hard state, entries and
 * snapshots are records of one stream: what follows replaces what was before. A crash keeps a
 * prefix of the records, so that whatever is there is consistent; a snapshot counts only when its
 * last record, the marker, is there.
 */
import type { Configuration } from '../../machines/raft/configuration.js';
import type { RaftEffect } from '../../machines/raft/effects.js';
import {
  appendTo,
  compactTo,
  type LogMetadata,
  logAfter,
  runsOf,
  type SnapshotMetadata,
  type TermCount,
} from '../../machines/raft/log-metadata.js';
import { array, count, flag, MalformedMessage, text } from '../codec/fields.js';
import type { LogCache } from '../log-cache.js';
import type { StoragePort } from '../ports.js';
import { fromConfiguration, readEntries, toConfiguration } from './entries.js';
import { headerOf, splitHeader } from './framing.js';
import type { SnapshotStore } from './snapshot-store.js';
import { toRuns } from './wire.js';

const HARD_STATE = 0;
const ENTRIES = 1;
const PIECE = 2;
const MARKER = 3;

/** A record holds at most about this much of a log's tail, or of a snapshot. */
const RECORD_BYTES = 1024 * 1024;

type PersistSnapshot = Extract<RaftEffect, { type: 'persistSnapshot' }>;

export function hardStateRecord(currentTerm: number, votedFor: string | null): Uint8Array {
  return headerOf([HARD_STATE, currentTerm, votedFor]);
}

/** What stands before the entries from `first` on, which replace all that the log has there. */
export function entriesHeader(first: number, runs: readonly TermCount[]): Uint8Array {
  return headerOf([ENTRIES, first, runs]);
}

/** Writes a snapshot and, behind it, the entries that it does not cover: one turn, one sync. */
export function writeSnapshot(
  effect: PersistSnapshot,
  bytes: Uint8Array,
  log: LogCache,
  storage: StoragePort,
): void {
  const { snapshot, currentTerm, votedFor, isReset } = effect;
  let token = effect.firstToken;
  for (let at = 0; at < bytes.byteLength; at += RECORD_BYTES) {
    const piece = bytes.subarray(at, at + RECORD_BYTES);
    storage.write([headerOf([PIECE, snapshot.index, at]), piece], token++);
  }
  const { index, term, configuration } = snapshot;
  const members = fromConfiguration(configuration);
  const marker = [MARKER, index, term, members, bytes.byteLength, isReset, currentTerm, votedFor];
  const last = effect.log.lastIndex;
  const hasTail = last > index;
  storage.write(headerOf(marker), hasTail ? token++ : effect.token);
  let first = index + 1;
  while (first <= last) {
    const end = endOfRecord(log, first, last);
    const header = entriesHeader(first, runsOf(effect.log, first, end));
    storage.write([header, ...log.slice(first, end)], end === last ? effect.token : token++);
    first = end + 1;
  }
}

/** The last entry of a record that begins at `first`. */
function endOfRecord(log: LogCache, first: number, last: number): number {
  let bytes = 0;
  let end = first;
  log.forEach(first, last, (index, entry) => {
    bytes += entry.byteLength;
    if (index === first || bytes <= RECORD_BYTES) end = index;
  });
  return end;
}

/** What a life begins with. */
export interface Recovered {
  readonly currentTerm: number;
  readonly votedFor: string | null;
  readonly log: LogMetadata;
}

/** Reads the records of earlier lives, and fills the log cache and the snapshot store. */
export function recover(
  records: Iterable<Uint8Array>,
  initial: Configuration,
  log: LogCache,
  snapshots: SnapshotStore,
): Recovered {
  const recovery = new Recovery(initial, log, snapshots);
  for (const record of records) recovery.read(record);
  return recovery.finish();
}

class Recovery {
  readonly #cache: LogCache;
  readonly #snapshots: SnapshotStore;
  #currentTerm = 0;
  #votedFor: string | null = null;
  #log: LogMetadata;
  /** The log begins in the middle: the records before were let go, a snapshot must follow. */
  #lacksStart = false;

  constructor(initial: Configuration, cache: LogCache, snapshots: SnapshotStore) {
    this.#log = logAfter({ index: 0, term: 0, configuration: initial });
    this.#cache = cache;
    this.#snapshots = snapshots;
  }

  read(record: Uint8Array): void {
    const { fields, rest } = splitHeader(record);
    const [kind, ...more] = array(fields, 3);
    if (kind === HARD_STATE) this.#takeHardState(more[0], more[1]);
    else if (kind === ENTRIES) this.#takeEntries(more, rest);
    else if (kind === PIECE) this.#snapshots.addPiece(count(more[1]), rest);
    else if (kind === MARKER) this.#takeMarker(array(more, 7));
    else throw new MalformedMessage(`a record of kind ${String(kind)}`);
  }

  finish(): Recovered {
    this.#snapshots.dropPieces();
    if (this.#lacksStart) throw new MalformedMessage('the log begins behind its last snapshot');
    return { currentTerm: this.#currentTerm, votedFor: this.#votedFor, log: this.#log };
  }

  #takeHardState(term: unknown, vote: unknown): void {
    this.#currentTerm = count(term);
    this.#votedFor = vote === null ? null : text(vote);
  }

  #takeEntries([first, runs]: readonly unknown[], packed: Uint8Array): void {
    const from = count(first);
    if (from > this.#log.lastIndex + 1 || from < this.#log.firstIndex) {
      this.#lacksStart = true;
      this.#restart({ ...this.#log.snapshot, index: from - 1 });
    }
    const { count: entryCount, configurations } = readEntries(packed, from);
    this.#cache.cutAfter(from - 1);
    this.#cache.append(from, entryCount, packed);
    this.#log = appendTo(this.#log, {
      first: from,
      runs: toRuns(runs, Number.MAX_SAFE_INTEGER),
      configurations,
      sizeBytes: packed.byteLength,
    });
  }

  #takeMarker(fields: readonly unknown[]): void {
    const [index, term, members, sizeBytes, isReset, currentTerm, vote] = fields;
    const configuration = toConfiguration(members);
    const metadata = { index: count(index), term: count(term), configuration };
    const bytes = this.#snapshots.takePieces();
    if (bytes.byteLength !== count(sizeBytes)) {
      throw new MalformedMessage(`a snapshot of ${bytes.byteLength} bytes instead of ${sizeBytes}`);
    }
    this.#snapshots.put({ metadata, bytes });
    this.#takeHardState(currentTerm, vote);
    const covers = this.#log.lastIndex >= metadata.index && this.#log.firstIndex <= metadata.index;
    if (flag(isReset) || this.#lacksStart || !covers) this.#restart(metadata);
    else {
      this.#log = compactTo(this.#log, metadata);
      this.#cache.compactTo(metadata.index);
    }
    this.#lacksStart = false;
  }

  #restart(snapshot: SnapshotMetadata): void {
    this.#log = logAfter(snapshot);
    this.#cache.reset(snapshot.index);
  }
}
