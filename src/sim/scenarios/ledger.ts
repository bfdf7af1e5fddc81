/**
 * The actors of the scenario `exactly-once`: a server that adds up, and clients whose every
 * addition must count once, whatever is lost, repeated, or killed. The smallest protocol that needs
 * all that a host promises: requests with time-outs, writes before replies, and a disk that
 * outlives a crash.
 *
 * A client writes down each acknowledged addition before it sends the next one; the server writes
 * down each addition before it answers, and knows the last one of each client.
 */
import { setup } from 'xstate';
import { decode, encode } from '../../../actors/codec/positional.js';
import { defineActor } from '../../../actors/define-actor.js';
import type { ActorPorts, Address, Input, Turn } from '../../../actors/ports.js';
import { reducerFor, unchanged } from '../../../machines/reducer.js';

/** One addition, as the server writes it down. */
export interface Entry {
  readonly client: Address;
  /** 1, 2, 3, … for each client. */
  readonly seq: number;
  readonly amount: number;
}

/** What the n-th addition of any client adds: known without being told, so a restart knows it. */
export function amountOf(seq: number): number {
  return 1 + ((seq * 7919) % 100);
}

export function decodeEntry(record: Uint8Array): Entry {
  const [client, seq, amount] = decode(record) as [Address, number, number];
  return { client, seq, amount };
}

// ---- the server

export interface ServerInput {
  /** Bugs of the zoo, see `exactly-once.ts`. */
  readonly answersEarly: boolean;
  readonly addsTwice: boolean;
  readonly forgets: boolean;
}

interface LastAddition {
  readonly seq: number;
  readonly total: number;
}

export interface ServerContext extends ServerInput {
  readonly total: number;
  /** The last addition of each client, and the total after it. */
  readonly last: Readonly<Record<Address, LastAddition>>;
  readonly written: number;
}

interface Addition extends Entry {
  readonly correlation: number;
}

type ServerEvent =
  | { readonly type: 'additions'; readonly additions: readonly Addition[] }
  | { readonly type: 'persisted'; readonly upTo: number };

type ServerEffect =
  | { readonly type: 'save'; readonly entry: Entry; readonly token: number }
  | {
      readonly type: 'answer';
      readonly to: Address;
      readonly correlation: number;
      readonly seq: number;
      readonly total: number;
      readonly after: 'now' | 'durable';
    };

const onServer = reducerFor<ServerContext, ServerEvent, ServerEffect>();

function add(
  context: ServerContext,
  { additions }: { readonly additions: readonly Addition[] },
): readonly [ServerContext, readonly ServerEffect[]] {
  const effects: ServerEffect[] = [];
  let { total, last, written } = context;
  for (const { client, seq, amount, correlation } of additions) {
    const known = last[client]?.seq ?? 0;
    // An older one is a ghost: its sender has had the answer, or it could not have gone on.
    if (seq < known) continue;
    if (seq > known || context.addsTwice) {
      total += amount;
      written++;
      last = { ...last, [client]: { seq, total } };
      effects.push({ type: 'save', entry: { client, seq, amount }, token: written });
    }
    const answered = last[client] as LastAddition;
    const after = context.answersEarly ? 'now' : 'durable';
    effects.push({ type: 'answer', to: client, correlation, ...answered, after });
  }
  return [{ ...context, total, last, written }, effects];
}

const serverMachine = setup({
  types: {} as {
    context: ServerContext;
    events: ServerEvent;
    emitted: ServerEffect;
    input: ServerContext;
  },
  actions: {
    add: onServer('additions', add),
    note: onServer('persisted', unchanged),
  },
}).createMachine({
  id: 'ledger-server',
  description: 'Adds up what clients send, each addition once.',
  context: ({ input }) => input,
  on: { additions: { actions: 'add' }, persisted: { actions: 'note' } },
});

export const serverBinding = {
  definition: defineActor<typeof serverMachine, ActorPorts, ServerInput>(serverMachine, {
    boot: ({ input, records }) => {
      let total = 0;
      const last: Record<Address, LastAddition> = {};
      for (const { client, seq, amount } of input.forgets ? [] : [...records].map(decodeEntry)) {
        total += amount;
        last[client] = { seq, total };
      }
      return { ...input, total, last, written: 0 };
    },
    receive: (inputs) => {
      const additions = inputs.flatMap(toAddition);
      const persisted = inputs.filter((input) => input.type === 'persisted');
      return additions.length > 0 ? [{ type: 'additions', additions }, ...persisted] : persisted;
    },
    perform: {
      save: ({ entry: { client, seq, amount }, token }, { storage }) => {
        storage.write([encode([client, seq, amount])], token);
      },
      answer: ({ to, correlation, seq, total, after }, { router }) => {
        const payload = encode([seq, total]);
        router.send({ to, kind: 'custom', rpc: 'reply', correlation, payload, after });
      },
    },
  }),
};

function toAddition(input: Input): Addition[] {
  if (input.type !== 'message' || input.envelope.rpc !== 'request') return [];
  const { from, correlation, payload } = input.envelope;
  const [seq, amount] = decode(payload) as [number, number];
  return [{ client: from, seq, amount, correlation }];
}

// ---- the client

export interface ClientInput {
  readonly server: Address;
  /** How many additions it makes. */
  readonly goal: number;
  /** A bug of the zoo: it goes on before it has written down the answer. */
  readonly runsAhead: boolean;
}

export interface ClientContext extends ClientInput {
  /** Additions whose answer is written down. */
  readonly acknowledged: number;
  /** The total in the last answer; 0 before the first of this life. */
  readonly lastTotal: number;
  readonly correlation: number;
}

type ClientEvent =
  | { readonly type: 'wake' }
  | {
      readonly type: 'answered';
      readonly seq: number;
      readonly total: number;
      readonly thinkMicros: number;
    }
  | { readonly type: 'unanswered'; readonly backoffMicros: number }
  | { readonly type: 'persisted'; readonly upTo: number };

type ClientEffect =
  | {
      readonly type: 'request';
      readonly to: Address;
      readonly seq: number;
      readonly correlation: number;
      readonly after: 'now' | 'durable';
    }
  | { readonly type: 'save'; readonly seq: number }
  | { readonly type: 'setTimer'; readonly timer: string; readonly delayMicros: number };

const REQUEST_TIMEOUT_MICROS = 500_000;
const THINK_MICROS_MAX = 800_000;
const BACKOFF_MICROS_MAX = 200_000;

const onClient = reducerFor<ClientContext, ClientEvent, ClientEffect>();

function ask(context: ClientContext): readonly [ClientContext, readonly ClientEffect[]] {
  const correlation = context.correlation + 1;
  const seq = context.acknowledged + 1;
  const after = context.runsAhead ? 'now' : 'durable';
  const effect: ClientEffect = { type: 'request', to: context.server, seq, correlation, after };
  return [{ ...context, correlation }, [effect]];
}

const clientMachine = setup({
  types: {} as {
    context: ClientContext;
    events: ClientEvent;
    emitted: ClientEffect;
    input: ClientContext;
  },
  guards: { isFinished: ({ context }) => context.acknowledged >= context.goal },
  actions: {
    ask: onClient('*', ask),
    acknowledge: onClient('answered', (context, { seq, total, thinkMicros }) => [
      { ...context, acknowledged: seq, lastTotal: total },
      [
        { type: 'save', seq },
        { type: 'setTimer', timer: 'wake', delayMicros: thinkMicros },
      ],
    ]),
    retryLater: onClient('unanswered', (context, { backoffMicros }) => [
      context,
      [{ type: 'setTimer', timer: 'wake', delayMicros: backoffMicros }],
    ]),
  },
}).createMachine({
  id: 'ledger-client',
  initial: 'deciding',
  context: ({ input }) => input,
  states: {
    deciding: {
      description: 'A restarted client may have finished in an earlier life.',
      always: [{ guard: 'isFinished', target: 'done' }, { target: 'asking' }],
    },
    asking: {
      description: 'One addition is on its way.',
      entry: 'ask',
      on: {
        answered: { target: 'thinking', actions: 'acknowledge' },
        unanswered: { target: 'thinking', actions: 'retryLater' },
      },
    },
    thinking: {
      description: 'Waits before the next addition, or before it repeats one.',
      meta: { timers: { wake: '0..0.8s' } },
      on: { wake: 'deciding' },
    },
    done: { description: 'All additions are acknowledged.' },
  },
});

export const clientBinding = {
  definition: defineActor<typeof clientMachine, ActorPorts, ClientInput>(clientMachine, {
    boot: ({ input, records, incarnation }) => {
      let acknowledged = 0;
      for (const record of records) acknowledged = (decode(record) as [number])[0];
      // Numbers of this life only: an answer to an earlier life's request is a stray.
      return { ...input, acknowledged, lastTotal: 0, correlation: incarnation * 2 ** 32 };
    },
    receive: (inputs, turn) => inputs.flatMap((input) => toClientEvent(input, turn)),
    perform: {
      request: ({ to, seq, correlation, after }, { router }) => {
        router.send({
          to,
          kind: 'custom',
          rpc: 'request',
          correlation,
          payload: encode([seq, amountOf(seq)]),
          timeoutMicros: REQUEST_TIMEOUT_MICROS,
          after,
        });
      },
      save: ({ seq }, { storage }) => storage.write(encode([seq]), seq),
      setTimer: ({ timer, delayMicros }, { timers }) => timers.set(timer, delayMicros),
    },
  }),
};

function toClientEvent(input: Input, turn: Turn): ClientEvent[] {
  switch (input.type) {
    case 'message': {
      const [seq, total] = decode(input.envelope.payload) as [number, number];
      return [{ type: 'answered', seq, total, thinkMicros: turn.draw() % THINK_MICROS_MAX }];
    }
    case 'noReply':
      return [{ type: 'unanswered', backoffMicros: turn.draw() % BACKOFF_MICROS_MAX }];
    case 'timer':
      return [{ type: 'wake' }];
    case 'persisted':
      return [input];
    case 'completed':
      return [];
  }
}
