/** Holding office: taking it, counting what followers answer, keeping it, and leaving it. */
import { commitTo } from './append.js';
import { isQuorum, quorumValue } from './configuration.js';
import type { RaftEffect, Refusal } from './effects.js';
import { lastIndexOfTermUpTo, termAt } from './log-metadata.js';
import { advanceChange, appendOwn, isRemoved, reviewChange } from './membership.js';
import type { EventOf, Micros, RaftEvent } from './messages.js';
import { askEarlyReads, confirmRounds } from './reads.js';
import {
  progressOf,
  replicateAll,
  replicateTo,
  startRound,
  syncProgress,
  withProgress,
} from './replication.js';
import {
  chain,
  configurationOf,
  leaderOf,
  nowOf,
  type Progress,
  type RaftContext,
  type Result,
} from './state.js';
import { advanceTransfer, answerAdmin, failed, reviewTransfer } from './transfer.js';

/** A term begins with a no-op, so that what older terms left is committed (Raft §5.4.2, §8). */
export function takeOffice(context: RaftContext, event: RaftEvent): Result {
  const now = nowOf(event) ?? context.electionDeadline;
  const leader = {
    progress: [],
    startIndex: context.log.lastIndex + 1,
    round: 0,
    rounds: [],
    leaseFrom: null,
    reads: [],
    early: [],
    transfer: null,
    hasAsked: false,
    change: null,
  };
  const dropped: RaftEffect[] = context.incoming === null ? [] : [{ type: 'dropChunks' }];
  const elected = { ...context, leader, leaderId: context.id, votes: [], incoming: null };
  return chain(
    [elected, dropped],
    (next) => syncProgress(next, now),
    (next) => appendOwn(next, null, now),
    (next) => startRound(next, now, 'round'),
    (next) => [next, [heartbeatTimer(next)]],
    // A leader without followers is confirmed by itself.
    confirmRounds,
  );
}

function heartbeatTimer({ options }: RaftContext): RaftEffect {
  return { type: 'setTimer', timer: 'heartbeat', delayMicros: options.heartbeatMicros };
}

/** What was promised to somebody is not kept any more; the host is told whom to answer. */
export function resign(context: RaftContext): Result {
  const { reads, early, transfer, change, progress } = leaderOf(context);
  const effects: RaftEffect[] = [{ type: 'cancelTimer', timer: 'heartbeat' }];
  for (const [to, it] of progress) {
    if (it.transfer !== null) effects.push({ type: 'releaseSnapshot', to });
  }
  const next = { ...context, leader: null, leaderId: null };
  const waiters = [...reads.flatMap((it) => it.waiters), ...early];
  const { currentTerm: term } = context;
  const error: Refusal = 'notLeader';
  if (waiters.length > 0) {
    effects.push({ type: 'refuse', request: 'read', waiters, error, term, leader: null });
  }
  // The target, or anybody else, has been elected: that is what was asked for.
  if (transfer !== null) effects.push(answerAdmin(transfer.waiter, { ok: true }));
  if (change !== null) {
    const outcome = failed(next, error, 'it has lost its office: the change may still come true');
    effects.push(answerAdmin(change.waiter, outcome));
  }
  return [next, effects];
}

/** Heartbeats, and what is to be looked after from time to time. */
export function beat(context: RaftContext, { now }: EventOf<'heartbeatTimer'>): Result {
  return chain(
    context,
    (next) => reviewTransfer(next, now),
    (next) => reviewChange(next, now),
    (next) => startRound(next, now, 'beat'),
    (next) => [next, [heartbeatTimer(next)]],
    confirmRounds,
  );
}

/**
 * A leader that has not heard a quorum for an election time-out, or whose own disk has been stuck
 * for that long, is no use to anybody (thesis §6.2; CORRECTNESS A13, C9).
 */
export function lacksQuorum(context: RaftContext, now: Micros): boolean {
  const { options, leader, id, unsynced } = context;
  if (!options.checkQuorum || leader === null) return false;
  const since = now - options.electionMinMicros;
  const oldest = unsynced[0];
  if (oldest !== undefined && oldest.at < since) return true;
  return !isQuorum(configurationOf(context), (it) => {
    return it === id || (progressOf(leader, it)?.heardAt ?? since) > since;
  });
}

/** A follower answers: it has entries, or says where its log parts from the leader's. */
export function countAppendResult(context: RaftContext, event: EventOf<'appendResult'>): Result {
  const { from, now } = event;
  const before = progressOf(leaderOf(context), from);
  if (before === undefined || event.term < context.currentTerm) return [context, []];
  const heard = { ...before, heardAt: now, round: Math.max(before.round, event.round) };
  const after = event.isSuccess ? advance(context, heard, event) : retreat(context, heard, event);
  const isReleased = before.transfer !== null && after.transfer === null;
  const effects: RaftEffect[] = isReleased ? [{ type: 'releaseSnapshot', to: from }] : [];
  return afterAnswer([withProgress(context, from, after), effects], from, now);
}

/** What any answer of a follower may bring about. */
export function afterAnswer(result: Result, from: string, now: Micros): Result {
  return chain(
    result,
    confirmRounds,
    (next) => advanceCommit(next, now),
    (next) => replicateTo(next, from),
    (next) => advanceTransfer(next, from),
    (next) => (leaderOf(next).change === null ? [next, []] : advanceChange(next, now)),
  );
}

/** Never beyond what the follower has verified (CORRECTNESS B5), and never back (S27, B6). */
function advance(
  { id, log }: RaftContext,
  progress: Progress,
  event: EventOf<'appendResult'>,
): Progress {
  if (event.matchIndex > log.lastIndex) {
    throw new Error(`'${event.from}' has entry ${event.matchIndex}, which '${id}' never sent`);
  }
  const matchIndex = Math.max(progress.matchIndex, event.matchIndex);
  const nextIndex = Math.max(progress.nextIndex, matchIndex + 1);
  const stillNeeds = progress.mode === 'snapshot' && matchIndex + 1 < log.firstIndex;
  if (stillNeeds) return { ...progress, matchIndex, nextIndex };
  if (progress.mode === 'snapshot') {
    // It has caught up by other means, or the transfer's answer was lost.
    const next = { ...progress, matchIndex, nextIndex: matchIndex + 1, transfer: null };
    return { ...next, mode: 'probe', isPaused: false };
  }
  // An answer to a message older than the probe says nothing about the probe.
  const isOlder = progress.mode === 'probe' && event.matchIndex + 1 < progress.nextIndex;
  if (isOlder) return { ...progress, matchIndex, nextIndex };
  return { ...progress, matchIndex, nextIndex, mode: 'replicate', isPaused: false };
}

/** Looks where both logs may agree, at least a term further back (Raft §5.3). */
function retreat(
  { log }: RaftContext,
  progress: Progress,
  event: EventOf<'appendResult'>,
): Progress {
  const { rejectedIndex, conflictIndex, conflictTerm } = event;
  const { mode, matchIndex, nextIndex } = progress;
  if (mode === 'snapshot' || rejectedIndex <= matchIndex) return progress;
  // An answer to an older probe: the newer one is still out.
  if (mode === 'probe' && rejectedIndex !== nextIndex - 1) return progress;
  const agreed = lastIndexOfTermUpTo(log, conflictIndex, conflictTerm);
  const next = Math.min(Math.max(agreed, matchIndex), rejectedIndex - 1) + 1;
  return { ...progress, mode: 'probe', isPaused: false, nextIndex: Math.max(next, 1) };
}

/** The own disk counts like a follower's, and only now (thesis §10.2.1; CORRECTNESS B12). */
export function countOwnDisk(context: RaftContext, event: EventOf<'persisted'>): Result {
  return advanceCommit(context, event.now);
}

/**
 * An entry is committed when a quorum has it on disk and it is of the leader's own term; those
 * before it are then too, and never by their own number (Raft §5.4.2, Figure 8).
 */
export function advanceCommit(context: RaftContext, now: Micros): Result {
  const index = quorumIndex(context);
  if (index <= context.commitIndex) return [context, []];
  if (termAt(context.log, index) !== context.currentTerm) return [context, []];
  return chain(
    commitTo(context, index),
    (next) => askEarlyReads(next, now),
    (next) => advanceChange(next, now),
    // Who stays must know that the leader could go.
    (next) => (isRemoved(next) ? replicateAll(next, 'round') : [next, []]),
  );
}

/** The last entry that a quorum has on disk. */
export function quorumIndex(context: RaftContext): number {
  const leader = leaderOf(context);
  return quorumValue(configurationOf(context), (id) => {
    return id === context.id ? context.durableIndex : (progressOf(leader, id)?.matchIndex ?? 0);
  });
}
