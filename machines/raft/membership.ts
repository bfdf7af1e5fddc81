/**
 * Change of membership by joint consensus (Raft §6), any number of members at once. New voters
 * learn first (thesis §4.2.1); then `C_old,new` is appended, and, once it is committed, `C_new`.
 * Each is in force as soon as it is in the log, and not any more when it is truncated. Whoever
 * leads while a joint configuration is committed leaves it, also one that did not start the change.
 */
import {
  afterJoint,
  type Configuration,
  isJoint,
  isSameConfiguration,
  jointConfiguration,
  membershipProblem,
  membersOf,
  type NodeId,
  simpleConfiguration,
} from './configuration.js';
import { configurationIndex } from './log-metadata.js';
import type { EventOf, Micros } from './messages.js';
import { withAppended } from './persistence.js';
import { progressOf, replicateAll, syncProgress } from './replication.js';
import {
  type Change,
  chain,
  configurationOf,
  leaderOf,
  type RaftContext,
  type Result,
  withLeader,
} from './state.js';
import { answerAdmin, failed } from './transfer.js';

/** About what a configuration or a no-op takes in the log. */
const OWN_ENTRY_BYTES = 64;

/** Appends an entry of the protocol's own: a configuration, or (null) the term's no-op. */
export function appendOwn(
  context: RaftContext,
  configuration: Configuration | null,
  now: Micros,
): Result {
  const { currentTerm: term } = context;
  const index = context.log.lastIndex + 1;
  const appended = {
    first: index,
    runs: [[term, 1]] as const,
    configurations: configuration === null ? [] : [[index, configuration] as const],
    sizeBytes: OWN_ENTRY_BYTES,
  };
  const next = withAppended(context, appended, now);
  const token = next.writtenToken;
  return [next, [{ type: 'persistOwnEntry', index, term, configuration, token }]];
}

/**
 * Takes a request for a change. One at a time, and only when an entry of the own term is
 * committed: otherwise two leaders could make changes whose quorums do not meet (CORRECTNESS D1).
 */
export function requestChange(context: RaftContext, event: EventOf<'changeRequested'>): Result {
  const { membership, waiter, now } = event;
  const problem = membershipProblem(membership);
  if (problem !== undefined) {
    return [context, [answerAdmin(waiter, failed(context, 'invalid', problem))]];
  }
  const isBusy = leaderOf(context).change !== null || isJoint(configurationOf(context));
  if (isBusy || !mayAppendConfiguration(context)) {
    const detail = 'another change is under way, or the term has just begun';
    return [context, [answerAdmin(waiter, failed(context, 'busy', detail))]];
  }
  const change = { membership, waiter, deadline: now + context.options.catchUpMicros };
  return advanceChange(withLeader(context, { change }), now);
}

/** No configuration is on its way, and the leader has committed something of its term. */
export function mayAppendConfiguration(context: RaftContext): boolean {
  const { commitIndex, log } = context;
  return commitIndex >= Math.max(leaderOf(context).startIndex, configurationIndex(log));
}

/** The next step of a change, if it can be taken now: after a commit, or news of a follower. */
export function advanceChange(context: RaftContext, now: Micros): Result {
  if (!mayAppendConfiguration(context)) return [context, []];
  const current = configurationOf(context);
  if (isJoint(current)) return enter(context, afterJoint(current), now);
  const { change } = leaderOf(context);
  if (change === null) return [context, []];
  const target = simpleConfiguration(change.membership);
  if (isSameConfiguration(current, target)) return finish(context, change);
  const newcomers = target.voters.filter((id) => !current.voters.includes(id));
  const isSameVoters = newcomers.length === 0 && target.voters.length === current.voters.length;
  if (isSameVoters) return enter(context, target, now);
  const members = membersOf(current);
  if (!newcomers.every((id) => members.includes(id))) {
    return enter(context, withLearners(current, newcomers), now);
  }
  if (!newcomers.every((id) => isCaughtUp(context, id))) return [context, []];
  return enter(context, jointConfiguration(current, change.membership), now);
}

function withLearners(current: Configuration, newcomers: readonly NodeId[]): Configuration {
  return simpleConfiguration({
    voters: current.voters,
    learners: [...current.learners, ...newcomers],
  });
}

/** Without this an empty node would count at once, and writes wait for it (§4.2.1; D10). */
function isCaughtUp(context: RaftContext, id: NodeId): boolean {
  const progress = progressOf(leaderOf(context), id);
  if (progress === undefined || progress.mode !== 'replicate') return false;
  return progress.matchIndex + context.options.catchUpEntries >= context.log.lastIndex;
}

/** The configuration is in force from here on. */
function enter(context: RaftContext, configuration: Configuration, now: Micros): Result {
  return chain(
    appendOwn(context, configuration, now),
    (next) => syncProgress(next, now),
    (next) => replicateAll(next, 'news'),
  );
}

function finish(context: RaftContext, { waiter }: Change): Result {
  return [withLeader(context, { change: null }), [answerAdmin(waiter, { ok: true })]];
}

/** At each beat: learners that do not catch up do not hold up other changes for ever. */
export function reviewChange(context: RaftContext, now: Micros): Result {
  const { change } = leaderOf(context);
  if (change === null) return [context, []];
  if (now < change.deadline || isJoint(configurationOf(context))) {
    return advanceChange(context, now);
  }
  const outcome = failed(context, 'timeout', 'the new voters did not catch up in time');
  return [withLeader(context, { change: null }), [answerAdmin(change.waiter, outcome)]];
}

/** A leader that is not in the committed configuration gives up its office (thesis §4.2.2; D11). */
export function isRemoved(context: RaftContext): boolean {
  if (context.leader === null || !mayAppendConfiguration(context)) return false;
  const configuration = configurationOf(context);
  return !isJoint(configuration) && !configuration.voters.includes(context.id);
}

/** Whether a change that this leader was asked for waits for its learners. */
export function isCatchingUp(context: RaftContext): boolean {
  return context.leader !== null && context.leader.change !== null;
}
