/** What the disks of the scenario `pipeline` hold, read record by record as they get there. */
import { decode } from '../../../actors/codec/positional.js';
import { unpackEntries } from '../../../actors/log-cache.js';
import { decodeReplicaRecord } from '../../../actors/pipeline/replica-actor.js';

/** The operation in an entry. */
export function textOf(entry: Uint8Array): string {
  return (decode(entry) as [string])[0];
}

export class DurableLog {
  readonly #records: () => readonly Uint8Array[];
  readonly #values: string[] = [''];
  #readCount = 0;

  constructor(records: () => readonly Uint8Array[]) {
    this.#records = records;
  }

  /** The operation at that index; undefined when the log ends before. */
  at(index: number): string | undefined {
    return this.#values[index];
  }

  /** Reads what is new on the disk. Whether entries were cut off. */
  read(): boolean {
    const records = this.#records();
    let isCut = false;
    for (; this.#readCount < records.length; this.#readCount++) {
      const { first, entries } = decodeReplicaRecord(records[this.#readCount] as Uint8Array);
      isCut = first < this.#values.length || isCut;
      this.#values.length = first;
      for (const entry of unpackEntries(entries)) this.#values.push(textOf(entry));
    }
    return isCut;
  }
}
