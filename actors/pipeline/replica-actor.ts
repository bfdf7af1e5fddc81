/**
 * A replica of the pipeline: its machine, the log cache that holds the payloads, and the service
 * that applies what is committed and answers the clients.
 */
import type { EventFromLogic } from 'xstate';
import { pipelineMachine } from '../../machines/pipeline/machine.js';
import type { EpochBase, Index, PipelineInput } from '../../machines/pipeline/messages.js';
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
export type ReplicaInput = Omit<PipelineInput, 'lastIndex' | 'bases'>;

type Event = EventFromLogic<typeof pipelineMachine>;

export const replicaActor = defineActor<typeof pipelineMachine, ReplicaPorts, ReplicaInput>(
  pipelineMachine,
  {
    boot: ({ input, records }, { log }) => {
      const bases: EpochBase[] = [];
      for (const record of records) restore(log, bases, record);
      return { ...input, lastIndex: log.lastIndex, bases };
    },
    receive: (inputs) => {
      const batch = gather(inputs);
      return [...batch.events, ...batch.results, ...batch.proposals()];
    },
    perform: {
      persist: ({ epoch, first, count, entries, token }, { log, storage }) => {
        log.cutAfter(first - 1);
        log.append(first, count, entries);
        storage.write([headerOf([epoch, first, count]), entries], token);
      },
      admit: ({ first, waiters }, ports) => {
        for (const [offset, waiter] of waiters.entries()) {
          ports.waiters.set(first + offset, waiter as Waiter);
        }
      },
      replicate: ({ to, epoch, cut, first, last, commitIndex }, { log, router }) => {
        const count = Math.max(0, last - first + 1);
        const [since, index] = cut === null ? [NO_CUT, 0] : [cut.since, cut.index];
        const header = headerOf([epoch, since, index, first - 1, count, commitIndex]);
        router.send({ to, kind: 'append', payload: [header, ...log.slice(first, last)] });
      },
      acknowledge: ({ to, epoch, matchIndex }, { router }) => {
        const payload = encode([epoch, matchIndex]);
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
  const results = new Map<Address, Result>();
  const events: Event[] = [];
  for (const input of inputs) {
    if (input.type === 'timer') events.push({ type: 'heartbeat' });
    else if (input.type === 'persisted') events.push(input);
    else if (input.type === 'message') {
      const { envelope } = input;
      if (envelope.kind === 'propose') proposals.push(envelope);
      else if (envelope.kind === 'append') events.push(decodeAppend(envelope));
      else if (envelope.kind === 'appendResult') {
        const result = decodeResult(envelope);
        const before = results.get(envelope.from);
        if (before === undefined || isLater(result, before)) results.set(envelope.from, result);
      }
    }
  }
  return { events, results: results.values(), proposals: () => proposed(proposals) };
}

type Result = Extract<Event, { type: 'appendResult' }>;

function decodeResult({ from, payload }: Envelope): Result {
  const [epoch, matchIndex] = decode(payload) as [number, Index];
  return { type: 'appendResult', from, epoch, matchIndex };
}

function isLater(a: Result, b: Result): boolean {
  return a.epoch === b.epoch ? a.matchIndex > b.matchIndex : a.epoch > b.epoch;
}

function proposed(proposals: readonly Envelope[]): Event[] {
  if (proposals.length === 0) return [];
  const entries = packEntries(proposals.map(({ payload }) => payload));
  const waiters = proposals.map(({ from, correlation }) => ({ client: from, correlation }));
  return [{ type: 'propose', count: proposals.length, entries, waiters }];
}

function decodeAppend({ from, payload }: Envelope): Event {
  const { fields, entries } = splitHeader(payload);
  const [epoch, since, index, prevIndex, count, commitIndex] = fields as AppendFields;
  const cut = since === NO_CUT ? null : { since, index };
  return { type: 'append', from, epoch, cut, prevIndex, count, commitIndex, entries };
}

/** Epoch, the cut's epoch and index, the index before the first entry, their count, the commit. */
type AppendFields = readonly [number, number, Index, Index, number, Index];

const NO_CUT = -1;

/** Writes what a record says into the log, and its epoch into `bases` if it is a new one. */
function restore(log: LogCache, bases: EpochBase[], record: Uint8Array): void {
  const { epoch, first, count, entries } = decodeReplicaRecord(record);
  log.cutAfter(first - 1);
  log.append(first, count, entries);
  if (epoch > (bases.at(-1)?.[0] ?? 0)) bases.push([epoch, first - 1]);
}

/** A record of a replica's disk: `count` packed entries that follow entry `first - 1`. */
export function decodeReplicaRecord(record: Uint8Array) {
  const { fields, entries } = splitHeader(record);
  const [epoch, first, count] = fields as [number, Index, number];
  return { epoch, first, count, entries };
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
