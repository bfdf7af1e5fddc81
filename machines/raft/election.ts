/** Elections: who asks for votes, who gives them, and who has won (Raft §5.2, §5.4.1). */
import { isQuorum, isVoter, type NodeId, votersOf } from './configuration.js';
import type { PlainMessage, RaftEffect } from './effects.js';
import { isUpToDate, lastTerm, type PlacedConfiguration } from './log-metadata.js';
import type { EventOf, Micros, RaftEvent } from './messages.js';
import { saveHardState } from './persistence.js';
import { chain, configurationOf, nowOf, type RaftContext, type Result } from './state.js';
import { armElection, postponeElection } from './timing.js';

type Request = EventOf<'preVote'> | EventOf<'requestVote'>;

/** A term that others have reached: a node that sees it forgets its vote and its leader (§5.1). */
export function adopt(context: RaftContext, term: number): RaftContext {
  if (term <= context.currentTerm) return context;
  return { ...context, currentTerm: term, votedFor: null, leaderId: null, ballotToken: null };
}

/** The reducer for a message of which only the newer term matters. */
export function adoptTerm(context: RaftContext, event: { readonly term: number }): Result {
  return saveHardState(context, [adopt(context, event.term), []]);
}

/**
 * Whether this node may stand for election: as a voter of the effective configuration, or, until
 * that is committed, of one before it. A server that is being removed may be the only one with a
 * log that can win; its own vote does not count then (thesis §4.2.2).
 */
export function canCampaign({ id, log, commitIndex }: RaftContext): boolean {
  const { configurations } = log;
  for (let at = configurations.length - 1; at >= 0; at--) {
    const [index, configuration] = configurations[at] as PlacedConfiguration;
    if (isVoter(configuration, id)) return true;
    if (index <= commitIndex) return false;
  }
  return false;
}

/**
 * Whether a leader was heard too recently for an election (thesis §4.2.3): a server that was
 * removed or cut off cannot depose a leader that works, and a lease holds.
 */
export function isLoyal(context: RaftContext, now: Micros): boolean {
  const { options, contactAt, leader } = context;
  if (!options.checkQuorum) return false;
  if (leader !== null) return true;
  return contactAt !== null && now < contactAt + options.electionMinMicros;
}

/** Asks around whether an election would be won, in a term that nobody enters (thesis §9.6). */
export function askPreVotes(context: RaftContext, event: RaftEvent): Result {
  const now = nowOf(event) ?? context.electionDeadline;
  const asking = { ...context, votes: [context.id], ballotToken: null, leaderId: null };
  const sends = requests(asking, 'preVote', context.currentTerm + 1, false);
  return chain([postponeElection(asking, now), sends], (next) => armElection(next, now));
}

/** A new term, a vote for itself, and the question to all others (Raft §5.2). */
export function campaign(context: RaftContext, event: RaftEvent): Result {
  const now = nowOf(event) ?? context.electionDeadline;
  const currentTerm = context.currentTerm + 1;
  const standing = { ...context, currentTerm, votedFor: context.id, votes: [], leaderId: null };
  const sends = requests(standing, 'requestVote', currentTerm, event.type === 'timeoutNow');
  const [saved, effects] = saveHardState(context, [standing, sends]);
  const waiting = postponeElection({ ...saved, ballotToken: saved.writtenToken }, now);
  return chain([waiting, effects], (next) => armElection(next, now));
}

function requests(
  context: RaftContext,
  type: 'preVote' | 'requestVote',
  term: number,
  isTransfer: boolean,
): RaftEffect[] {
  const { id, log } = context;
  const message: PlainMessage = {
    type,
    term,
    lastIndex: log.lastIndex,
    lastTerm: lastTerm(log),
    isTransfer,
  };
  return votersOf(configurationOf(context))
    .filter((to) => to !== id)
    .map((to) => ({ type: 'send', to, message, after: 'durable' }));
}

/** One vote a term, for a log that is at least as complete (Raft §5.2, §5.4.1). */
export function answerVote(context: RaftContext, event: EventOf<'requestVote'>): Result {
  const { from, now } = event;
  const known = adopt(context, event.term);
  const isFree = known.votedFor === null || known.votedFor === from;
  const isGranted =
    event.term === known.currentTerm &&
    isFree &&
    isUpToDate(known.log, event.lastTerm, event.lastIndex);
  const voted = isGranted ? postponeElection({ ...known, votedFor: from }, now) : known;
  const answer = reply(from, 'voteResult', known.currentTerm, isGranted);
  return saveHardState(context, [voted, [answer]]);
}

/**
 * Would vote, changes nothing. A refusal carries the own term, so that a node that lags behind
 * catches up instead of asking for ever (CORRECTNESS C2, C5).
 */
export function answerPreVote(context: RaftContext, event: EventOf<'preVote'>): Result {
  const { from, term, now } = event;
  const isGranted =
    term > context.currentTerm &&
    (event.isTransfer || !isLoyal(context, now)) &&
    isUpToDate(context.log, event.lastTerm, event.lastIndex);
  const answered = isGranted ? term : context.currentTerm;
  return [context, [reply(from, 'preVoteResult', answered, isGranted)]];
}

/** A loyal node takes no notice of the newer term (thesis §4.2.3). */
export function refuseVote(context: RaftContext, event: Request): Result {
  return [context, [reply(event.from, 'voteResult', context.currentTerm, false)]];
}

function reply(
  to: NodeId,
  type: 'preVoteResult' | 'voteResult',
  term: number,
  isGranted: boolean,
): RaftEffect {
  return { type: 'send', to, message: { type, term, isGranted }, after: 'durable' };
}

/** Each voter counts once, and only for the term that was asked for (CORRECTNESS A6). */
export function countPreVote(context: RaftContext, event: EventOf<'preVoteResult'>): Result {
  return countIf(event.isGranted && event.term === context.currentTerm + 1, context, event.from);
}

export function countVote(context: RaftContext, event: EventOf<'voteResult'>): Result {
  return countIf(event.isGranted && event.term === context.currentTerm, context, event.from);
}

function countIf(isValid: boolean, context: RaftContext, from: NodeId): Result {
  if (!isValid || context.votes.includes(from)) return [context, []];
  return [{ ...context, votes: [...context.votes, from] }, []];
}

/** Whether the votes are a quorum, of both halves in a joint configuration (Raft §6). */
export function hasVotes(context: RaftContext): boolean {
  return isQuorum(configurationOf(context), (id) => context.votes.includes(id));
}
