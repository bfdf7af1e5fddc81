/**
 * Raft's messages as bytes: positional arrays, entries and snapshots behind a header. Decoders
 * check every field that the machine relies on and throw `MalformedMessage`.
 */
import type { Configuration } from '../../machines/raft/configuration.js';
import type { PlainMessage, RaftEffect } from '../../machines/raft/effects.js';
import type { TermCount } from '../../machines/raft/log-metadata.js';
import type { RaftMessage } from '../../machines/raft/messages.js';
import { array, count, flag, MalformedMessage, unpack } from '../codec/fields.js';
import { encode } from '../codec/positional.js';
import type { MessageKind } from '../message-kinds.js';
import type { Envelope } from '../ports.js';
import { fromConfiguration, readEntries, toConfiguration } from './entries.js';
import { headerOf, splitHeader } from './framing.js';

/** The router's kind of each message. */
export const KIND_OF = {
  preVote: 'raftPreVote',
  preVoteResult: 'raftPreVoteResult',
  requestVote: 'raftVote',
  voteResult: 'raftVoteResult',
  appendEntries: 'raftAppend',
  appendResult: 'raftAppendResult',
  installSnapshot: 'raftSnapshot',
  snapshotResult: 'raftSnapshotResult',
  timeoutNow: 'raftTimeoutNow',
} as const satisfies Record<RaftMessage['type'], MessageKind>;

const TYPE_OF: ReadonlyMap<string, RaftMessage['type']> = new Map(
  Object.entries(KIND_OF).map(([type, kind]) => [kind, type as RaftMessage['type']]),
);

type Replicate = Extract<RaftEffect, { type: 'replicate' }>;

export function encodeMessage(message: PlainMessage): Uint8Array {
  switch (message.type) {
    case 'preVote':
    case 'requestVote':
      return encode([message.term, message.lastIndex, message.lastTerm, message.isTransfer]);
    case 'preVoteResult':
    case 'voteResult':
      return encode([message.term, message.isGranted]);
    case 'appendResult': {
      const { term, round, isSuccess, matchIndex } = message;
      const { rejectedIndex, conflictIndex, conflictTerm } = message;
      const where = [rejectedIndex, conflictIndex, conflictTerm];
      return encode([term, round, isSuccess, matchIndex, ...(isSuccess ? [] : where)]);
    }
    case 'snapshotResult': {
      const { term, round, lastIndex, nextOffset, isDone } = message;
      return encode([term, round, lastIndex, nextOffset, isDone]);
    }
    case 'timeoutNow':
      return encode([message.term]);
  }
}

/** What stands before the entries. */
export function appendHeader(effect: Replicate): Uint8Array {
  const { term, prevIndex, prevTerm, commitIndex, round, runs } = effect;
  return headerOf([term, prevIndex, prevTerm, commitIndex, round, runs]);
}

/** What stands before a piece of a snapshot. */
export function snapshotHeader(
  { term, round, lastIndex, offset }: Extract<RaftEffect, { type: 'sendSnapshot' }>,
  snapshot: { readonly term: number; readonly configuration: Configuration },
  isLast: boolean,
): Uint8Array {
  const configuration = fromConfiguration(snapshot.configuration);
  return headerOf([term, round, lastIndex, snapshot.term, configuration, offset, isLast]);
}

/** The machine's event, or undefined when the envelope is of another protocol. */
export function decodeMessage(
  { kind, from, payload }: Pick<Envelope, 'kind' | 'from' | 'payload'>,
  now: number,
): RaftMessage | undefined {
  const type = TYPE_OF.get(kind);
  if (type === undefined) return undefined;
  const head = { from, now };
  if (type === 'appendEntries') return { type, ...head, ...decodeAppend(payload) };
  if (type === 'installSnapshot') return { type, ...head, ...decodeSnapshot(payload) };
  const fields = array(unpack(payload), 1);
  const term = count(fields[0]);
  switch (type) {
    case 'preVote':
    case 'requestVote': {
      const [, lastIndex, lastTerm, isTransfer] = array(fields, 4);
      const ends = { lastIndex: count(lastIndex), lastTerm: count(lastTerm) };
      return { type, ...head, term, ...ends, isTransfer: flag(isTransfer) };
    }
    case 'preVoteResult':
    case 'voteResult':
      return { type, ...head, term, isGranted: flag(fields[1]) };
    case 'appendResult':
      return { type, ...head, term, ...appendResult(fields) };
    case 'snapshotResult': {
      const [, round, lastIndex, nextOffset, isDone] = array(fields, 5);
      const numbers = { round: count(round), lastIndex: count(lastIndex) };
      return {
        type,
        ...head,
        term,
        ...numbers,
        nextOffset: count(nextOffset),
        isDone: flag(isDone),
      };
    }
    case 'timeoutNow':
      return { type, ...head, term };
  }
}

function appendResult(fields: readonly unknown[]) {
  const [, round, isSuccess, matchIndex] = array(fields, 4);
  const where = flag(isSuccess) ? [0, 0, 0] : array(fields, 7).slice(4).map(count);
  const [rejectedIndex, conflictIndex, conflictTerm] = where as [number, number, number];
  return {
    round: count(round),
    isSuccess: flag(isSuccess),
    matchIndex: count(matchIndex),
    rejectedIndex,
    conflictIndex,
    conflictTerm,
  };
}

function decodeAppend(payload: Uint8Array) {
  const { fields, rest } = splitHeader(payload);
  const [first, ...more] = array(fields, 6);
  const [prevIndex, prevTerm, commitIndex, round] = more.map((it, at) => (at < 4 ? count(it) : 0));
  const term = count(first);
  const runs = toRuns(more[4], term);
  const previous = prevIndex as number;
  const { count: entryCount, configurations } = readEntries(rest, previous + 1);
  if (runs.reduce((sum, [, n]) => sum + n, 0) !== entryCount) {
    throw new MalformedMessage(`terms of another number than ${entryCount} entries`);
  }
  if ((prevTerm as number) > (runs[0]?.[0] ?? term)) {
    throw new MalformedMessage('a term below the one before it');
  }
  return {
    term,
    prevIndex: previous,
    prevTerm: prevTerm as number,
    commitIndex: commitIndex as number,
    round: round as number,
    runs,
    count: entryCount,
    entries: rest,
    configurations,
  };
}

/** Terms that go up, none above the sender's, and no empty run. */
export function toRuns(value: unknown, termMax: number): readonly TermCount[] {
  let before = 0;
  return array(value, 0).map((it): TermCount => {
    const [term, entries] = array(it, 2).map(count) as [number, number];
    if (term <= before || term > termMax || entries === 0) {
      throw new MalformedMessage('terms out of order');
    }
    before = term;
    return [term, entries];
  });
}

function decodeSnapshot(payload: Uint8Array) {
  const { fields, rest: bytes } = splitHeader(payload);
  const [term, round, lastIndex, lastTerm, configuration, offset, isLast] = array(fields, 7);
  if (count(lastTerm) > count(term)) throw new MalformedMessage('a snapshot from the future');
  return {
    term: count(term),
    round: count(round),
    lastIndex: count(lastIndex),
    lastTerm: count(lastTerm),
    configuration: toConfiguration(configuration),
    offset: count(offset),
    isLast: flag(isLast),
    bytes,
  };
}
