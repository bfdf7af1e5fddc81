/**
 * Snapshots (Raft §7): the service's own, and one that the leader sends in pieces because the
 * entries are gone. A snapshot replaces the log up to its index and nothing else: entries behind
 * it stay if the log agrees with it (receiver rule 6; CORRECTNESS F1).
 */
import { follows } from './append.js';
import type { PlainMessage, RaftEffect } from './effects.js';
import { afterAnswer } from './leadership.js';
import {
  compactTo,
  configurationAt,
  type LogMetadata,
  logAfter,
  type SnapshotMetadata,
  termAt,
} from './log-metadata.js';
import type { EventOf } from './messages.js';
import { cutWrites, SNAPSHOT_TOKENS, saveHardState } from './persistence.js';
import { progressOf, sendChunk, withProgress } from './replication.js';
import { chain, leaderOf, type RaftContext, type Result } from './state.js';

/** The service has everything up to `index` in a snapshot: those entries may go. */
export function takeSnapshot(context: RaftContext, event: EventOf<'snapshotTaken'>): Result {
  const { index, bytes, now } = event;
  const { log, commitIndex, options } = context;
  // A newer one has been installed meanwhile (CORRECTNESS F3).
  if (index <= log.snapshot.index) return [context, []];
  if (index > commitIndex) {
    throw new RangeError(`a snapshot at ${index} holds entries beyond the applied ${commitIndex}`);
  }
  const term = termAt(log, index) as number;
  const snapshot = { index, term, configuration: configurationAt(log, index) };
  const compacted = compactTo(log, snapshot, index - options.keepEntries);
  return writeSnapshot(context, { log: compacted, bytes, isReset: false, now });
}

function writeSnapshot(
  context: RaftContext,
  {
    log,
    bytes,
    isReset,
    now,
  }: {
    readonly log: LogMetadata;
    readonly bytes: Uint8Array | 'incoming';
    readonly isReset: boolean;
    readonly now: number;
  },
): Result {
  const firstToken = context.writtenToken + 1;
  const token = context.writtenToken + SNAPSHOT_TOKENS;
  const { currentTerm, votedFor } = context;
  const { snapshot } = log;
  const kept = isReset ? cutWrites(context.unsynced, context.commitIndex) : context.unsynced;
  const next: RaftContext = {
    ...context,
    log,
    writtenToken: token,
    durableIndex: isReset
      ? Math.min(context.durableIndex, context.commitIndex)
      : context.durableIndex,
    unsynced: [...kept, { token, lastIndex: log.lastIndex, at: now }],
    forget: { token, before: firstToken },
  };
  const effect: RaftEffect = {
    type: 'persistSnapshot',
    snapshot,
    bytes,
    isReset,
    log,
    currentTerm,
    votedFor,
    firstToken,
    token,
  };
  return [next, [effect]];
}

/** A piece of an old leader's snapshot: the answer's term deposes it. */
export function rejectStaleSnapshot(
  context: RaftContext,
  event: EventOf<'installSnapshot'>,
): Result {
  return [context, [answer(context, event, 0, false)]];
}

export function acceptSnapshot(context: RaftContext, event: EventOf<'installSnapshot'>): Result {
  const led = saveHardState(context, [follows(context, event), []]);
  return chain(led, (next) => receive(next, event));
}

function receive(context: RaftContext, event: EventOf<'installSnapshot'>): Result {
  const { from, term, lastIndex, offset, bytes, isLast } = event;
  // As much is committed here already: the state must not go back (CORRECTNESS F1, F16).
  if (lastIndex <= context.commitIndex) {
    const [next, effects] = dropIncoming(context);
    return [next, [...effects, answer(next, event, 0, true)]];
  }
  const incoming = incomingFor(context, event);
  if (offset !== incoming.nextOffset) {
    const next = { ...context, incoming };
    return [next, [answer(next, event, incoming.nextOffset, false)]];
  }
  const nextOffset = offset + bytes.byteLength;
  const stored: RaftEffect = { type: 'storeChunk', offset, bytes };
  const next = { ...context, incoming: { from, term, lastIndex, nextOffset } };
  if (!isLast) return [next, [stored, answer(next, event, nextOffset, false)]];
  return chain(
    [next, [stored]],
    (it) => install(it, event),
    (it) => [it, [answer(it, event, nextOffset, true)]],
  );
}

/** What has arrived of this very snapshot; a piece of another one begins anew. */
function incomingFor(
  { incoming }: RaftContext,
  { from, term, lastIndex }: EventOf<'installSnapshot'>,
): NonNullable<RaftContext['incoming']> {
  const isSame =
    incoming !== null &&
    incoming.from === from &&
    incoming.term === term &&
    incoming.lastIndex === lastIndex;
  return isSame ? incoming : { from, term, lastIndex, nextOffset: 0 };
}

function dropIncoming(context: RaftContext): Result {
  if (context.incoming === null) return [context, []];
  return [{ ...context, incoming: null }, [{ type: 'dropChunks' }]];
}

/**
 * The snapshot's configuration is in force unless an entry behind it, which stays, says otherwise
 * (CORRECTNESS D4). It is written, with what stays of the log, in the order of the log itself.
 */
function install(context: RaftContext, event: EventOf<'installSnapshot'>): Result {
  const { lastIndex: index, lastTerm: term, configuration, now } = event;
  const snapshot: SnapshotMetadata = { index, term, configuration };
  const agrees = termAt(context.log, index) === term;
  const log = agrees ? compactTo(context.log, snapshot) : logAfter(snapshot);
  return chain(
    writeSnapshot(context, { log, bytes: 'incoming', isReset: !agrees, now }),
    (next) => [{ ...next, commitIndex: index, incoming: null }, [{ type: 'restore', snapshot }]],
  );
}

function answer(
  context: RaftContext,
  { from, lastIndex, round }: EventOf<'installSnapshot'>,
  nextOffset: number,
  isDone: boolean,
): RaftEffect {
  const { currentTerm: term } = context;
  const message: PlainMessage = {
    type: 'snapshotResult',
    term,
    round,
    lastIndex,
    nextOffset,
    isDone,
  };
  return { type: 'send', to: from, message, after: 'durable' };
}

/** The leader sends the next piece, or goes on with the log when all has arrived. */
export function countSnapshotResult(
  context: RaftContext,
  event: EventOf<'snapshotResult'>,
): Result {
  const { from, now, lastIndex, nextOffset, isDone } = event;
  const before = progressOf(leaderOf(context), from);
  if (before === undefined || event.term < context.currentTerm) return [context, []];
  const heard = { ...before, heardAt: now, round: Math.max(before.round, event.round) };
  const { transfer } = before;
  const effects: RaftEffect[] = [];
  let after = heard;
  if (isDone) {
    const matchIndex = Math.max(before.matchIndex, lastIndex);
    after = { ...heard, matchIndex, nextIndex: Math.max(before.nextIndex, matchIndex + 1) };
    if (transfer !== null && transfer.lastIndex <= matchIndex) {
      after = { ...after, nextIndex: matchIndex + 1, mode: 'probe', isPaused: false };
      after = { ...after, transfer: null };
      effects.push({ type: 'releaseSnapshot', to: from });
    }
  } else if (transfer?.lastIndex === lastIndex && isNews(nextOffset, transfer.offset)) {
    after = { ...heard, transfer: { lastIndex, offset: nextOffset } };
    effects.push(sendChunk(context, from, { lastIndex, offset: nextOffset }));
  }
  return afterAnswer([withProgress(context, from, after), effects], from, now);
}

/** Further than before, or back at the start because the follower has lost what it had. */
function isNews(nextOffset: number, offset: number): boolean {
  return nextOffset > offset || (nextOffset === 0 && offset > 0);
}
