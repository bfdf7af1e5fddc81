/**
 * A Raft node: its machine, the log cache with the payloads, the snapshots, and the service that
 * applies what is committed. The leader's entries leave with the turn, in parallel with its own
 * disk write; votes and acknowledgements wait for the disk.
 */
import type { Configuration } from '../../machines/raft/configuration.js';
import type { RaftEffect } from '../../machines/raft/effects.js';
import { raftMachine } from '../../machines/raft/machine.js';
import type { RaftOptions } from '../../machines/raft/state.js';
import { type ActorDefinition, defineActor, type EffectTable } from '../define-actor.js';
import { LogCache, packEntries, skipPacked } from '../log-cache.js';
import type { ActorPorts, RouterPort } from '../ports.js';
import {
  type Caller,
  encodeAdminResult,
  encodeProposeResult,
  encodeReadResult,
  encodeRefusal,
  encodeStatus,
} from './clients.js';
import { commandOf, ownEntry } from './entries.js';
import { eventsOf } from './inbox.js';
import { entriesHeader, hardStateRecord, recover, writeSnapshot } from './records.js';
import { SnapshotStore } from './snapshot-store.js';
import { appendHeader, encodeMessage, KIND_OF, snapshotHeader } from './wire.js';

/**
 * What the log replicates: the consumer of the apply stream. Entries come in the order of the log,
 * without gaps, each once in a life; after a snapshot the next is the one behind it. To let the log
 * be shortened it calls `complete('service', { type: 'snapshotTaken', index, bytes })`.
 */
export interface RaftService {
  /** A committed entry; `command` is null for one of the protocol's own. A view: copy it. */
  apply(index: number, term: number, command: Uint8Array | null): void;
  /** The state is the one that `bytes` hold, and nothing else. */
  restore(index: number, term: number, bytes: Uint8Array): void;
}

export interface RaftPorts extends ActorPorts {
  readonly log: LogCache;
  readonly snapshots: SnapshotStore;
  readonly service: RaftService;
}

/** The ports of a node that only its service must be added to. */
export function raftPorts(service: RaftService): Omit<RaftPorts, keyof ActorPorts> {
  return { log: new LogCache(), snapshots: new SnapshotStore(), service };
}

/** What is given at spawn. */
export interface RaftSpawnInput {
  readonly options: RaftOptions;
  /** The members of a new system, the same for all of them; `NO_MEMBERS` of one that joins. */
  readonly configuration: Configuration;
}

/** Term and vote as they stand on disk, about: for the labs' count of bytes. */
const HARD_STATE_BYTES = 16;
const CHUNK_BYTES = 256 * 1024;

type Row<T extends RaftEffect['type']> = (
  effect: Extract<RaftEffect, { type: T }>,
  ports: RaftPorts,
) => void;

const sendSnapshot: Row<'sendSnapshot'> = (effect, { snapshots, router }) => {
  const { to, lastIndex, offset } = effect;
  const { metadata, bytes } = snapshots.pin(to, lastIndex);
  const end = Math.min(offset + CHUNK_BYTES, bytes.byteLength);
  const header = snapshotHeader(effect, metadata, end === bytes.byteLength);
  router.send({ to, kind: 'raftSnapshot', payload: [header, bytes.subarray(offset, end)] });
};

const persistSnapshot: Row<'persistSnapshot'> = (effect, { snapshots, log, storage }) => {
  const { snapshot: metadata, isReset } = effect;
  const bytes = effect.bytes === 'incoming' ? snapshots.takePieces() : effect.bytes;
  snapshots.put({ metadata, bytes });
  if (isReset) log.reset(metadata.index);
  else log.compactTo(effect.log.firstIndex - 1);
  writeSnapshot(effect, bytes, log, storage);
};

const apply: Row<'apply'> = ({ first, last, runs }, { log, service }) => {
  let run = 0;
  let [term, left] = runs[0] as readonly [number, number];
  log.forEach(first, last, (index, entry) => {
    if (left === 0) [term, left] = runs[++run] as readonly [number, number];
    left--;
    service.apply(index, term, commandOf(entry));
  });
};

const admit: Row<'admit'> = ({ first, term, waiters }, { router }) => {
  for (const [offset, waiter] of waiters.entries()) {
    const payload = encodeProposeResult({ isLeader: true, term, index: first + offset });
    reply(router, waiter, 'raftProposeResult', payload);
  }
};

function reply(
  router: RouterPort,
  waiter: unknown,
  kind: 'raftProposeResult' | 'raftReadResult' | 'raftAdminResult',
  payload: Uint8Array,
): void {
  const { client: to, correlation } = waiter as Caller;
  router.send({ to, kind, rpc: 'reply', correlation, payload });
}

const perform: EffectTable<typeof raftMachine, RaftPorts> = {
  persistHardState: ({ currentTerm, votedFor, token }, { storage }) => {
    storage.write(hardStateRecord(currentTerm, votedFor), token);
  },
  persistEntries: ({ first, runs, skip, entries, token }, { log, storage }) => {
    const packed = skipPacked(entries, skip);
    const count = runs.reduce((sum, [, n]) => sum + n, 0);
    log.cutAfter(first - 1);
    log.append(first, count, packed);
    storage.write([entriesHeader(first, runs), packed], token);
  },
  persistOwnEntry: ({ index, term, configuration, token }, { log, storage }) => {
    const packed = packEntries([ownEntry(configuration)]);
    log.append(index, 1, packed);
    storage.write([entriesHeader(index, [[term, 1]]), packed], token);
  },
  persistSnapshot,
  forgetRecords: ({ before }, { storage }) => storage.forget(before),
  send: ({ to, message, after }, { router }) => {
    router.send({ to, kind: KIND_OF[message.type], payload: encodeMessage(message), after });
  },
  replicate: (effect, { log, router }) => {
    const { to, first, last } = effect;
    const payload = [appendHeader(effect), ...log.slice(first, last)];
    router.send({ to, kind: 'raftAppend', payload });
  },
  sendSnapshot,
  releaseSnapshot: ({ to }, { snapshots }) => snapshots.release(to),
  storeChunk: ({ offset, bytes }, { snapshots }) => snapshots.addPiece(offset, bytes),
  dropChunks: (_, { snapshots }) => snapshots.dropPieces(),
  apply,
  restore: ({ snapshot: { index, term } }, { snapshots, service }) => {
    service.restore(index, term, snapshots.latest?.bytes as Uint8Array);
  },
  admit,
  refuse: (effect, { router }) => {
    const kind = effect.request === 'read' ? 'raftReadResult' : 'raftProposeResult';
    const payload = encodeRefusal(effect);
    for (const waiter of effect.waiters) reply(router, waiter, kind, payload);
  },
  answerReads: ({ index, waiters }, { router }) => {
    const payload = encodeReadResult({ ok: true, index });
    for (const waiter of waiters) reply(router, waiter, 'raftReadResult', payload);
  },
  answerStatus: ({ waiter, status }, { log, router }) => {
    const payload = encodeStatus(status, HARD_STATE_BYTES + log.sizeBytes);
    reply(router, waiter, 'raftAdminResult', payload);
  },
  answerAdmin: ({ waiter, outcome }, { router }) => {
    reply(router, waiter, 'raftAdminResult', encodeAdminResult(outcome));
  },
  setTimer: ({ timer, delayMicros }, { timers }) => timers.set(timer, delayMicros),
  cancelTimer: ({ timer }, { timers }) => timers.cancel(timer),
};

/** The node around a machine: `raftMachine`, or one that the simulator has broken on purpose. */
export function defineRaftActor(
  machine: typeof raftMachine,
): ActorDefinition<typeof raftMachine, RaftPorts, RaftSpawnInput> {
  return defineActor<typeof raftMachine, RaftPorts, RaftSpawnInput>(machine, {
    boot: ({ name, input, records, now, draw }, { log, snapshots, service }) => {
      const recovered = recover(records, input.configuration, log, snapshots);
      const { latest } = snapshots;
      if (latest !== undefined) {
        service.restore(latest.metadata.index, latest.metadata.term, latest.bytes);
      }
      return { id: name, options: input.options, ...recovered, now, draw: draw() };
    },
    receive: eventsOf,
    perform,
  });
}

export const raftActor = defineRaftActor(raftMachine);
