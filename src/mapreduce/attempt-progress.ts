/**
 * How far an attempt is, in memory that its thread shares with the actor that started it: written
 * with plain stores at no cost worth naming, read when the actor likes, and still there when the
 * thread has crashed or been killed, so that it can tell which record it was that killed it.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { JobSpec, Progress, RecordId } from '../../machines/mapreduce/job-spec.js';

/** Progress is looked at no more often than this, and ten times within the task time-out. */
const REPORT_MILLIS_MAX = 100;
const REPORT_MILLIS_MIN = 5;

const BYTES = 0;
const RECORDS = 1;
const PAIRS = 2;
/** Number of the input in hand plus one; 0 for none. */
const INPUT = 3;
const OFFSET = 4;
/** 1 while a record is in hand. */
const HAS_RECORD = 5;
const LENGTH = 6;

/** How often progress is looked at. */
export function reportMillis(job: JobSpec): number {
  const tenthMillis = job.taskTimeoutMicros / 10_000;
  return Math.max(REPORT_MILLIS_MIN, Math.min(REPORT_MILLIS_MAX, tenthMillis));
}

export function makeProgressBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT);
}

/** The writing side, in the thread of the attempt. */
export class ProgressWriter {
  readonly #cells: Float64Array;
  /** The same as in its cell: what is added to so often is not read back each time. */
  #pairs = 0;
  #file: number | undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Float64Array(buffer);
  }

  /**
   * Keeps the input and the record in hand in a file too, for shared memory dies with its
   * process. It is not synced: the system keeps it when only the process crashes. `close()` ends
   * it.
   */
  keepPositionIn(path: string): void {
    this.#file = openSync(path, 'w');
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  addBytes(bytes: number): void {
    this.#add(BYTES, bytes);
  }

  addRecords(records: number): void {
    this.#add(RECORDS, records);
  }

  addPair(): void {
    this.#cells[PAIRS] = ++this.#pairs;
  }

  get pairs(): number {
    return this.#pairs;
  }

  get records(): number {
    return this.#cells[RECORDS] as number;
  }

  get bytes(): number {
    return this.#cells[BYTES] as number;
  }

  beginInput(input: number): void {
    this.#cells[INPUT] = input + 1;
    this.#cells[HAS_RECORD] = 0;
    this.#keepPosition();
  }

  beginRecord(offset: number): void {
    this.#cells[OFFSET] = offset;
    this.#cells[HAS_RECORD] = 1;
    this.#keepPosition();
  }

  endInput(): void {
    this.#cells[INPUT] = 0;
    this.#cells[HAS_RECORD] = 0;
    this.#keepPosition();
  }

  #keepPosition(): void {
    if (this.#file !== undefined) writeSync(this.#file, this.#cells, 0, undefined, 0);
  }

  #add(cell: number, amount: number): void {
    this.#cells[cell] = (this.#cells[cell] as number) + amount;
  }
}

export interface Position {
  /** The input in hand; undefined when there is none. */
  readonly input: number | undefined;
  /** The record in hand, where the app goes record by record. */
  readonly record: RecordId | undefined;
}

/** The reading side, in the thread of the actor. */
export class ProgressReader {
  readonly #cells: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Float64Array(buffer);
  }

  get position(): Position {
    const inHand = this.#cells[INPUT] as number;
    if (inHand === 0) return { input: undefined, record: undefined };
    const input = inHand - 1;
    if (this.#cells[HAS_RECORD] === 0) return { input, record: undefined };
    return { input, record: { input, offset: this.#cells[OFFSET] as number } };
  }

  read(): Progress {
    const { record } = this.position;
    return {
      bytes: this.#cells[BYTES] as number,
      records: this.#cells[RECORDS] as number,
      pairs: this.#cells[PAIRS] as number,
      ...(record === undefined ? {} : { record }),
    };
  }
}
