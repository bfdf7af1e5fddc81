/**
 * What can go wrong outside the program: disks, files, user code, the command line. Every failure
 * that reaches a caller is a `ConclaveError` with a stable `code`; match on the code, not on the
 * message. Programmer errors are plain errors and are fatal where they happen; outcomes that a
 * protocol expects (`notLeader`, `timeout`) are typed values, never exceptions.
 */

/** One row per code; the text says when it occurs. The documentation is made from this table. */
export const ERROR_CODES = {
  USAGE: 'The arguments are wrong; the message says what to write instead.',
  INPUT: 'An input is missing, unreadable or of the wrong form.',
  OUTPUT: 'The output directory cannot be used.',
  APP: 'A user module could not be loaded or lacks what it must export.',
  JOB_FAILED: 'A MapReduce job failed for good.',
  ACTOR_FAILED: 'An actor could not be started, or died and its policy is not to restart it.',
  NO_SUCH_ACTOR: 'No actor or endpoint has this name.',
  NAME_IN_USE: 'An actor or endpoint of this name is alive.',
  TIMEOUT: 'No answer came in time; the outcome is unknown.',
  CLOSED: 'The system or handle has been closed.',
  DATA_LOCKED: 'Another process uses the data directory.',
  DATA_CORRUPT: 'A file on disk is damaged before its end; nothing was changed.',
  DATA_VERSION: 'A file on disk was written by another, incompatible version.',
  STORAGE: 'A write or sync failed; what was not acknowledged may be lost.',
  INTERRUPTED: 'The work was stopped by a signal or an abort.',
  INVARIANT: 'A check of the system against itself failed: a bug.',
  INTERNAL: 'The command line met an error that has no code of its own: a bug.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Base of all errors that a user of the library can meet. */
export class ConclaveError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConclaveError';
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
