import { test } from 'tap';
import { ConclaveError } from '../../src/errors.js';
import { Directory, MAX_ADDRESSES, NOWHERE } from '../../src/host/directory.js';
import { describeFailure, failureError } from '../../src/host/failure.js';
import { Supervisor } from '../../src/host/supervision.js';

test('directory: every thread sees names, places and lives that the main thread writes', (t) => {
  const main = new Directory();
  const thread = new Directory(main.buffer);
  t.equal(thread.idOf('a'), undefined);
  const a = main.register('a');
  const long = main.register('ä'.repeat(56));
  t.equal(main.register('a'), a, 'a name has one id');
  t.equal(thread.idOf('a'), a);
  t.equal(thread.nameOf(long), 'ä'.repeat(56));
  t.equal(thread.threadOf(a), NOWHERE);
  main.place(a, 7, 3);
  t.same([thread.threadOf(a), thread.incarnationOf(a)], [7, 3]);
  t.same(thread.names(), ['a', 'ä'.repeat(56)]);
  t.throws(() => thread.nameOf(2), /no actor has the id 2/);
  for (const name of ['', 'ä'.repeat(57)]) t.throws(() => main.register(name), RangeError);
  for (let i = main.size; i < MAX_ADDRESSES; i++) main.register(`n${i}`);
  t.throws(() => main.register('one more'), /at most/);
  t.equal(thread.size, MAX_ADDRESSES);
  t.end();
});

test('supervision: pauses double within the window, then it gives up; old deaths are forgotten', (t) => {
  const supervisor = new Supervisor({ restartsMax: 3, windowMs: 1_000, backoffMs: 10 });
  t.same(
    [0, 1, 2, 3].map((at) => supervisor.onDeath(at)),
    [10, 20, 40, undefined],
  );
  t.equal(supervisor.onDeath(5_000), 10);
  const never = new Supervisor({ restart: 'never' });
  t.equal(never.onDeath(0), undefined);
  const patient = new Supervisor({ restartsMax: 5_000, windowMs: 60_000 });
  let pause: number | undefined;
  for (let death = 0; death < 2_000; death++) pause = patient.onDeath(death);
  t.equal(pause, 60_000, 'a pause is never longer than the window');
  t.end();
});

test('failure: an error keeps its name, code, stack and causes on its way between threads', (t) => {
  const cause = new ConclaveError('DATA_CORRUPT', 'a file is damaged', { cause: 'a bit' });
  const error = new RangeError('cannot boot', { cause });
  const arrived = failureError(structuredClone(describeFailure(error)));
  t.match(arrived, { name: 'RangeError', message: 'cannot boot', stack: error.stack });
  t.ok(arrived.cause instanceof ConclaveError);
  t.match(arrived.cause, { code: 'DATA_CORRUPT', cause: { message: 'a bit' } });
  t.match(failureError(describeFailure(() => 1)), { message: '() => 1' });
  const foreign = Object.assign(new Error('no file'), { code: 'ENOENT' });
  t.notOk(failureError(describeFailure(foreign)) instanceof ConclaveError);
  const endless = new Error('a');
  endless.cause = endless;
  t.equal(failureError(describeFailure(endless)).message, 'a', 'a cycle of causes ends');
  t.end();
});
