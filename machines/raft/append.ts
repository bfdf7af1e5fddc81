/** The follower's side of replication: what it accepts, and what it answers (Raft §5.3). */

import type { RaftEffect } from './effects.js';
import { adopt } from './election.js';
import { firstConflict, type Index, lastIndexOfTermUpTo, runsOf, termAt } from './log-metadata.js';
import type { AppendResult, EventOf } from './messages.js';
import { saveHardState, skipRuns, withAppended } from './persistence.js';
import { chain, type RaftContext, type Result } from './state.js';
import { postponeElection } from './timing.js';

type Append = EventOf<'appendEntries'>;

/** A message of an old leader: the answer's term deposes it (Raft §5.1). */
export function rejectStaleAppend(context: RaftContext, event: Append): Result {
  return [context, [reject(context, event, event.prevIndex)]];
}

/** Entries, or a heartbeat, of the current term's leader. */
export function acceptAppend(context: RaftContext, event: Append): Result {
  const led = saveHardState(context, [follows(context, event), []]);
  return chain(led, (next) => take(next, event));
}

/** Only a leader sends these: the node follows it, and puts off its own election. */
export function follows(
  context: RaftContext,
  event: { readonly from: string; readonly now: number; readonly term: number },
): RaftContext {
  const { from, now } = event;
  const known = adopt(context, event.term);
  return postponeElection({ ...known, leaderId: from, contactAt: now, votes: [] }, now);
}

function take(context: RaftContext, event: Append): Result {
  const { prevIndex, prevTerm, count } = event;
  const { log, commitIndex } = context;
  // What is committed agrees with every leader, compacted or not (Raft §5.4; CORRECTNESS B8).
  if (prevIndex < commitIndex) return [context, [accept(context, event, commitIndex)]];
  if (termAt(log, prevIndex) !== prevTerm) {
    return [context, [reject(context, event, prevIndex)]];
  }
  const matchIndex = prevIndex + count;
  return chain(
    context,
    (next) => store(next, event),
    (next) => [next, [accept(next, event, matchIndex)]],
    // Never beyond what this message has verified (§5.3, receiver rule 5; CORRECTNESS B3).
    (next) => commitTo(next, Math.min(event.commitIndex, matchIndex)),
  );
}

/** Only an entry that conflicts is removed, with all behind it (rules 3, 4; CORRECTNESS B2). */
function store(context: RaftContext, event: Append): Result {
  const { prevIndex, count, entries, configurations, now } = event;
  const conflict = firstConflict(context.log, prevIndex + 1, event.runs);
  const first = conflict ?? context.log.lastIndex + 1;
  if (first > prevIndex + count) return [context, []];
  if (first <= context.commitIndex) {
    throw new Error(`'${context.id}' would drop the committed entry ${first}`);
  }
  const skip = first - prevIndex - 1;
  const runs = skipRuns(event.runs, skip);
  const appended = {
    first,
    runs,
    configurations: configurations.filter(([index]) => index >= first),
    sizeBytes: Math.ceil((entries.byteLength * (count - skip)) / count),
  };
  const next = withAppended(context, appended, now);
  const token = next.writtenToken;
  return [next, [{ type: 'persistEntries', first, runs, skip, entries, token }]];
}

/** A node applies what is committed, in order, once. */
export function commitTo(context: RaftContext, index: Index): Result {
  if (index <= context.commitIndex) return [context, []];
  const first = context.commitIndex + 1;
  const runs = runsOf(context.log, first, index);
  return [{ ...context, commitIndex: index }, [{ type: 'apply', first, last: index, runs }]];
}

function accept(context: RaftContext, event: Append, matchIndex: Index): RaftEffect {
  return answer(context, event, { isSuccess: true, matchIndex });
}

/**
 * Says where to look next: the last entry at or below the one asked for whose term is not newer
 * than the leader's there. One round trip then passes over a whole term (Raft §5.3).
 */
function reject(context: RaftContext, event: Append, rejectedIndex: Index): RaftEffect {
  const { log } = context;
  const conflictIndex = lastIndexOfTermUpTo(log, event.prevIndex, event.prevTerm);
  const conflictTerm = termAt(log, conflictIndex) ?? 0;
  return answer(context, event, { isSuccess: false, rejectedIndex, conflictIndex, conflictTerm });
}

function answer(
  context: RaftContext,
  { from, round }: Append,
  fields: Partial<AppendResult>,
): RaftEffect {
  const message = {
    type: 'appendResult',
    term: context.currentTerm,
    round,
    isSuccess: false,
    matchIndex: 0,
    rejectedIndex: 0,
    conflictIndex: 0,
    conflictTerm: 0,
    ...fields,
  } as const;
  return { type: 'send', to: from, message, after: 'durable' };
}

/** Two leaders of one term cannot be: better no node than a wrong one (S1). */
export function failOnSecondLeader(context: RaftContext, event: { from: string }): Result {
  throw new Error(`'${context.id}' and '${event.from}' both lead term ${context.currentTerm}`);
}
