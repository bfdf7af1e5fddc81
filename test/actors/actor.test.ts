import fc from 'fast-check';
import { test } from 'tap';
import { setup } from 'xstate';
import { Actor, type ActorHost } from '../../actors/actor.js';
import { defineActor } from '../../actors/define-actor.js';
import type { ActorPorts, Input, Micros, Outgoing, SendTiming } from '../../actors/ports.js';
import { reducerFor } from '../../machines/reducer.js';

type Effect =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'send'; readonly name: string; readonly after: SendTiming }
  | { readonly type: 'persist'; readonly token: number }
  | { readonly type: 'setTimer'; readonly timer: string; readonly micros: Micros }
  | { readonly type: 'cancelTimer'; readonly timer: string };
type Event = { readonly type: 'heard'; readonly effects: readonly Effect[] };

const on = reducerFor<{ readonly heard: number }, Event, Effect>();

/** Does what it is told: an event carries the effects that it causes. */
const puppet = setup({
  types: {} as {
    context: { readonly heard: number };
    events: Event;
    emitted: Effect;
    input: object;
  },
  actions: { hear: on('heard', ({ heard }, { effects }) => [{ heard: heard + 1 }, effects]) },
}).createMachine({ id: 'puppet', context: { heard: 0 }, on: { heard: { actions: 'hear' } } });

/**
 * What the puppet does when it hears of an input: `timer t`, `persisted 3`, or a message's name.
 */
type Script = Readonly<Record<string, readonly Effect[]>>;

function nameOf(input: Input): string {
  if (input.type === 'timer') return `timer ${input.timer}`;
  if (input.type === 'persisted') return `persisted ${input.upTo}`;
  return input.type === 'completed' ? String(input.event) : input.type;
}

/**
 * An actor on a host whose clock and disk the test moves; `journal` is all that it did, in order.
 */
function stage(script: Script, disk: 'sync' | 'later') {
  const journal: string[] = [];
  const time = { now: 0, alarm: undefined as Micros | undefined };
  let wrote = false;
  const host: ActorHost<ActorPorts> = {
    ports: {
      router: { send: (message) => void journal.push(`send ${message.to}`) },
      storage: {
        write: (_record, token) => {
          wrote = true;
          journal.push(`write ${token}`);
        },
        forget: (before) => void journal.push(`forget ${before}`),
      },
      logger: { log: (_level, message) => void journal.push(message) },
    },
    clock: { now: () => time.now },
    random: { uint32: () => 4 },
    commit: (upTo) => {
      if (wrote) journal.push(`sync ${upTo}`);
      const isDurable = !wrote || disk === 'sync';
      wrote = false;
      return isDurable;
    },
    wakeAt: (deadline) => {
      time.alarm = deadline;
    },
  };
  const definition = defineActor<typeof puppet, ActorPorts, object>(puppet, {
    boot: ({ input }) => input,
    receive: (inputs) =>
      inputs.map((input) => {
        const text = nameOf(input);
        return { type: 'heard', effects: [{ type: 'note', text }, ...(script[text] ?? [])] };
      }),
    perform: {
      note: ({ text }, { logger }) => logger.log('info', text),
      send: ({ name, after }, { router }) => router.send(message(name, after)),
      persist: ({ token }, { storage }) => storage.write(new Uint8Array(), token),
      setTimer: ({ timer, micros }, { timers }) => timers.set(timer, micros),
      cancelTimer: ({ timer }, { timers }) => timers.cancel(timer),
    },
  });
  const actor = new Actor(definition, host);
  actor.start({ name: 'a', incarnation: 1, input: {}, records: [] });
  const hear = (...names: string[]) =>
    actor.turn(names.map((name) => ({ type: 'completed', port: 'test', event: name })));
  return { actor, journal, time, hear };
}

const message = (to: string, after: SendTiming): Outgoing => ({
  to,
  kind: 'custom',
  payload: new Uint8Array(),
  after,
});
const now = (name: string): Effect => ({ type: 'send', name, after: 'now' });
const durable = (name: string): Effect => ({ type: 'send', name, after: 'durable' });
const persist = (token: number): Effect => ({ type: 'persist', token });
const arm = (timer: string, micros: Micros): Effect => ({ type: 'setTimer', timer, micros });

test('actor: a turn sends what may go now, syncs once, then sends what waited and hears persisted', async (t) => {
  const script = { first: [durable('d1'), persist(1), now('n1')], second: [persist(2), now('n2')] };
  const { journal, hear } = stage(script, 'sync');
  hear('first', 'second');
  t.same(journal, [
    'first',
    'write 1',
    'send n1',
    'second',
    'write 2',
    'send n2',
    'sync 2',
    'send d1',
    'persisted 2',
  ]);
});

test('actor: a durable send of a turn without writes waits for nothing', async (t) => {
  const { journal, hear } = stage({ ask: [durable('d'), now('n')] }, 'sync');
  hear('ask');
  t.same(journal, ['ask', 'send n', 'send d']);
});

test('actor: a durable send waits for the writes of its own and of earlier turns', async (t) => {
  const script = { put: [persist(1), durable('d1')], get: [durable('d2')], put2: [persist(2)] };
  const { actor, journal, hear } = stage(script, 'later');
  hear('put');
  hear('get');
  hear('put2');
  t.same(journal, ['put', 'write 1', 'sync 1', 'get', 'put2', 'write 2', 'sync 2']);
  t.equal(actor.heldCount, 2);
  actor.durable(1);
  t.same(journal.slice(7), ['send d1', 'send d2', 'persisted 1']);
  t.equal(actor.heldCount, 0);
});

test('actor: what persisted causes is written and synced in the same turn, until it is quiet', async (t) => {
  const script = {
    put: [persist(1)],
    'persisted 1': [persist(5), durable('d')],
    'persisted 5': [now('done')],
  };
  const { journal, hear } = stage(script, 'sync');
  hear('put');
  t.same(journal.slice(1), [
    'write 1',
    'sync 1',
    'persisted 1',
    'write 5',
    'sync 5',
    'send d',
    'persisted 5',
    'send done',
  ]);
});

test('actor: a report of the disk that is not news changes nothing', async (t) => {
  const { actor, journal, hear } = stage({ put: [persist(1)], put2: [persist(2)] }, 'later');
  hear('put');
  hear('put2');
  actor.durable(2);
  const length = journal.length;
  actor.durable(2);
  actor.durable(1);
  t.equal(journal.length, length);
});

test('actor: durable sends never overtake each other nor their writes, whatever the disk does', async (t) => {
  const step = fc.oneof(
    fc.record({ write: fc.boolean(), sends: fc.nat(2) }),
    fc.record({ sync: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const script: Record<string, readonly Effect[]> = {};
      const { actor, journal, hear } = stage(script, 'later');
      let token = 0;
      let onDisk = 0;
      /** For each durable send, in order: the last token written up to the end of its turn. */
      const needs: number[] = [];
      for (const [index, each] of steps.entries()) {
        if ('sync' in each) {
          onDisk = Math.min(token, onDisk + each.sync);
          actor.durable(onDisk);
        } else {
          // The sends come first: even so they wait for a write later in their turn.
          const first = needs.length;
          if (each.write) token++;
          for (let i = 0; i < each.sends; i++) needs.push(token);
          const sends = needs.slice(first).map((_, i) => durable(`${first + i}`));
          script[`turn ${index}`] = [...sends, ...(each.write ? [persist(token)] : [])];
          hear(`turn ${index}`);
        }
        const sent = journal.filter((line) => line.startsWith('send'));
        const due = needs.filter((need) => need <= onDisk).map((_, i) => `send ${i}`);
        t.same(sent, due);
      }
    }),
    { seed: 3, numRuns: 100 },
  );
});

test('actor: a token that does not increase is a mistake of the actor', async (t) => {
  for (const tokens of [[1, 1], [3, 2], [0]]) {
    const { hear } = stage({ put: tokens.map(persist) }, 'sync');
    t.throws(() => hear('put'), /storage tokens must increase/);
  }
});

test('actor: timers come after the messages of the turn, and a message can push one back', async (t) => {
  const script = {
    start: [arm('election', 100), arm('sweep', 50)],
    heartbeat: [arm('election', 100)],
  };
  const { journal, time, hear } = stage(script, 'sync');
  hear('start');
  t.equal(time.alarm, 50);
  time.now = 120;
  hear('heartbeat');
  t.same(journal.slice(1), ['heartbeat', 'timer sweep']);
  t.equal(time.alarm, 220);
});

test('actor: due timers fire in the order of their deadlines, each may cancel the next', async (t) => {
  const script = {
    start: [arm('late', 30), arm('early', 10), arm('second', 20), arm('also early', 10)],
    'timer second': [{ type: 'cancelTimer', timer: 'late' }],
  } as const;
  const { actor, journal, time, hear } = stage(script, 'sync');
  hear('start');
  time.now = 40;
  actor.turn([]);
  t.same(journal.slice(1), ['timer early', 'timer also early', 'timer second']);
  t.equal(time.alarm, undefined);
});

test('actor: a timer that re-arms itself with no delay fires once a turn', async (t) => {
  const { actor, journal, time, hear } = stage(
    { start: [arm('again', 0)], 'timer again': [arm('again', 0)] },
    'sync',
  );
  hear('start');
  for (const each of [1, 2, 3]) {
    time.now = each;
    actor.turn([]);
    t.equal(journal.length, 1 + each);
  }
});

test('actor: the host hears of the alarm only when it moves', async (t) => {
  const { actor, time, hear } = stage({ start: [arm('t', 100)], later: [arm('u', 200)] }, 'sync');
  hear('start');
  time.alarm = -1;
  hear('later');
  t.equal(time.alarm, -1, 'the earliest deadline is still 100');
  time.now = 100;
  actor.turn([]);
  t.equal(time.alarm, 200);
});

test('actor: what a turn throws reaches the host', async (t) => {
  const bad: Effect[] = [{ type: 'setTimer', timer: 't', micros: 0.5 }];
  t.throws(() => stage({ break: bad }, 'sync').hear('break'), /whole microseconds/);
  const unknown = [{ type: 'typo' }] as unknown as Effect[];
  t.throws(() => stage({ break: unknown }, 'sync').hear('break'), /no row performs .*'typo'/);
});

test('actor: an observer sees every step, a recorder every input with its time', async (t) => {
  const seen: unknown[] = [];
  const host = {
    ports: {},
    clock: { now: () => 7 },
    random: { uint32: () => 4 },
    commit: () => true,
    wakeAt: () => {},
    observe: ({ now, event }: { now: Micros; event: { type: string } }) =>
      void seen.push([now, event.type]),
    record: (at: Micros, inputs: readonly Input[]) => void seen.push([at, inputs.length]),
  } as unknown as ActorHost<ActorPorts>;
  const definition = defineActor<typeof puppet, ActorPorts, object>(puppet, {
    boot: ({ input }) => input,
    receive: (inputs, { draw }) => {
      seen.push(draw());
      return inputs.map(() => ({ type: 'heard', effects: [] }));
    },
    perform: { note: drop, send: drop, persist: drop, setTimer: drop, cancelTimer: drop },
  });
  const actor = new Actor(definition, host);
  actor.start({ name: 'a', incarnation: 1, input: {}, records: [] });
  const input: Input = { type: 'completed', port: 'test', event: 1 };
  actor.turn([input, input]);
  t.same(seen, [[7, 'boot'], [7, 2], 4, [7, 'heard'], [7, 'heard']]);
  t.same(actor.state.context, { heard: 2 });
});

test('defineActor: a missing row, an unknown row and a wrong port do not compile', async (t) => {
  const rows = { note: drop, send: drop, persist: drop, setTimer: drop };
  const rest = { boot: () => ({}), receive: () => [] };
  const perform = { ...rows, cancelTimer: drop };
  t.ok(defineActor<typeof puppet, ActorPorts, object>(puppet, { ...rest, perform }));
  // @ts-expect-error: no row for cancelTimer.
  defineActor<typeof puppet, ActorPorts, object>(puppet, { ...rest, perform: rows });
  defineActor<typeof puppet, ActorPorts, object>(puppet, {
    ...rest,
    // @ts-expect-error: the machine has no effect of this name.
    perform: { ...rows, cancelTimer: drop, explode: drop },
  });
  defineActor<typeof puppet, ActorPorts, object>(puppet, {
    ...rest,
    // @ts-expect-error: a timer's effect has no name of a receiver.
    perform: { ...rows, cancelTimer: ({ to }) => to },
  });
  defineActor<typeof puppet, ActorPorts, object>(puppet, {
    ...rest,
    // @ts-expect-error: there is no such port.
    perform: { ...rows, cancelTimer: (_effect, { disk }) => disk },
  });
});

function drop(): void {}
