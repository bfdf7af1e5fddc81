/**
 * Linearizable reads without the log: the leader notes its commit index and makes sure that it is
 * still the leader, by a round of heartbeats that started after the read came, or by a lease
 * (Raft §8; thesis §6.4).
 */
import { quorumValue } from './configuration.js';
import type { RaftEffect } from './effects.js';
import type { EventOf, Micros } from './messages.js';
import { progressOf, startRound } from './replication.js';
import {
  chain,
  configurationOf,
  leaderOf,
  type RaftContext,
  type Result,
  withLeader,
} from './state.js';

const MILLION = 1_000_000;

/** Reads that wait for the start of the term; more are refused. */
const EARLY_READS_MAX = 65_536;

/** Whether anything of this term is committed: before, the commit index may be old (§6.4; H2). */
export function isSettled(context: RaftContext): boolean {
  return context.commitIndex >= leaderOf(context).startIndex;
}

export function askReads(context: RaftContext, event: EventOf<'readsRequested'>): Result {
  const { waiters, now } = event;
  const leader = leaderOf(context);
  if (!isSettled(context)) {
    if (leader.early.length + waiters.length > EARLY_READS_MAX)
      return refuseReads(context, waiters);
    return [withLeader(context, { early: [...leader.early, ...waiters] }), []];
  }
  const index = context.commitIndex;
  if (holdsLease(context, now)) {
    return [context, [{ type: 'answerReads', index, waiters, by: 'lease' }]];
  }
  // Only answers to a round that starts now can confirm them (CORRECTNESS H3).
  const reads = [...leader.reads, { round: leader.round + 1, index, waiters }];
  return chain(
    withLeader(context, { reads }),
    (next) => startRound(next, now, 'round'),
    confirmRounds,
  );
}

/** Reads that waited for the first commit of the term. */
export function askEarlyReads(context: RaftContext, now: Micros): Result {
  const { early: waiters } = leaderOf(context);
  if (waiters.length === 0 || !isSettled(context)) return [context, []];
  const next = withLeader(context, { early: [] });
  return askReads(next, { type: 'readsRequested', waiters, now });
}

function refuseReads(context: RaftContext, waiters: readonly unknown[]): Result {
  const { currentTerm: term, leaderId: leader } = context;
  return [context, [{ type: 'refuse', request: 'read', waiters, error: 'busy', term, leader }]];
}

/** What a quorum has answered is confirmed, and begins a lease at the time of its sending. */
export function confirmRounds(context: RaftContext): Result {
  const leader = leaderOf(context);
  const confirmed = quorumValue(configurationOf(context), (id) => {
    return id === context.id ? leader.round : (progressOf(leader, id)?.round ?? 0);
  });
  const effects: RaftEffect[] = [];
  for (const { round, index, waiters } of leader.reads) {
    if (round <= confirmed) effects.push({ type: 'answerReads', index, waiters, by: 'round' });
  }
  const done = leader.rounds.filter(([round]) => round <= confirmed).at(-1);
  if (done === undefined && effects.length === 0) return [context, []];
  const next = withLeader(context, {
    reads: leader.reads.filter(({ round }) => round > confirmed),
    rounds: leader.rounds.filter(([round]) => round > confirmed),
    leaseFrom: done?.[1] ?? leader.leaseFrom,
  });
  return [next, effects];
}

/**
 * Nobody votes for another leader until an election time-out after it has heard this one; it heard
 * it after the round was sent. Both clocks may be off by the bound, in opposite directions
 * (thesis §6.4.1). A transfer lets a node campaign at once: then there is no lease (E4).
 */
export function holdsLease(context: RaftContext, now: Micros): boolean {
  const end = leaseEnd(context);
  return end !== null && now < end;
}

/** Until when, by the own clock; null: there is no lease. */
export function leaseEnd(context: RaftContext): Micros | null {
  const { options, leader } = context;
  if (leader === null || !options.leaseReads || !options.checkQuorum) return null;
  if (leader.hasAsked || leader.leaseFrom === null) return null;
  const { electionMinMicros, clockDriftPpm } = options;
  const share = (MILLION - clockDriftPpm) / (MILLION + clockDriftPpm);
  return leader.leaseFrom + Math.floor(electionMinMicros * share);
}
