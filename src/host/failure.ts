/**
 * What an actor died of, as plain data that crosses threads: structured cloning keeps neither the
 * class nor the code of an error, and refuses what is no plain data.
 */
import { ConclaveError, ERROR_CODES, type ErrorCode, messageOf } from '../errors.js';

export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Of a `ConclaveError`. */
  readonly code?: ErrorCode;
  readonly cause?: Failure;
}

/** Anything that was thrown, as plain data. Causes are kept up to `depth`. */
export function describeFailure(thrown: unknown, depth = 4): Failure {
  if (!(thrown instanceof Error)) return { name: 'Error', message: messageOf(thrown) };
  const { name, message, stack, cause } = thrown;
  const code = (thrown as { code?: unknown }).code;
  return {
    name: String(name),
    message: String(message),
    ...(typeof stack === 'string' && { stack }),
    ...(isErrorCode(code) && { code }),
    ...(cause !== undefined && depth > 0 && { cause: describeFailure(cause, depth - 1) }),
  };
}

/** The error again: a `ConclaveError` if it was one, else an `Error` of that name. */
export function failureError(failure: Failure): Error {
  const { name, message, stack, code } = failure;
  const options = failure.cause === undefined ? {} : { cause: failureError(failure.cause) };
  const error =
    code === undefined ? new Error(message, options) : new ConclaveError(code, message, options);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}
