import { test } from 'tap';
import { BinaryHeap } from '../../src/heap/binary-heap.js';
import { stream } from '../../src/random/prng.js';
import { SimClock } from '../../src/sim/clock.js';
import { Simulation } from '../../src/sim/index.js';

test('heap: gives back in order, whatever is pushed, popped and filtered', (t) => {
  const random = stream(1, 'heap');
  for (let round = 0; round < 200; round++) {
    const heap = new BinaryHeap<number>((a, b) => a < b);
    let model: number[] = [];
    for (let i = 0; i < 60; i++) {
      if (random.chance(2, 3)) {
        const value = random.below(50);
        heap.push(value);
        model.push(value);
        model.sort((a, b) => a - b);
      } else if (heap.peek() !== model[0] || heap.pop() !== model.shift()) {
        t.fail(`round ${round}`);
      }
      if (i === 30) {
        heap.filter((value) => value % 3 !== 0);
        model = model.filter((value) => value % 3 !== 0);
      }
    }
    while (model.length > 0) if (heap.pop() !== model.shift()) t.fail(`round ${round}`);
    t.equal(heap.size, 0);
  }
  t.equal(new BinaryHeap<number>((a, b) => a < b).pop(), undefined);
  t.end();
});

test('clock: never runs back, and whenAt() is the first time that shows it', (t) => {
  const random = stream(2, 'clock');
  for (let round = 0; round < 300; round++) {
    let now = random.below(1_000_000);
    const clock = new SimClock(() => now);
    let before = clock.now();
    for (let i = 0; i < 20; i++) {
      if (random.chance(1, 3)) clock.setRate(random.uniform(-900_000, 900_000));
      if (random.chance(1, 5)) clock.jump(random.below(1000));
      now += random.below(10_000);
      const shown = clock.now();
      if (shown < before) t.fail(`round ${round}: ${shown} after ${before}`);
      before = shown;
      const goal = shown + 1 + random.below(5000);
      const at = clock.whenAt(goal);
      const real = now;
      now = at;
      if (clock.now() < goal) t.fail(`round ${round}: too early`);
      now = at - 1;
      if (at > real && clock.now() >= goal) t.fail(`round ${round}: too late`);
      now = real;
    }
    t.ok(clock.whenAt(0) === now, 'the past is now');
  }
  t.end();
});

test('labs: in the simulator 81 % of unreliable calls are answered, and losses are told', (t) => {
  const sim = new Simulation({ seed: 3 });
  const calls = 20_000;
  let answered = 0;
  let unanswered = 0;
  let handled = 0;
  const payload = new Uint8Array(10);
  const server = sim.endpoint('server', (input) => {
    if (input.type !== 'message') return;
    handled++;
    const { from: to, correlation } = input.envelope;
    server.send({ to, kind: 'custom', rpc: 'reply', correlation, payload });
  });
  const client = sim.endpoint('client', (input) => {
    if (input.type === 'message') answered++;
    else unanswered++;
  });
  sim.network.preset('labs-unreliable');
  for (let correlation = 1; correlation <= calls; correlation++) {
    client.send({ to: 'server', kind: 'custom', rpc: 'request', correlation, payload });
  }
  sim.runFor(60_000);
  t.equal(answered + unanswered, calls, 'every call ends, without a time-out');
  // Six standard deviations of a binomial.
  t.ok(Math.abs(handled - 0.9 * calls) < 255, `${handled} handled`);
  t.ok(Math.abs(answered - 0.81 * calls) < 333, `${answered} answered`);
  t.match(sim.network.totals(), { sentRequests: calls, deliveredReplies: answered });
  t.equal(sim.network.totalsInto('server').deliveredRequests, handled);
  t.end();
});

test('sim: an endpoint hears a link in the order sent, whatever order the seed explores', (t) => {
  for (let seed = 0; seed < 20; seed++) {
    const sim = new Simulation({ seed, order: 'random' });
    const heard: number[] = [];
    sim.endpoint('ear', (input) => {
      if (input.type === 'message') heard.push(input.envelope.payload[0] as number);
    });
    const mouth = sim.endpoint('mouth', () => undefined);
    const words = [0, 1, 2, 3, 4];
    // What a sender does to its buffer after the sending must not show.
    const payload = new Uint8Array(1);
    for (const word of words) {
      payload[0] = word;
      mouth.send({ to: 'ear', kind: 'custom', payload });
    }
    sim.runFor(10_000);
    t.same(heard, words, `seed ${seed}`);
  }
  t.end();
});
