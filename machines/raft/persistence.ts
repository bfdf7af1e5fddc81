/**
 * What is written when, and what has become durable. Hard state and entries are records of one
 * stream; the host holds every `durable` message until all writes before it are on disk, so that
 * no vote and no acknowledgement leaves early (Raft Figure 2: "updated on stable storage before
 * responding to RPCs"), and a leader counts itself only on `persisted` (thesis §10.2.1).
 */
import type { RaftEffect } from './effects.js';
import { type Appended, appendTo, type TermCount } from './log-metadata.js';
import type { EventOf, Micros } from './messages.js';
import type { RaftContext, Result, Write } from './state.js';

/** A snapshot takes that many tokens: its pieces are records of their own. */
export const SNAPSHOT_TOKENS = 2 ** 20;

/** Writes term and vote if a step has changed them. */
export function saveHardState(before: RaftContext, [after, effects]: Result): Result {
  if (before.currentTerm === after.currentTerm && before.votedFor === after.votedFor) {
    return [after, effects];
  }
  const token = after.writtenToken + 1;
  const { currentTerm, votedFor } = after;
  const effect: RaftEffect = { type: 'persistHardState', currentTerm, votedFor, token };
  return [{ ...after, writtenToken: token }, [effect, ...effects]];
}

/** Notes that the log has changed by a write that takes the next token. */
export function withAppended(context: RaftContext, appended: Appended, now: Micros): RaftContext {
  const token = context.writtenToken + 1;
  const log = appendTo(context.log, appended);
  const before = appended.first - 1;
  const isTruncated = context.log.lastIndex > before;
  const write: Write = { token, lastIndex: log.lastIndex, at: now };
  return {
    ...context,
    log,
    writtenToken: token,
    unsynced: [...(isTruncated ? cutWrites(context.unsynced, before) : context.unsynced), write],
    durableIndex: Math.min(context.durableIndex, before),
  };
}

/** What older writes brought beyond `last` has been replaced. */
export function cutWrites(writes: readonly Write[], last: number): readonly Write[] {
  return writes.map((it) => (it.lastIndex > last ? { ...it, lastIndex: last } : it));
}

/** The disk has everything up to a token. */
export function noteDurable(context: RaftContext, { upTo }: EventOf<'persisted'>): Result {
  const { unsynced, forget } = context;
  let { durableIndex } = context;
  for (const { token, lastIndex } of unsynced) {
    if (token <= upTo) durableIndex = Math.max(durableIndex, lastIndex);
  }
  const next = {
    ...context,
    durableIndex,
    unsynced: unsynced.filter(({ token }) => token > upTo),
    ...votesOf(context, upTo),
  };
  if (forget === null || forget.token > upTo) return [next, []];
  return [{ ...next, forget: null }, [{ type: 'forgetRecords', before: forget.before }]];
}

/** The vote for itself counts only now. */
function votesOf(context: RaftContext, upTo: number): Pick<RaftContext, 'votes' | 'ballotToken'> {
  const { votes, ballotToken, id } = context;
  if (ballotToken === null || ballotToken > upTo) return { votes, ballotToken };
  return { votes: [...votes, id], ballotToken: null };
}

/** The runs without their first `skip` entries. */
export function skipRuns(runs: readonly TermCount[], skip: number): readonly TermCount[] {
  const rest: TermCount[] = [];
  let left = skip;
  for (const [term, count] of runs) {
    const dropped = Math.min(left, count);
    left -= dropped;
    if (count > dropped) rest.push([term, count - dropped]);
  }
  return rest;
}
