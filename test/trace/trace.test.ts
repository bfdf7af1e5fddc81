import { test } from 'tap';
import { setup } from 'xstate';
import { Actor, type ActorHost } from '../../actors/actor.js';
import { encode } from '../../actors/codec/positional.js';
import { defineActor } from '../../actors/define-actor.js';
import type { ActorPorts, Input, Outgoing } from '../../actors/ports.js';
import { reducerFor } from '../../machines/reducer.js';
import { type ActorRecording, recordActor, replay } from '../../src/trace/actor-recording.js';
import { hashOf, TraceHash } from '../../src/trace/hash.js';
import { MemoryRecorder, type TraceHeader } from '../../src/trace/record.js';
import { decodeRecording, encodeRecording } from '../../src/trace/recording-codec.js';
import { formatTrace, readTrace, TRACE_LIMITS } from '../../src/trace/trace-file.js';

const HEADER: TraceHeader = {
  trace: 'conclave',
  version: 1,
  host: 'sim',
  seed: '7',
  scenario: 'x',
  options: {},
};

interface Context {
  readonly total: number;
}
type Event =
  | { type: 'add'; by: number; jitter: number }
  | { type: 'tick' }
  | { type: 'persisted'; upTo: number }
  | { type: 'answered'; answer: number };
type Effect =
  | { type: 'save'; total: number }
  | { type: 'tell'; total: number }
  | { type: 'arm'; delay: number }
  | { type: 'ask' };

/** Writes and answers after the write, arms a timer with a drawn delay, asks a port of its own. */
function makeDefinition(step = 1) {
  const on = reducerFor<Context, Event, Effect>();
  const machine = setup({
    types: {} as { context: Context; events: Event; emitted: Effect; input: { from: number } },
    actions: {
      add: on('add', ({ total }, { by, jitter }) => {
        const next = total + by * step;
        return [
          { total: next },
          [
            { type: 'save', total: next },
            { type: 'tell', total: next },
            { type: 'arm', delay: jitter },
          ],
        ];
      }),
      tick: on('tick', (context) => [context, [{ type: 'ask' }, { type: 'tell', total: -1 }]]),
    },
  }).createMachine({
    id: 'sum',
    context: ({ input }) => ({ total: input?.from ?? 0 }),
    on: { add: { actions: 'add' }, tick: { actions: 'tick' } },
  });
  type Ports = ActorPorts & { readonly oracle: { ask(): number } };
  return defineActor<typeof machine, Ports, { from: number }>(machine, {
    boot: ({ input, records }) => ({ from: input.from + [...records].length }),
    receive: (inputs, turn) =>
      inputs.map((input): Event => {
        if (input.type === 'message') {
          return { type: 'add', by: input.envelope.payload[0] ?? 0, jitter: turn.draw() % 50 };
        }
        return input.type === 'persisted' ? input : { type: 'tick' };
      }),
    perform: {
      save: ({ total }, { storage }) => storage.write(new Uint8Array([total]), total + 1),
      tell: ({ total }, { router }) => {
        router.send({
          to: 'x',
          kind: 'custom',
          payload: new Uint8Array([total]),
          after: 'durable',
        });
      },
      arm: ({ delay }, { timers }) => timers.set('tick', delay),
      ask: (_, { oracle, timers }) => timers.set('tick', oracle.ask()),
    },
  });
}

function message(by: number, payload = new Uint8Array([by])): Input {
  const envelope = {
    from: 'a',
    to: 'b',
    kind: 'custom',
    rpc: 'none',
    correlation: 0,
    incarnation: 1,
    payload,
  };
  return { type: 'message', envelope } as Input;
}

/** Lives a short life on a host whose disk is synchronous, as on threads. */
function live(): { recording: ActorRecording; sent: Outgoing[] } {
  let now = 100;
  let alarm: number | undefined;
  let draws = 7;
  const sent: Outgoing[] = [];
  const host = {
    ports: {
      router: { send: (out: Outgoing) => sent.push(out) },
      storage: { write: () => undefined, forget: () => undefined },
      logger: { log: () => undefined },
      oracle: { ask: () => 25 },
    },
    clock: { now: () => now },
    random: { uint32: () => (draws = (draws * 48_271) % 2_147_483_647) },
    commit: () => true,
    wakeAt: (deadline: number | undefined) => {
      alarm = deadline;
    },
  } as unknown as ActorHost<ActorPorts>;
  const recorder = recordActor(host);
  const actor = new Actor(makeDefinition(), recorder.host as never);
  const boot = { name: 'b', incarnation: 3, input: { from: 1 }, records: [new Uint8Array([9])] };
  recorder.booted(boot);
  actor.start(boot);
  // A host packs the messages of every turn into one buffer.
  const packed = new Uint8Array(1);
  for (let turn = 0; turn < 20; turn++) {
    now = turn % 3 === 0 && alarm !== undefined ? alarm : now + 10;
    packed[0] = turn;
    actor.turn(turn % 3 === 1 ? [message(turn, packed), message(1)] : []);
  }
  return { recording: recorder.finish(actor.state), sent };
}

test('recording: a life on a synchronous disk replays, also from its bytes', (t) => {
  const { recording, sent } = live();
  t.ok(sent.length > 15, 'the life is worth recording');
  t.ok(recording.batches.some(({ inputs }) => inputs[0]?.type === 'timer'));
  t.ok(recording.batches.some(({ inputs }) => inputs[0]?.type === 'persisted'));
  const same = { type: 'same', batches: recording.batches.length };
  t.same(replay(recording, makeDefinition()), same);
  t.same(replay(decodeRecording(encodeRecording(recording)), makeDefinition()), same);
  t.end();
});

test('recording: a changed actor, input, draw or answer shows as a difference', (t) => {
  const { recording } = live();
  t.match(replay(recording, makeDefinition(2)), {
    type: 'differs',
    what: /sent, written or asked/,
  });
  const draws = recording.draws.map((draw) => draw + 1);
  t.match(replay({ ...recording, draws }, makeDefinition()), { type: 'differs' });
  t.match(replay({ ...recording, draws: [...recording.draws, 1] }, makeDefinition()), {
    what: 'fewer random numbers were drawn',
  });
  t.match(replay({ ...recording, input: { from: 2 } }, makeDefinition()), { type: 'differs' });
  t.match(replay({ ...recording, returns: [] }, makeDefinition()), { type: 'differs' });
  t.match(replay({ ...recording, state: '' }, makeDefinition()), { what: 'the final state' });
  const batches = recording.batches.slice(0, -1);
  t.match(replay({ ...recording, batches }, makeDefinition()), { type: 'differs' });
  t.end();
});

test('recording: bytes that are none are refused', (t) => {
  const named = [1, 'a', 1, 0, null, [], [], [], []];
  const wrong = [encode([...named, 5, [], '', null]), encode([1, null, ...named.slice(2), [], []])];
  const noise = [new Uint8Array(), new Uint8Array([1, 2, 3]), new Uint8Array([0x91, 9])];
  for (const bytes of [...noise, ...wrong]) {
    t.throws(() => decodeRecording(bytes), { code: 'INPUT', message: /not a recording/ });
  }
  t.end();
});

test('trace: what is written is read again', (t) => {
  const recorder = new MemoryRecorder();
  const sent = {
    message: 1,
    from: 'a',
    to: 'b',
    kind: 'custom',
    rpc: 'none',
    correlation: 0,
    sizeBytes: 3,
  } as const;
  recorder.record(0, 'a', { type: 'spawn', incarnation: 1 });
  recorder.record(1, 'a', { type: 'transition', event: 'boot', from: null, to: { x: 'y' } });
  recorder.record(1, 'a', { type: 'send', ...sent });
  recorder.record(2, 'b', { type: 'drop', reason: 'cut', ...sent });
  recorder.record(2, 'b', { type: 'log', level: 'info', message: '{"[', fields: { a: [1] } });
  recorder.record(3, '', { type: 'violation', invariant: 'S1', detail: 'two leaders' });
  const lines = [...formatTrace(HEADER, recorder.events())].join('').split('\n');
  const trace = readTrace(lines);
  t.same(trace.header, HEADER);
  t.same(trace.events, recorder.events());
  t.end();
});

test('trace: the reader refuses what it does not know, and names the line', (t) => {
  const header = JSON.stringify(HEADER);
  const event = { type: 'pause', at: 5, seq: 1, actor: 'a' };
  const bad: [lines: unknown[], problem: RegExp][] = [
    [[], /header/],
    [['{'], /line 1 is not JSON/],
    [['[]'], /line 1 is not a JSON object/],
    [[{ ...HEADER, version: 2 }], /line 1 has version 2; this program reads 1/],
    [[{ ...HEADER, trace: 'x' }], /not the header/],
    [[{ ...HEADER, seed: 'x' }], /wrong 'seed'/],
    [[header, { ...event, type: 'toString' }], /line 2 has the unknown type "toString"/],
    [[header, { ...event, more: 1 }], /unknown field 'more'/],
    [[header, '{"type":"pause","at":5,"seq":1,"actor":"a","__proto__":{}}'], /__proto__/],
    [[header, { ...event, at: -1 }], /wrong 'at'/],
    [[header, { type: 'pause', at: 5, seq: 1 }], /lacks 'actor'/],
    [[header, event, event], /line 3 is out of order/],
    [[header, '', event], /line 2 is empty/],
    [[header, 'x'.repeat(70_000)], /longer than 65536/],
    [[header, '['.repeat(50_000)], /nested deeper than 16/],
  ];
  for (const [lines, problem] of bad) {
    const texts = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    t.throws(() => readTrace(texts), { code: 'INPUT', message: problem }, String(problem));
  }
  const limits = { ...TRACE_LIMITS, events: 1 };
  const two = [header, JSON.stringify(event), JSON.stringify({ ...event, seq: 2 })];
  t.throws(() => readTrace(two, limits), /exceeds 1 events/);
  t.end();
});

test('trace: a recorder in memory keeps the last events only', (t) => {
  const recorder = new MemoryRecorder(10);
  for (let i = 0; i < 95; i++) recorder.record(i, 'a', { type: 'pause' });
  t.same(
    recorder.events().map((event) => event.at),
    [85, 86, 87, 88, 89, 90, 91, 92, 93, 94],
  );
  t.equal(recorder.lostCount, 85);
  t.end();
});

test('hash: depends on every bit and on the order, not on the order of keys', (t) => {
  t.equal(hashOf({ a: 1, b: [2] }), hashOf({ b: [2], a: 1 }));
  const values = [
    0,
    1,
    -1,
    2 ** 40,
    0.5,
    '',
    'a',
    null,
    undefined,
    true,
    [],
    [[]],
    {},
    new Map(),
    1n,
  ];
  values.push(
    new Uint8Array([1]) as never,
    new Uint8Array([1, 0]) as never,
    [1, 2] as never,
    [2, 1] as never,
  );
  t.equal(new Set(values.map(hashOf)).size, values.length);
  const digests = new Set<string>();
  const hash = new TraceHash();
  for (let i = 0; i < 10_000; i++) {
    hash.fold(i & 1);
    digests.add(hash.digest());
  }
  t.equal(digests.size, 10_000);
  t.end();
});
