import { test } from 'tap';
import { PendingRequests } from '../../src/router/pending-requests.js';

function open(pending: PendingRequests, correlation: number, deadline: number): void {
  pending.open({ to: 'server', kind: 'custom', correlation, deadline });
}

test('requests: time-outs come in deadline order, then by correlation', (t) => {
  const pending = new PendingRequests();
  for (const [correlation, deadline] of [
    [1, 30],
    [2, 10],
    [3, 20],
    [4, 10],
  ] as const) {
    open(pending, correlation, deadline);
  }
  t.equal(pending.nextDeadline(), 10);
  t.same(pending.expire(9), []);
  t.same(
    pending.expire(20).map((input) => input.correlation),
    [2, 4, 3],
  );
  t.equal(pending.nextDeadline(), 30);
  t.same(pending.expire(30), [{ type: 'noReply', to: 'server', kind: 'custom', correlation: 1 }]);
  t.equal(pending.nextDeadline(), undefined);
  t.end();
});

test('requests: a request ends once', (t) => {
  const pending = new PendingRequests();
  open(pending, 1, 10);
  t.ok(pending.close(1));
  t.notOk(pending.close(1), 'a second reply is a stray');
  t.same(pending.expire(10), [], 'an answered request does not time out');
  open(pending, 2, 10);
  t.match(pending.lose(2), { type: 'noReply', correlation: 2 });
  t.equal(pending.lose(2), undefined);
  t.equal(pending.nextDeadline(), undefined);
  t.end();
});

test('requests: a correlation in use is refused, and may be used again when free', (t) => {
  const pending = new PendingRequests();
  open(pending, 1, 10);
  t.throws(() => open(pending, 1, 20), /already waiting/);
  pending.close(1);
  open(pending, 1, 20);
  t.same(pending.expire(15), [], 'the old deadline is not the new request’s');
  t.equal(pending.expire(20).length, 1);
  t.end();
});

test('requests: one without a time-out waits, and answered ones do not pile up', (t) => {
  const pending = new PendingRequests();
  open(pending, 0, Number.POSITIVE_INFINITY);
  t.equal(pending.nextDeadline(), undefined);
  for (let i = 1; i <= 100_000; i++) {
    open(pending, i, 1_000_000 + i);
    pending.close(i);
  }
  t.equal(pending.size, 1);
  t.same(pending.expire(10_000_000), []);
  t.ok(pending.close(0));
  t.end();
});
