/**
 * What a node's clients ask for, and what they are told: proposals, reads, and requests of an
 * operator. Every request has an answer, unless the node dies.
 */
import type { Membership, NodeId } from '../../machines/raft/configuration.js';
import type { AdminOutcome, RaftEffect, RaftStatus } from '../../machines/raft/effects.js';
import type { RaftInternal } from '../../machines/raft/messages.js';
import { array, count, flag, MalformedMessage, text, unpack } from '../codec/fields.js';
import { type Encodable, encode } from '../codec/positional.js';
import type { Address, Envelope } from '../ports.js';
import { fromConfiguration, toConfiguration } from './entries.js';

/** Whom to answer. */
export interface Caller {
  readonly client: Address;
  readonly correlation: number;
}

/**
 * The answer to `start(command)`: where the command stands in the log, if this node leads. It will
 * be applied there, in that term, or never.
 */
export type ProposeResult =
  | { readonly isLeader: true; readonly index: number; readonly term: number }
  | {
      readonly isLeader: false;
      readonly term: number;
      readonly error: string;
      readonly leader: NodeId | null;
    };

/** The state after `index`, or a later one, answers the read. */
export type ReadResult =
  | { readonly ok: true; readonly index: number }
  | { readonly ok: false; readonly error: string; readonly leader: NodeId | null };

export type AdminRequest =
  | { readonly type: 'status' }
  | { readonly type: 'transfer'; readonly target: NodeId }
  | { readonly type: 'change'; readonly membership: Membership };

/** With what the disk must hold: the labs' `PersistBytes`, without the snapshot. */
export type Status = RaftStatus & { readonly persistBytes: number };

export function encodeProposeResult(result: ProposeResult): Uint8Array {
  if (result.isLeader) return encode([true, result.term, result.index]);
  return encode([false, result.term, result.error, result.leader]);
}

export function decodeProposeResult(bytes: Uint8Array): ProposeResult {
  const [isLeader, term, third, leader] = array(unpack(bytes), 3);
  if (flag(isLeader)) return { isLeader: true, term: count(term), index: count(third) };
  return { isLeader: false, term: count(term), error: text(third), leader: nodeOrNull(leader) };
}

export function encodeReadResult(result: ReadResult): Uint8Array {
  return encode(result.ok ? [true, result.index] : [false, result.error, result.leader]);
}

export function decodeReadResult(bytes: Uint8Array): ReadResult {
  const [ok, second, leader] = array(unpack(bytes), 2);
  if (flag(ok)) return { ok: true, index: count(second) };
  return { ok: false, error: text(second), leader: nodeOrNull(leader) };
}

export function encodeAdminRequest(request: AdminRequest): Uint8Array {
  if (request.type === 'status') return encode(['status']);
  if (request.type === 'transfer') return encode(['transfer', request.target]);
  const { voters, learners } = request.membership;
  return encode(['change', voters, learners]);
}

/** The machine's event. */
export function decodeAdminRequest({ payload, from, correlation }: Envelope, now: number) {
  const waiter: Caller = { client: from, correlation };
  const [type, second, third] = array(unpack(payload), 1);
  if (type === 'status') return { type: 'statusRequested', now, waiter } satisfies RaftInternal;
  if (type === 'transfer') {
    const target = text(second);
    return { type: 'transferRequested', now, target, waiter } satisfies RaftInternal;
  }
  if (type !== 'change') throw new MalformedMessage(`a request for '${String(type)}'`);
  const membership = { voters: array(second, 0).map(text), learners: array(third, 0).map(text) };
  return { type: 'changeRequested', now, membership, waiter } satisfies RaftInternal;
}

export function encodeAdminResult(outcome: AdminOutcome): Uint8Array {
  if (outcome.ok) return encode([true]);
  return encode([false, outcome.error, outcome.leader, outcome.detail]);
}

export function decodeAdminResult(bytes: Uint8Array): AdminOutcome {
  const [ok, error, leader, detail] = array(unpack(bytes), 1);
  if (flag(ok)) return { ok: true };
  const refusal = text(error) as Extract<AdminOutcome, { ok: false }>['error'];
  return { ok: false, error: refusal, leader: nodeOrNull(leader), detail: text(detail) };
}

export function encodeStatus(status: RaftStatus, persistBytes: number): Uint8Array {
  const { id, currentTerm, isLeader, leader, commitIndex, lastIndex } = status;
  const rest = [status.firstIndex, status.snapshotIndex, fromConfiguration(status.configuration)];
  const head: Encodable[] = [id, currentTerm, isLeader, leader, commitIndex, lastIndex];
  return encode([...head, ...rest, persistBytes]);
}

export function decodeStatus(bytes: Uint8Array): Status {
  const [id, term, isLeader, leader, ...more] = array(unpack(bytes), 10);
  const [commitIndex, lastIndex, firstIndex, snapshotIndex] = more.slice(0, 4).map(count) as [
    number,
    number,
    number,
    number,
  ];
  return {
    id: text(id),
    currentTerm: count(term),
    isLeader: flag(isLeader),
    leader: nodeOrNull(leader),
    commitIndex,
    lastIndex,
    firstIndex,
    snapshotIndex,
    configuration: toConfiguration(more[4]),
    persistBytes: count(more[5]),
  };
}

/** The answer to what the machine would not take. */
export function encodeRefusal(effect: Extract<RaftEffect, { type: 'refuse' }>): Uint8Array {
  const { request, term, error, leader } = effect;
  if (request === 'read') return encodeReadResult({ ok: false, error, leader });
  return encodeProposeResult({ isLeader: false, term, error, leader });
}

function nodeOrNull(value: unknown): NodeId | null {
  return value === null || value === undefined ? null : text(value);
}
