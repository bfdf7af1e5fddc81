/**
 * The leader's side of replication: what each follower is sent, and when. Sending runs ahead of
 * the answers within a window; where the logs may differ it probes, one message at a time; what is
 * compacted away goes as a snapshot (Raft §5.3, §7; thesis §10.2.1, §10.2.2).
 */
import { membersOf, type NodeId } from './configuration.js';
import type { RaftEffect } from './effects.js';
import { bytesOf, type Index, lastWithin, runsOf, type Term, termAt } from './log-metadata.js';
import type { EventOf, Micros } from './messages.js';
import { withAppended } from './persistence.js';
import {
  chain,
  configurationOf,
  type LeaderState,
  leaderOf,
  type Progress,
  type RaftContext,
  type Result,
  withLeader,
} from './state.js';

/** Rounds that are remembered while no quorum answers; a lease needs no more. */
const ROUNDS_MAX = 64;

/**
 * Why something is sent: there may be news; or a round needs an answer from everybody; or it is
 * time to repeat what may have been lost.
 */
type Cause = 'news' | 'round' | 'beat';

/** A follower of which nothing is known yet (Raft Figure 2, "volatile state on leaders"). */
export function freshProgress(lastIndex: Index, now: Micros): Progress {
  return {
    matchIndex: 0,
    nextIndex: lastIndex + 1,
    mode: 'probe',
    isPaused: false,
    heardAt: now,
    round: 0,
    transfer: null,
  };
}

export function progressOf(leader: LeaderState, id: NodeId): Progress | undefined {
  return leader.progress.find(([name]) => name === id)?.[1];
}

export function withProgress(context: RaftContext, id: NodeId, progress: Progress): RaftContext {
  const all = leaderOf(context).progress;
  const next = all.map((entry) => (entry[0] === id ? ([id, progress] as const) : entry));
  return withLeader(context, { progress: next });
}

/** Follows the effective configuration: who is new is probed, who has left is let go. */
export function syncProgress(context: RaftContext, now: Micros): Result {
  const leader = leaderOf(context);
  const members = membersOf(configurationOf(context)).filter((id) => id !== context.id);
  const fresh = freshProgress(context.log.lastIndex, now);
  const progress = members.map((id) => [id, progressOf(leader, id) ?? fresh] as const);
  const released = leader.progress.filter(([id, it]) => {
    return it.transfer !== null && !members.includes(id);
  });
  const effects = released.map(([to]): RaftEffect => ({ type: 'releaseSnapshot', to }));
  return [withLeader(context, { progress }), effects];
}

/** The leader appends, and replicates in parallel with its own disk write (thesis §10.2.1). */
export function propose(context: RaftContext, event: EventOf<'propose'>): Result {
  const { log, currentTerm, commitIndex, options } = context;
  const { count, entries, waiters, now } = event;
  if (bytesOf(log, commitIndex + 1, log.lastIndex) > options.uncommittedBytesMax) {
    return refuse(context, event, 'busy');
  }
  const first = log.lastIndex + 1;
  const runs = [[currentTerm, count]] as const;
  const sizeBytes = entries.byteLength;
  const next = withAppended(context, { first, runs, configurations: [], sizeBytes }, now);
  const token = next.writtenToken;
  return chain(
    [
      next,
      [
        { type: 'persistEntries', first, runs, skip: 0, entries, token },
        { type: 'admit', first, term: currentTerm, waiters },
      ],
    ],
    (it) => replicateAll(it, 'news'),
  );
}

/** Who cannot take it says who could. */
export function refuse(
  context: RaftContext,
  { type, waiters }: EventOf<'propose'> | EventOf<'readsRequested'>,
  error: 'notLeader' | 'busy' = context.leader === null ? 'notLeader' : 'busy',
): Result {
  const request = type === 'propose' ? 'propose' : 'read';
  const { currentTerm: term, leaderId: leader } = context;
  return [context, [{ type: 'refuse', request, waiters, error, term, leader }]];
}

/** Every follower is sent what there is for it. */
export function replicateAll(context: RaftContext, cause: Cause): Result {
  let effects: RaftEffect[] | undefined;
  const progress = leaderOf(context).progress.map((entry) => {
    const [next, sends] = replicate(context, entry[0], entry[1], cause);
    if (sends.length > 0) effects = effects === undefined ? sends : [...effects, ...sends];
    return next === entry[1] ? entry : ([entry[0], next] as const);
  });
  return effects === undefined ? [context, []] : [withLeader(context, { progress }), effects];
}

export function replicateTo(context: RaftContext, to: NodeId): Result {
  const progress = progressOf(leaderOf(context), to);
  if (progress === undefined) return [context, []];
  const [next, effects] = replicate(context, to, progress, 'news');
  return next === progress ? [context, effects] : [withProgress(context, to, next), effects];
}

/** Everybody is asked to confirm the leader; the answers are counted by round (thesis §6.4). */
export function startRound(context: RaftContext, now: Micros, cause: 'round' | 'beat'): Result {
  const leader = leaderOf(context);
  const round = leader.round + 1;
  const isFull = leader.rounds.length >= ROUNDS_MAX;
  const rounds = isFull ? leader.rounds : [...leader.rounds, [round, now] as const];
  return replicateAll(withLeader(context, { round, rounds }), cause);
}

type Sent = readonly [Progress, RaftEffect[]];

function replicate(context: RaftContext, to: NodeId, progress: Progress, cause: Cause): Sent {
  if (progress.mode === 'snapshot') return [progress, remind(context, to, progress, cause)];
  if (progress.nextIndex < context.log.firstIndex) return beginTransfer(context, to, progress);
  if (progress.mode === 'replicate') return stream(context, to, progress, cause);
  return probe(context, to, progress, cause);
}

/** One message at a time, until it is known where the logs agree. */
function probe(context: RaftContext, to: NodeId, progress: Progress, cause: Cause): Sent {
  const { log, options } = context;
  const { nextIndex, isPaused } = progress;
  if (isPaused) {
    if (cause === 'news') return [progress, []];
    return [progress, [append(context, to, nextIndex, nextIndex - 1)]];
  }
  const last = lastWithin(log, nextIndex, log.lastIndex, options.appendBytesMax);
  return [{ ...progress, isPaused: true }, [append(context, to, nextIndex, last)]];
}

/** Everything that the window lets pass, in messages of bounded size. */
function stream(context: RaftContext, to: NodeId, progress: Progress, cause: Cause): Sent {
  const { log, options } = context;
  const from = progress.matchIndex + 1;
  const reach = Math.min(log.lastIndex, progress.matchIndex + options.windowEntries);
  const limit = reach < from ? reach : lastWithin(log, from, reach, options.windowBytes);
  const effects: RaftEffect[] = [];
  let { nextIndex } = progress;
  while (nextIndex <= limit) {
    const last = lastWithin(log, nextIndex, limit, options.appendBytesMax);
    effects.push(append(context, to, nextIndex, last));
    nextIndex = last + 1;
  }
  if (effects.length > 0) return [{ ...progress, nextIndex }, effects];
  // What was lost shows: the follower does not have the entry before the next one.
  return [progress, cause === 'news' ? [] : [append(context, to, nextIndex, nextIndex - 1)]];
}

function append(context: RaftContext, to: NodeId, first: Index, last: Index): RaftEffect {
  const { log, currentTerm: term, commitIndex } = context;
  return {
    type: 'replicate',
    to,
    term,
    prevIndex: first - 1,
    prevTerm: termAt(log, first - 1) as Term,
    commitIndex,
    round: leaderOf(context).round,
    runs: runsOf(log, first, last),
    first,
    last,
  };
}

/** The snapshot stays the same until it has arrived, whatever newer ones there are (F11, F14). */
function beginTransfer(context: RaftContext, to: NodeId, progress: Progress): Sent {
  const transfer = { lastIndex: context.log.snapshot.index, offset: 0 };
  const next: Progress = { ...progress, mode: 'snapshot', isPaused: false, transfer };
  return [next, [sendChunk(context, to, transfer)]];
}

export function sendChunk(
  context: RaftContext,
  to: NodeId,
  { lastIndex, offset }: { readonly lastIndex: Index; readonly offset: number },
): RaftEffect {
  const { round } = leaderOf(context);
  return { type: 'sendSnapshot', to, term: context.currentTerm, round, lastIndex, offset };
}

/**
 * During a transfer a round goes as a message that fits any log: the entry before the first. A
 * beat repeats the piece that may have been lost.
 */
function remind(
  context: RaftContext,
  to: NodeId,
  { transfer }: Progress,
  cause: Cause,
): RaftEffect[] {
  if (cause === 'news' || transfer === null) return [];
  const { currentTerm: term } = context;
  const { round } = leaderOf(context);
  const heartbeat = { term, prevIndex: 0, prevTerm: 0, commitIndex: 0, round, runs: [] };
  const effects: RaftEffect[] = [{ type: 'replicate', to, ...heartbeat, first: 1, last: 0 }];
  return cause === 'beat' ? [...effects, sendChunk(context, to, transfer)] : effects;
}
