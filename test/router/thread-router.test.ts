import { MessageChannel } from 'node:worker_threads';
import { type Test, test } from 'tap';
import type { Envelope } from '../../actors/ports.js';
import { Directory } from '../../src/host/directory.js';
import { HeldFrames } from '../../src/router/held-frames.js';
import { LinkPolicy } from '../../src/router/link-policy.js';
import { type LinkSettings, PLAIN_LINK } from '../../src/router/link-settings.js';
import { LinkTable } from '../../src/router/link-table.js';
import { ThreadRouter } from '../../src/router/thread-router.js';

const CAPACITY = 4;
const ALICE = 0;
const BOB = 1;

/** Two threads' routers in one, on a clock that the test moves. */
function makePair(t: Test) {
  const directory = new Directory();
  const table = new LinkTable(new SharedArrayBuffer(LinkTable.bytes(CAPACITY)), CAPACITY);
  const clock = { now: 0 };
  let tellArrived = (): void => {};
  const routers = [ALICE, BOB].map((thread) => {
    directory.register(`actor${thread}`);
    directory.place(thread, thread, 1);
    const nameOf = (id: number): string => directory.nameOf(id);
    return new ThreadRouter({
      thread,
      directory,
      policy: new LinkPolicy({ table, seed: 5, nameOf }),
      now: () => clock.now,
      arrived: () => tellArrived(),
      wake: () => {},
    });
  });
  const [alice, bob] = routers as [ThreadRouter, ThreadRouter];
  const { port1, port2 } = new MessageChannel();
  alice.connect(BOB, port1);
  bob.connect(ALICE, port2);
  alice.open();
  bob.open();
  t.teardown(() => alice.close());
  const received: number[] = [];
  bob.attach(BOB, {
    deliver: ({ payload }: Envelope) => {
      received.push(payload[0] as number);
      return undefined;
    },
    lost: () => {},
  });
  const send = (n: number): void => {
    alice.send(ALICE, 1, { to: 'actor1', kind: 'custom', payload: Uint8Array.of(n) });
  };
  const flushed = async (): Promise<void> => {
    const arrived = new Promise<void>((resolve) => {
      tellArrived = resolve;
    });
    alice.flush();
    await arrived;
  };
  /** Lets the time pass in steps of that many µs until nothing is held. */
  const settle = (stepMicros: number): void => {
    while (bob.nextDeadline() !== undefined) {
      clock.now += stepMicros;
      bob.deliverDue(clock.now);
    }
  };
  return { table, clock, bob, received, send, flushed, settle };
}

/** Sends 0 … 199 in one turn, 10 µs apart, over a link of such settings; returns what comes. */
async function travelled(t: Test, settings: Partial<LinkSettings>): Promise<number[]> {
  const { table, clock, received, send, flushed, settle } = makePair(t);
  table.set(ALICE, BOB, { ...PLAIN_LINK, ...settings });
  for (let n = 0; n < 200; n++) {
    send(n);
    clock.now += 10;
  }
  await flushed();
  settle(7);
  return received;
}

const inOrder = Array.from({ length: 200 }, (_, n) => n);
const delay = { kind: 'uniform', minMicros: 0, maxMicros: 500 } as const;

test('router: what one turn sends over a delaying link arrives in the order sent', async (t) => {
  t.same(await travelled(t, { delay }), inOrder);
  const shuffled = await travelled(t, { delay, reorder: true });
  t.not(shuffled.join(), inOrder.join(), 'unless the link reorders');
  t.same(
    [...shuffled].sort((a, b) => a - b),
    inOrder,
  );
});

test('router: a message does not overtake those still held when its link is plain again', async (t) => {
  const { table, clock, bob, received, send, flushed, settle } = makePair(t);
  table.set(ALICE, BOB, { ...PLAIN_LINK, delay: { kind: 'constant', micros: 500 } });
  send(1);
  clock.now += 100;
  await flushed();
  table.set(ALICE, BOB, PLAIN_LINK);
  // By the sender's clock the first has arrived; the receiver got it 100 µs later.
  clock.now += 450;
  send(2);
  await flushed();
  t.same(received, [], 'the second waits for the first');
  t.equal(bob.nextDeadline(), 600);
  settle(100);
  t.same(received, [1, 2]);
  // What is due, and only waits for the loop to look, goes first too.
  table.set(ALICE, BOB, { ...PLAIN_LINK, delay: { kind: 'constant', micros: 500 } });
  send(3);
  await flushed();
  table.set(ALICE, BOB, PLAIN_LINK);
  clock.now += 5_000;
  send(4);
  await flushed();
  t.same(received, [1, 2, 3, 4]);
});

test('router: a wire that is full drops the newest', (t) => {
  const held = new HeldFrames(2);
  const payload = new Uint8Array(0);
  const frame = (delayMicros: number, isInOrder: boolean) => ({
    from: ALICE,
    to: BOB,
    kind: 'custom' as const,
    rpc: 'none' as const,
    lost: false,
    inOrder: isInOrder,
    incarnation: 1,
    correlation: 0,
    delayMicros,
  });
  t.equal(held.admit(frame(50, true), payload, 0), 'held');
  t.equal(held.admit(frame(10, true), payload, 0), 'held');
  t.equal(held.admit(frame(10, true), payload, 0), 'full');
  t.equal(held.admit(frame(0, false), payload, 0), 'now', 'what needs no room passes');
  t.equal(held.takeDue(49), undefined);
  t.equal(held.takeDue(50)?.header.delayMicros, 50);
  t.equal(held.takeDue(50)?.header.delayMicros, 10, 'in order, also in one instant');
  t.equal(held.admit(frame(10, true), payload, 60), 'held', 'there is room again');
  t.end();
});
