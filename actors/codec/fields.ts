/**
 * What decoders are made of: each takes one field of a message and throws `MalformedMessage` unless
 * it is what the machines rely on. An actor drops such a message with a log line.
 */
import { decode } from './positional.js';

/** A payload that no version of this program has sent. */
export class MalformedMessage extends Error {
  constructor(what: string) {
    super(`malformed message: ${what}`);
    this.name = 'MalformedMessage';
  }
}

export function unpack(bytes: Uint8Array): unknown {
  try {
    return decode(bytes);
  } catch {
    throw new MalformedMessage('these bytes are no message');
  }
}

export function array(value: unknown, lengthMin: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= lengthMin) return value;
  throw new MalformedMessage(`a list of at least ${lengthMin} is expected`);
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new MalformedMessage('a text is expected');
}

/** An integer that is not negative. */
export function count(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new MalformedMessage('a whole number is expected');
}

export function flag(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new MalformedMessage('true or false is expected');
}
