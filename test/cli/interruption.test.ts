import { EventEmitter } from 'node:events';
import { test } from 'tap';
import { Interruption } from '../../src/cli/interruption.js';

function listening() {
  let nowMs = 1000;
  const source = new EventEmitter();
  const heard: string[] = [];
  const interruption = new Interruption(() => nowMs);
  interruption.listen(source as unknown as NodeJS.Process, {
    onFirst: () => heard.push('first'),
    onSecond: (exitCode) => heard.push(`second ${exitCode}`),
  });
  const send = (signal: string, atMs: number) => {
    nowMs = atMs;
    source.emit(signal);
  };
  return { interruption, heard, send };
}

test('signals: the first aborts with its exit code, the second ends at once', (t) => {
  const { interruption, heard, send } = listening();
  t.equal(interruption.exitCode, undefined);
  t.equal(interruption.signal.aborted, false);
  send('SIGTERM', 1000);
  t.equal(interruption.exitCode, 143);
  t.match(interruption.signal.reason, { code: 'INTERRUPTED', message: 'stopped by SIGTERM' });
  t.same(heard, ['first']);
  send('SIGINT', 1200);
  t.same(heard, ['first', 'second 130']);
  t.equal(interruption.exitCode, 143, 'the first one says why the work ended');
  t.end();
});

test('signals: one Ctrl-C that npm passes on a second time is one request', (t) => {
  const { heard, send } = listening();
  send('SIGINT', 1000);
  send('SIGINT', 1004);
  t.same(heard, ['first']);
  send('SIGINT', 2000);
  t.same(heard, ['first', 'second 130']);
  t.end();
});

test('signals: closed output aborts without an exit code', (t) => {
  const { interruption } = listening();
  interruption.abandon();
  t.equal(interruption.exitCode, undefined);
  t.match(interruption.signal.reason, { code: 'INTERRUPTED' });
  t.end();
});
