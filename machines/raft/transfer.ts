/**
 * Leadership transfer (thesis §3.10): the leader stops taking proposals, brings the target up to
 * date and tells it to campaign at once. If that takes longer than an election time-out it goes on
 * as before.
 */
import type { NodeId } from './configuration.js';
import type { AdminOutcome, RaftEffect, Refusal } from './effects.js';
import type { EventOf, Micros, Waiter } from './messages.js';
import { progressOf, replicateTo } from './replication.js';
import {
  chain,
  configurationOf,
  leaderOf,
  type RaftContext,
  type Result,
  withLeader,
} from './state.js';

type Request = EventOf<'transferRequested'>;

/** The target must be a voter: a learner cannot win (CORRECTNESS E5). */
export function mayTransfer(context: RaftContext, { target }: Request): boolean {
  return target !== context.id && configurationOf(context).voters.includes(target);
}

export function beginTransfer(context: RaftContext, event: Request): Result {
  const { target, waiter, now } = event;
  const deadline = now + context.options.electionMinMicros;
  const transfer = { target, waiter, deadline };
  return chain(
    withLeader(context, { transfer }),
    (next) => replicateTo(next, target),
    (next) => [next, pushTarget(next, target)],
    noteAsked,
  );
}

export function refuseTransfer(context: RaftContext, { target, waiter }: Request): Result {
  const isSelf = target === context.id;
  const detail = isSelf ? 'it is the leader already' : `'${target}' is no voter`;
  return [context, [answerAdmin(waiter, failed(context, 'invalid', detail))]];
}

/** After news of a follower: the target may be up to date now. */
export function advanceTransfer(context: RaftContext, from: NodeId): Result {
  const { transfer } = leaderOf(context);
  if (transfer === null || transfer.target !== from) return [context, []];
  return noteAskedIf(context, pushTarget(context, from));
}

/** At each beat: what was lost is repeated (E6), what takes too long is given up (E2). */
export function reviewTransfer(context: RaftContext, now: Micros): Result {
  const { transfer } = leaderOf(context);
  if (transfer === null) return [context, []];
  const { target, waiter, deadline } = transfer;
  if (now < deadline) return noteAskedIf(context, pushTarget(context, target));
  const outcome = failed(context, 'timeout', `'${target}' did not take over in time`);
  return [withLeader(context, { transfer: null }), [answerAdmin(waiter, outcome)]];
}

export function isTransferOver(context: RaftContext): boolean {
  return context.leader?.transfer === null;
}

function pushTarget(context: RaftContext, target: NodeId): RaftEffect[] {
  const progress = progressOf(leaderOf(context), target);
  if (progress === undefined || progress.matchIndex < context.log.lastIndex) return [];
  const message = { type: 'timeoutNow', term: context.currentTerm } as const;
  return [{ type: 'send', to: target, message, after: 'now' }];
}

function noteAskedIf(context: RaftContext, effects: RaftEffect[]): Result {
  return effects.length === 0 ? [context, []] : chain([context, effects], noteAsked);
}

/** From the first `timeoutNow` on, somebody may campaign in spite of a lease. */
function noteAsked(context: RaftContext): Result {
  return [leaderOf(context).hasAsked ? context : withLeader(context, { hasAsked: true }), []];
}

export function answerAdmin(waiter: Waiter, outcome: AdminOutcome): RaftEffect {
  return { type: 'answerAdmin', waiter, outcome };
}

export function failed(context: RaftContext, error: Refusal, detail: string): AdminOutcome {
  return { ok: false, error, leader: context.leaderId, detail };
}

/** A node that is no leader, or is busy with another request. */
export function refuseAdmin(
  context: RaftContext,
  { waiter }: Request | EventOf<'changeRequested'>,
): Result {
  const isLeader = context.leader !== null;
  const detail = isLeader ? 'a transfer is under way' : 'this node is not the leader';
  const outcome = failed(context, isLeader ? 'busy' : 'notLeader', detail);
  return [context, [answerAdmin(waiter, outcome)]];
}
