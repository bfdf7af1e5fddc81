/**
 * The log in memory, with the labs' persister's byte counts. It outlives an actor's life if its
 * owner keeps it and passes `survivors()` to the next one; un-synced records die with their life.
 */
import { type ActorLog, assertRecordBytes, type LogStats, recordBytes } from './actor-log.js';

/** What a life leaves to the next. */
export interface MemoryContents {
  readonly firstSequence: number;
  readonly records: readonly Uint8Array[];
}

export class MemoryLog implements ActorLog {
  #records: Uint8Array[];
  #firstSequence: number;
  #syncedCount: number;
  #bytes = 0;
  #appended = 0;
  #isClosed = false;
  #stats = { recordCount: 0, batchCount: 0, writtenBytes: 0 };

  constructor(contents: MemoryContents = { firstSequence: 1, records: [] }) {
    this.#records = [...contents.records];
    this.#firstSequence = contents.firstSequence;
    this.#syncedCount = this.#records.length;
    for (const record of this.#records) this.#bytes += record.length;
  }

  /** The payload bytes that the log holds (the labs' `RaftStateSize`). */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** What a crash at this instant leaves. */
  survivors(): MemoryContents {
    const records = this.#records.slice(0, this.#syncedCount);
    return { firstSequence: this.#firstSequence, records };
  }

  records(): Iterable<Uint8Array> {
    return this.#records.slice();
  }

  append(record: Uint8Array | readonly Uint8Array[], token: number): number {
    if (this.#isClosed) throw new Error('the log is closed');
    const whole = new Uint8Array(recordBytes(record));
    assertRecordBytes(whole.length);
    let at = 0;
    for (const part of record instanceof Uint8Array ? [record] : record) {
      whole.set(part, at);
      at += part.length;
    }
    this.#records.push(whole);
    this.#bytes += whole.length;
    this.#appended = token;
    this.#stats.recordCount++;
    return this.#firstSequence + this.#records.length - 1;
  }

  sync(): number {
    const fresh = this.#records.length - this.#syncedCount;
    if (fresh > 0) this.#stats.batchCount++;
    for (const record of this.#records.slice(this.#syncedCount)) {
      this.#stats.writtenBytes += record.length;
    }
    this.#syncedCount = this.#records.length;
    return this.#appended;
  }

  truncateBefore(sequence: number): void {
    const wanted = Math.min(sequence - this.#firstSequence, this.#syncedCount);
    if (wanted <= 0) return;
    for (const record of this.#records.splice(0, wanted)) this.#bytes -= record.length;
    this.#firstSequence += wanted;
    this.#syncedCount -= wanted;
  }

  firstSequence(): number {
    return this.#firstSequence;
  }

  stats(): LogStats {
    return { ...this.#stats, syncCount: 0, syncMicrosMax: 0, syncMicrosTotal: 0 };
  }

  close(): void {
    if (!this.#isClosed) this.sync();
    this.#isClosed = true;
  }
}
