import { test } from 'tap';
import { ConclaveError, ERROR_CODES, type ErrorCode, messageOf } from '../src/errors.js';

test('errors: every failure carries a stable code and its cause', async (t) => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const cause = new Error('the disk is full');
    const error = new ConclaveError(code, 'what was tried', { cause });
    t.equal(error.code, code);
    t.equal(error.cause, cause);
    t.equal(error.name, 'ConclaveError');
    t.ok(error instanceof Error);
  }
});

test('errors: anything thrown has a message', async (t) => {
  t.equal(messageOf(new RangeError('too far')), 'too far');
  t.equal(messageOf('a string'), 'a string');
  t.equal(messageOf(undefined), 'undefined');
});
