import { test } from 'tap';
import { setup } from 'xstate';
import { decode, encode } from '../../actors/codec/positional.js';
import { defineActor } from '../../actors/define-actor.js';
import type { ActorPorts, Input, SendTiming } from '../../actors/ports.js';
import { reducerFor } from '../../machines/reducer.js';
import { type Endpoint, Simulation, type SimulationOptions } from '../../src/sim/index.js';
import { replay } from '../../src/trace/actor-recording.js';
import { MemoryRecorder } from '../../src/trace/record.js';
import { decodeRecording, encodeRecording } from '../../src/trace/recording-codec.js';

/**
 * An actor that does what the messages to it say, in order: the words of a message are orders.
 * `write N` · `tell TEXT` (to 'sink') · `tellDurable TEXT` · `timer MICROS` (tells 'ring') ·
 * `answer TEXT` (a reply) · `throw`.
 */
type Order = readonly [verb: string, argument: number | string];
interface Context {
  readonly seen: readonly string[];
}
type Event =
  | { type: 'orders'; orders: readonly Order[]; from: string; correlation: number }
  | { type: 'ring' }
  | { type: 'persisted'; upTo: number }
  | { type: 'completed'; event: unknown };
type Effect =
  | { type: 'write'; token: number }
  | { type: 'tell'; to: string; text: string; after: SendTiming; correlation: number }
  | { type: 'setTimer'; delayMicros: number };

const on = reducerFor<Context, Event, Effect>();

function toEffect([verb, argument]: Order, from: string, correlation: number): Effect {
  const tell = { type: 'tell', to: 'sink', text: String(argument), after: 'now', correlation: 0 };
  switch (verb) {
    case 'write':
      return { type: 'write', token: Number(argument) };
    case 'tell':
      return tell as Effect;
    case 'tellDurable':
      return { ...tell, after: 'durable' } as Effect;
    case 'answer':
      return { ...tell, to: from, correlation } as Effect;
    case 'timer':
      return { type: 'setTimer', delayMicros: Number(argument) };
    default:
      throw new Error(`told to ${verb}`);
  }
}

const machine = setup({
  types: {} as { context: Context; events: Event; emitted: Effect; input: Context },
  actions: {
    obey: on('orders', (context, { orders, from, correlation }) => [
      { seen: [...context.seen, ...orders.map(([verb]) => verb)] },
      orders.map((order) => toEffect(order, from, correlation)),
    ]),
    ring: on('ring', (context) => [
      { seen: [...context.seen, 'ring'] },
      [{ type: 'tell', to: 'sink', text: 'ring', after: 'now', correlation: 0 }],
    ]),
    note: on(['persisted', 'completed'], (context, event) => [
      { seen: [...context.seen, event.type === 'persisted' ? `persisted ${event.upTo}` : 'done'] },
      [],
    ]),
  },
}).createMachine({
  id: 'puppet',
  context: ({ input }) => input,
  on: {
    orders: { actions: 'obey' },
    ring: { actions: 'ring' },
    persisted: { actions: 'note' },
    completed: { actions: 'note' },
  },
});

const puppet = {
  definition: defineActor<typeof machine, ActorPorts, undefined>(machine, {
    boot: ({ records }) => ({ seen: [...records].map((r) => `has ${(decode(r) as number[])[0]}`) }),
    receive: (inputs) => inputs.map(toEvent),
    perform: {
      write: ({ token }, { storage }) => storage.write(encode([token]), token),
      tell: ({ to, text, after, correlation }, { router }) => {
        const rpc = correlation === 0 ? 'none' : 'reply';
        router.send({ to, kind: 'custom', payload: encode([text]), after, rpc, correlation });
      },
      setTimer: ({ delayMicros }, { timers }) => timers.set('ring', delayMicros),
    },
  }),
};

function toEvent(input: Input): Event {
  switch (input.type) {
    case 'message': {
      const { from, correlation, payload } = input.envelope;
      return { type: 'orders', orders: decode(payload) as Order[], from, correlation };
    }
    case 'timer':
      return { type: 'ring' };
    case 'persisted':
      return input;
    default:
      return { type: 'completed', event: input };
  }
}

interface Bench {
  readonly sim: Simulation;
  /** What 'sink' got, with the time in ms. */
  readonly got: string[];
  readonly sink: Endpoint;
  order(...orders: Order[]): void;
  seen(): readonly string[];
}

/** One puppet 'p', and an endpoint 'sink' that orders and listens. */
function makeBench(options: Partial<SimulationOptions> = {}): Bench {
  const sim = new Simulation({ seed: 1, order: 'fifo', ...options });
  const got: string[] = [];
  const sink = sim.endpoint('sink', (input) => {
    if (input.type === 'message') {
      got.push(`${sim.now / 1000} ${(decode(input.envelope.payload) as string[])[0]}`);
    } else if (input.type === 'noReply') {
      got.push(`${sim.now / 1000} no reply ${input.correlation}`);
    }
  });
  sim.spawn('p', puppet, { isRecorded: true });
  return {
    sim,
    got,
    sink,
    order: (...orders) => sink.send({ to: 'p', kind: 'custom', payload: encode(orders) }),
    seen: () => sim.state<{ context: Context }>('p')?.context.seen ?? [],
  };
}

test('sim: a durable message leaves only when its write is on disk, a now one before', (t) => {
  const { sim, got, order } = makeBench();
  order(['tellDurable', 'b'], ['write', 1], ['tell', 'a']);
  sim.runFor(1500);
  t.equal(sim.disk('p').records().length, 0, 'the sync is under way');
  t.equal(sim.actor('p').heldCount, 1);
  sim.runFor(10_000);
  // 1 ms there, 1 ms for the sync, 1 ms back.
  t.same(got, ['2 a', '3 b']);
  t.end();
});

test('sim: a durable message is never sent when the write it waits for is lost', (t) => {
  const { sim, got, order, seen } = makeBench();
  order(['write', 1]);
  order(['write', 2], ['tellDurable', 'b'], ['tell', 'a']);
  sim.runFor(1200);
  sim.kill('p');
  sim.runFor(10_000);
  t.same(got, ['2 a']);
  sim.restart('p');
  t.ok(seen().length <= 2);
  t.end();
});

test('sim: syncs come one at a time, and what waits is written together', (t) => {
  const { sim, order, seen } = makeBench();
  for (let i = 1; i <= 5; i++) sim.after(i * 100, () => order(['write', i]));
  sim.runFor(1900);
  t.equal(sim.disk('p').records().length, 0);
  sim.runFor(300);
  t.equal(sim.disk('p').records().length, 1);
  sim.runFor(1000);
  t.equal(sim.disk('p').records().length, 5);
  t.same(
    seen().filter((word) => word.startsWith('persisted')),
    ['persisted 1', 'persisted 5'],
  );
  t.end();
});

test('sim: what is on the wire survives the crash of its sender', (t) => {
  const { sim, got, order } = makeBench();
  order(['tell', 'last words']);
  sim.runFor(1001);
  sim.kill('p');
  sim.runFor(10_000);
  t.same(got, ['2 last words']);
  t.end();
});

test('sim: a restart has the disk, a new incarnation, and nothing else', (t) => {
  const { sim, got, order, seen } = makeBench();
  order(['write', 1], ['timer', 500_000], ['tell', 'x']);
  sim.runFor(10_000);
  order(['tell', 'lost with the mailbox']);
  sim.actor('p').pause();
  sim.runFor(5000);
  sim.restart('p');
  sim.runFor(1_000_000);
  t.same(seen(), ['has 1'], 'no timer, no message of the earlier life');
  t.equal(sim.actor('p').incarnation, 2);
  t.same(got, ['2 x']);
  t.end();
});

test('sim: a message to a dead actor is lost, one that arrives after the restart is not', (t) => {
  const { sim, got, order } = makeBench();
  sim.kill('p');
  order(['tell', 'lost']);
  sim.runFor(5000);
  order(['tell', 'kept']);
  sim.restart('p');
  sim.runFor(5000);
  t.same(got, ['7 kept']);
  t.equal(sim.network.counters('sink', 'p').refused, 1);
  t.end();
});

test('sim: a killed turn stops between two effects', (t) => {
  const { sim, got, order } = makeBench();
  sim.actor('p').killAfterEffects(2);
  order(['tell', 'a'], ['write', 1], ['tell', 'b'], ['write', 2]);
  sim.runFor(10_000);
  t.same(got, ['2 a']);
  t.notOk(sim.actor('p').isAlive);
  t.same(sim.disk('p').records(), [], 'the turn had not been committed');
  t.same(sim.violations, [], 'being killed is no fault of the actor');
  t.end();
});

test('sim: while an actor is paused its messages queue, and its timers fire late', (t) => {
  const { sim, got, order, seen } = makeBench();
  order(['timer', 10_000]);
  sim.runFor(2000);
  sim.pause('p');
  order(['tell', 'a']);
  order(['tell', 'b']);
  sim.runFor(98_000);
  t.same(got, []);
  sim.resume('p');
  sim.runFor(10_000);
  t.same(got, ['101 a', '101 b', '101 ring'], 'messages first, then what is due');
  t.same(seen(), ['timer', 'tell', 'tell', 'ring']);
  t.end();
});

test('sim: a sync that ends while its actor is paused is heard of on resume', (t) => {
  const { sim, got, order } = makeBench();
  order(['write', 1], ['tellDurable', 'x']);
  sim.runFor(1500);
  sim.pause('p');
  sim.runFor(48_500);
  t.equal(sim.disk('p').records().length, 1);
  t.same(got, []);
  sim.resume('p');
  sim.runFor(5000);
  t.same(got, ['51 x']);
  t.end();
});

test('sim: a one-way cut stops one direction, also for what is on the wire', (t) => {
  const { sim, got, order } = makeBench();
  order(['tell', 'on the wire']);
  sim.runFor(1500);
  sim.network.cut('p', 'sink');
  sim.runFor(5000);
  order(['tell', 'sent into the cut']);
  sim.runFor(5000);
  t.same(got, []);
  t.equal(sim.network.counters('sink', 'p').delivered, 2);
  t.match(sim.network.counters('p', 'sink'), { sent: 2, refused: 1, dropped: 1 });
  sim.network.heal();
  order(['tell', 'healed']);
  sim.runFor(5000);
  t.equal(got.length, 1);
  t.end();
});

test('sim: a request ends once: by its reply, its time-out, or a reported loss', (t) => {
  const { sim, got, sink } = makeBench();
  const request = (correlation: number, ...orders: Order[]): void => {
    const payload = encode(orders);
    const timeoutMicros = 50_000;
    sink.send({ to: 'p', kind: 'custom', rpc: 'request', correlation, payload, timeoutMicros });
  };
  request(1, ['answer', 'one']);
  sim.runFor(100_000);
  request(2, ['tell', 'no answer']);
  sim.runFor(100_000);
  sim.network.setLink('p', 'sink', { delay: { kind: 'constant', micros: 80_000 } });
  request(3, ['answer', 'too late']);
  sim.runFor(200_000);
  t.same(got, ['2 one', '102 no answer', '150 no reply 2', '250 no reply 3']);
  sim.network.preset('labs');
  sim.network.disconnect('p');
  request(4, ['answer', 'four']);
  sim.runFor(200_000);
  t.match(got[4], /no reply 4/);
  t.equal(got.length, 5);
  t.end();
});

test('sim: clocks run at rates of their own, and timers follow', (t) => {
  const { sim, got, order } = makeBench();
  sim.actor('p').setClockRate(1_000_000);
  order(['timer', 100_000]);
  sim.runFor(20_000);
  t.equal(sim.actor('p').clock.now(), 40_000);
  sim.runFor(80_000);
  // Armed at 1 ms; 100 ms of a clock at double speed are 50 ms.
  t.same(got, ['52 ring']);
  order(['timer', 100_000]);
  sim.runFor(11_000);
  sim.actor('p').setClockRate(-500_000);
  sim.runFor(500_000);
  t.equal(got[1], '272 ring', '20 ms passed of it; the other 80 take 160');
  sim.actor('p').jumpClock(1_000_000);
  t.throws(() => sim.actor('p').jumpClock(-1), /monotonic/);
  t.end();
});

test('sim: a full disk and a failed sync end the actor, and never acknowledge', (t) => {
  for (const faults of [
    { isFull: true },
    { syncFailureChance: 1_000_000 },
    { writeFailureChance: 1_000_000 },
  ]) {
    const { sim, got, order } = makeBench();
    sim.disk('p').setFaults(faults);
    // More than a segment holds: a full disk has room in the one that is there.
    for (let token = 1; token <= 100; token++) {
      order(['write', token]);
      sim.runFor(3000);
    }
    order(['tellDurable', 'x']);
    sim.runFor(10_000);
    t.notOk(sim.actor('p').isAlive);
    t.same(got, []);
    t.same(sim.violations, []);
  }
  t.end();
});

test('sim: a crash keeps all that was synced, and of the write under way all or nothing', (t) => {
  const kept = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const { sim, order, seen } = makeBench({ seed });
    order(['write', 1]);
    sim.runFor(3000);
    order(['write', 2], ['write', 3], ['write', 4]);
    sim.runFor(1500);
    order(['write', 5]);
    sim.runFor(200);
    sim.kill('p', seed % 2 === 0 ? 'process' : 'power');
    sim.restart('p');
    const expected = ['has 1', 'has 2', 'has 3', 'has 4'];
    t.same(seen(), expected.slice(0, seen().length));
    kept.add(seen().length);
  }
  t.same([...kept].sort(), [1, 4]);
  t.end();
});

test('sim: a process that dies leaves its writes to the cache, until the power fails', (t) => {
  let lost = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const { sim, order, seen } = makeBench({ seed });
    order(['write', 1]);
    sim.runFor(1500);
    sim.kill('p', 'process');
    if (seed % 2 === 0) sim.kill('p', 'power');
    sim.restart('p');
    if (seed % 2 === 1) t.same(seen(), ['has 1']);
    else if (seen().length === 0) lost++;
  }
  t.ok(lost > 0, `${lost} of 15 writes were lost with the power`);
  t.end();
});

test('sim: a disk that hangs tells nothing, until it goes on', (t) => {
  const { sim, got, order } = makeBench();
  sim.disk('p').setFaults({ isHung: true });
  order(['write', 1], ['tellDurable', 'x']);
  sim.runFor(5_000_000);
  t.same(got, []);
  t.same(sim.disk('p').records(), []);
  sim.disk('p').setFaults({ isHung: false });
  sim.runFor(10_000);
  t.same(got, ['5001 x']);
  t.end();
});

test('sim: a disk that rots is refused, for ever, and its actor stays dead', (t) => {
  let refused = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { sim, order } = makeBench({ seed });
    t.notOk(sim.disk('p').rot(), 'there is nothing that could rot');
    for (let token = 1; token <= 10; token++) {
      order(['write', token]);
      sim.runFor(5000);
    }
    t.ok(sim.disk('p').rot());
    sim.restart('p');
    t.same(sim.violations, []);
    if (sim.actor('p').isAlive) continue;
    refused++;
    t.ok(sim.actor('p').isRefused);
    sim.restart('p');
    t.notOk(sim.actor('p').isAlive);
  }
  t.ok(refused > 15, `${refused} of 20 bits were not in zeros that mean nothing`);
  t.end();
});

test('sim: a log that gives back anything but what was synced is a violation', (t) => {
  const { sim, order } = makeBench();
  order(['write', 1]);
  sim.runFor(10_000);
  (sim.disk('p').records() as Uint8Array[]).push(Uint8Array.of(1));
  sim.restart('p');
  t.match(sim.violations, [{ invariant: 'disk.recovery', detail: /'p' read 1 records, not/ }]);
  t.end();
});

test('sim: a clogged link holds messages back, in order, and loses none', (t) => {
  const { sim, got, order } = makeBench();
  sim.clog('p', 'sink', 50_000);
  sim.clog('p', 'sink', 20_000);
  for (const word of ['a', 'b', 'c']) order(['tell', word]);
  sim.runFor(100_000);
  t.same(got, ['50 a', '50 b', '50 c']);
  sim.clog('sink', 'p', 500_000);
  sim.unclog();
  order(['tell', 'd']);
  sim.runFor(10_000);
  t.equal(got[3], '102 d');
  t.end();
});

test('sim: limits change while an actor lives: its mailbox, its turns, its timers', (t) => {
  const { sim, got, order, seen } = makeBench({ seed: 2 });
  sim.actor('p').setLimits({ mailboxCapacity: 2, turnInputsMax: 1, latenessMicrosMax: 40_000 });
  order(['timer', 10_000]);
  sim.runFor(5000);
  sim.pause('p');
  for (const word of ['a', 'b', 'c']) order(['tell', word]);
  sim.runFor(2000);
  sim.resume('p');
  sim.runFor(2000);
  t.same(got, ['8 a', '8 b'], 'the third found the mailbox full');
  sim.runFor(60_000);
  t.ok(seen().includes('ring'));
  t.not(got[2], '12 ring', 'late');
  sim.actor('p').resetLimits();
  const at = sim.now / 1000;
  order(['timer', 10_000]);
  sim.runFor(20_000);
  t.equal(got[3], `${at + 12} ring`);
  t.end();
});

test('sim: an actor that throws is a violation, and a failed run stops there', (t) => {
  const { sim, order } = makeBench();
  order(['explode', 0]);
  t.notOk(sim.runFor(10_000));
  t.match(sim.violations, [{ invariant: 'actor.throws', detail: /'p': told to explode/ }]);
  t.equal(sim.now, 1000);
  t.end();
});

test('sim: an invariant is checked after every event', (t) => {
  const { sim, order, seen } = makeBench();
  sim.invariant('quiet', () => (seen().length > 0 ? 'it has acted' : undefined));
  order(['tell', 'x']);
  sim.runFor(10_000);
  t.match(sim.violations, [{ invariant: 'quiet', detail: 'it has acted', atMicros: 1000 }]);
  t.end();
});

test('sim: watchdogs end a run that does not advance', (t) => {
  const forever = (sim: Simulation, delay: number): void => {
    sim.after(delay, () => forever(sim, delay));
  };
  const limits = { events: 5000, simMicros: 1_000_000, eventsAtOnce: 1000 };
  for (const [delay, invariant] of [
    [0, 'watchdog.eventsAtOnce'],
    [1, 'watchdog.events'],
    [1000, 'watchdog.simMicros'],
  ] as const) {
    const { sim } = makeBench({ watchdogs: limits });
    forever(sim, delay);
    sim.runFor(10_000_000);
    t.match(sim.violations, [{ invariant }]);
  }
  t.end();
});

test('sim: a mailbox is bounded, and counts what it drops', (t) => {
  const sim = new Simulation({ seed: 1 });
  const sink = sim.endpoint('sink', () => undefined);
  sim.spawn('p', puppet, { mailboxCapacity: 10 });
  sim.pause('p');
  for (let i = 0; i < 15; i++) sink.send({ to: 'p', kind: 'custom', payload: encode([]) });
  sim.runFor(10_000);
  t.match(sim.network.counters('sink', 'p'), { delivered: 10, refused: 5 });
  t.end();
});

test('sim: names are used once, and unknown ones are errors', (t) => {
  const { sim } = makeBench();
  t.throws(() => sim.spawn('p', puppet), /in use/);
  t.throws(() => sim.endpoint('sink', () => undefined), /in use/);
  t.throws(() => sim.kill('nobody'), /no actor 'nobody'/);
  t.end();
});

test('sim: the lives of an actor replay from their recordings', (t) => {
  const { sim, order } = makeBench();
  order(['write', 1], ['timer', 2000], ['tellDurable', 'a']);
  sim.runFor(10_000);
  sim.restart('p');
  order(['tell', 'b']);
  sim.runFor(10_000);
  sim.stop('p');
  const { recordings } = sim.actor('p');
  t.equal(recordings.length, 2);
  t.same(recordings[1]?.records.length, 1);
  for (const recording of recordings) {
    t.match(replay(recording, puppet.definition), { type: 'same' });
    const copy = decodeRecording(encodeRecording(recording));
    t.match(replay(copy, puppet.definition), { type: 'same' });
  }
  t.end();
});

test('sim: an actor’s own ports complete later, and die with the life', (t) => {
  const { sim } = makeBench();
  const stopped: number[] = [];
  sim.spawn('q', puppet, {
    ports: (context) => {
      context.onStop(() => {
        stopped.push(context.incarnation);
      });
      context.after(5000, () => context.complete('work', { done: true }));
      return {};
    },
  });
  sim.runFor(1000);
  sim.restart('q');
  sim.runFor(4500);
  t.same(sim.state<{ context: Context }>('q')?.context.seen, [], 'the first life’s work died');
  sim.runFor(1000);
  t.same(sim.state<{ context: Context }>('q')?.context.seen, ['done']);
  sim.stop('q');
  t.same(stopped, [2], 'a kill cleans up nothing');
  t.end();
});

test('sim: the event record tells what happened, in order', (t) => {
  const recorder = new MemoryRecorder();
  const { sim, order } = makeBench({ recorder });
  order(['write', 1], ['timer', 2000], ['tell', 'x']);
  sim.runFor(10_000);
  sim.pause('p');
  sim.resume('p');
  sim.kill('p');
  const events = recorder.events();
  t.same(
    events.map(({ type }) => type),
    [
      'spawn',
      'transition',
      'send',
      'deliver',
      'transition',
      'write',
      'timerSet',
      'send',
      'deliver',
      'persisted',
      'transition',
      'timerFired',
      'transition',
      'send',
      'deliver',
      'pause',
      'resume',
      'exit',
    ],
  );
  t.match(events[2], { message: 0, from: 'sink', to: 'p', at: 0 });
  t.match(events[3], { message: 0, actor: 'p', at: 1000 });
  t.end();
});
