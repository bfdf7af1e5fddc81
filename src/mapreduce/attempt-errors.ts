/**
 * How an attempt can fail, as exceptions inside the thread that runs it. At its border they become
 * an `AttemptFailure` (attempt-worker.ts), which is what the coordinator decides upon.
 */
import type { AttemptId } from '../../machines/mapreduce/job-spec.js';

/** An input could not be read or a result not written. */
export class IoError extends Error {}

/** A section of a map's output is missing, short or damaged. */
export class InputLostError extends Error {
  readonly lostMap: AttemptId;

  constructor(lostMap: AttemptId, message: string) {
    super(message);
    this.lostMap = lostMap;
  }
}

/** A line or word that the heap of the thread cannot hold. */
export class TooLargeError extends Error {}

/** A key or value that no output line can hold. No other attempt could do better. */
export class BadOutputError extends Error {}

/** The app's module cannot be loaded. */
export class AppError extends Error {}

/** The module was loaded, but lacks what an app must export. */
export class WrongExportsError extends AppError {}
