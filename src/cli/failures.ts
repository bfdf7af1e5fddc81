/** How a failure of any kind reaches the user: an exit code, a stable code and one message. */
import { ConclaveError, messageOf } from '../errors.js';
import type { ExitCode } from './command.js';

export interface Failure {
  /** A code of `ERROR_CODES`, or the operating system's (`ENOSPC`). */
  readonly code: string;
  readonly message: string;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof ConclaveError) return { code: error.code, message: error.message };
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) {
    return { code, message: messageOf(error) };
  }
  return {
    code: 'INTERNAL',
    message: `${messageOf(error)} (a bug in Conclave; --verbose shows where)`,
  };
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof ConclaveError && error.code === 'USAGE' ? 2 : 1;
}

/** The stacks of an error and of its causes, for `--verbose`. */
export function stackOf(error: unknown): string {
  const stacks: string[] = [];
  const seen = new Set<unknown>();
  let next: unknown = error;
  while (next !== undefined && next !== null && !seen.has(next)) {
    seen.add(next);
    stacks.push(next instanceof Error ? (next.stack ?? next.message) : String(next));
    next = next instanceof Error ? next.cause : undefined;
  }
  return stacks.join('\ncaused by: ');
}
