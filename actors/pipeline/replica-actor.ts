/**
 * A replica of the pipeline: its machine, the log cache that holds the payloads, and the service
 * that applies what is committed and answers the clients.
 */
import type { EventFromLogic } from 'xstate';
import { pipelineMachine } from '../../machines/pipeline/machine.js';
import type { Index, PipelineInput } from '../../machines/pipeline/messages.js';
import { decode, encode } from '../codec/positional.js';
import { defineActor } from '../define-actor.js';
import { type LogCache, packEntries } from '../log-cache.js';
import type { ActorPorts, Address, Envelope, Input } from '../ports.js';

/** Whom to answer when an entry is applied. */
export interface Waiter {
  readonly client: Address;
  readonly correlation: number;
}

/** What the log replicates: any state machine. */
export interface StateMachinePort {
  /** Applies one committed entry; the result is the answer to its client. */
  apply(index: Index, entry: Uint8Array): Uint8Array;
}

export interface ReplicaPorts extends ActorPorts {
  readonly log: LogCache;
  /** By the index of the entry. Only the leader has any. */
  readonly waiters: Map<Index, Waiter>;
  readonly stateMachine: StateMachinePort;
}

/** What is given at spawn. */
export type ReplicaInput = Omit<PipelineInput, 'lastIndex'>;

type Event = EventFromLogic<typeof pipelineMachine>;

export const replicaActor = defineActor<typeof pipelineMachine, ReplicaPorts, ReplicaInput>(
  pipelineMachine,
  {
    boot: ({ input, records }, { log }) => {
      for (const record of records) restore(log, record);
      return { ...input, lastIndex: log.lastIndex };
    },
    receive: (inputs) => {
      const batch = gather(inputs);
      return [...batch.events, ...batch.results, ...batch.proposals()];
    },
    perform: {
      persist: ({ first, count, entries }, { log, storage }) => {
        log.append(first, count, entries);
        storage.write([headerOf([first, count]), entries], first + count - 1);
      },
      admit: ({ first, waiters }, ports) => {
        for (const [offset, waiter] of waiters.entries()) {
          ports.waiters.set(first + offset, waiter as Waiter);
        }
      },
      replicate: ({ to, first, last, commitIndex }, { log, router }) => {
        const header = headerOf([first - 1, Math.max(0, last - first + 1), commitIndex]);
        router.send({ to, kind: 'append', payload: [header, ...log.slice(first, last)] });
      },
      acknowledge: ({ to, matchIndex }, { router }) => {
        const payload = encode([matchIndex]);
        router.send({ to, kind: 'appendResult', payload, after: 'durable' });
      },
      apply: ({ first, last }, { log, waiters, stateMachine, router }) => {
        log.forEach(first, last, (index, entry) => {
          const payload = stateMachine.apply(index, entry);
          const waiter = waiters.get(index);
          if (waiter === undefined) return;
          waiters.delete(index);
          const { client: to, correlation } = waiter;
          router.send({ to, kind: 'proposeResult', payload, rpc: 'reply', correlation });
        });
      },
      setTimer: ({ timer, micros }, { timers }) => timers.set(timer, micros),
    },
  },
);

/**
 * The inputs of a turn as few events: one for all proposals, one for each follower that answered.
 */
function gather(inputs: readonly Input[]) {
  const proposals: Envelope[] = [];
  const matchOf = new Map<Address, Index>();
  const events: Event[] = [];
  for (const input of inputs) {
    if (input.type === 'timer') events.push({ type: 'heartbeat' });
    else if (input.type === 'persisted') events.push(input);
    else if (input.type === 'message') {
      const { envelope } = input;
      if (envelope.kind === 'propose') proposals.push(envelope);
      else if (envelope.kind === 'append') events.push(decodeAppend(envelope));
      else if (envelope.kind === 'appendResult') {
        const [matchIndex] = decode(envelope.payload) as [Index];
        matchOf.set(envelope.from, Math.max(matchIndex, matchOf.get(envelope.from) ?? 0));
      }
    }
  }
  const results = Array.from(matchOf, ([from, matchIndex]): Event => {
    return { type: 'appendResult', from, matchIndex };
  });
  return { events, results, proposals: () => proposed(proposals) };
}

function proposed(proposals: readonly Envelope[]): Event[] {
  if (proposals.length === 0) return [];
  const entries = packEntries(proposals.map(({ payload }) => payload));
  const waiters = proposals.map(({ from, correlation }) => ({ client: from, correlation }));
  return [{ type: 'propose', count: proposals.length, entries, waiters }];
}

function decodeAppend({ from, payload }: Envelope): Event {
  const { fields, entries } = splitHeader(payload);
  const [prevIndex, count, commitIndex] = fields as [Index, number, Index];
  return { type: 'append', from, prevIndex, count, commitIndex, entries };
}

function restore(log: LogCache, record: Uint8Array): void {
  const { fields, entries } = splitHeader(record);
  const [first, count] = fields as [Index, number];
  log.append(first, count, entries);
}

/** Records and `append` messages: the header's length in a byte, the header, packed entries. */
function headerOf(fields: readonly number[]): Uint8Array {
  const encoded = encode(fields);
  const header = new Uint8Array(1 + encoded.byteLength);
  header[0] = encoded.byteLength;
  header.set(encoded, 1);
  return header;
}

function splitHeader(bytes: Uint8Array): { fields: unknown; entries: Uint8Array } {
  const start = 1 + (bytes[0] as number);
  return { fields: decode(bytes.subarray(1, start)), entries: bytes.subarray(start) };
}
