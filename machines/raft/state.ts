/**
 * A node's state: plain data that survives `structuredClone` and does not grow with the log. What
 * must survive a crash is written before anything that relies on it leaves (Raft Figure 2).
 */
import type { Reduced } from '../reducer.js';
import type { Configuration, Membership, NodeId } from './configuration.js';
import type { RaftEffect } from './effects.js';
import { effectiveConfiguration, type Index, type LogMetadata, type Term } from './log-metadata.js';
import type { Micros, RaftEvent, Waiter } from './messages.js';

export interface RaftOptions {
  /** An election time-out is drawn from this range, both included (Raft §5.2, §9.3). */
  readonly electionMinMicros: Micros;
  readonly electionMaxMicros: Micros;
  /** The leader is heard from at least this often. Well below `electionMinMicros`. */
  readonly heartbeatMicros: Micros;
  /** Ask before campaigning, so that nobody deposes a leader that works (thesis §9.6). */
  readonly preVote: boolean;
  /** A leader that cannot hear a quorum gives up, and its followers stick to it (thesis §6.2). */
  readonly checkQuorum: boolean;
  /** Reads without a round of messages while a lease holds. Needs `checkQuorum` (thesis §6.4.1). */
  readonly leaseReads: boolean;
  /** Every node's clock runs within this of true time, in parts per million. For leases. */
  readonly clockDriftPpm: number;
  /** What may be on its way to one follower, in bytes and in entries. */
  readonly windowBytes: number;
  readonly windowEntries: number;
  /** What one message carries, about. */
  readonly appendBytesMax: number;
  /** Proposals are refused while more than this is not committed. */
  readonly uncommittedBytesMax: number;
  /** Entries that a snapshot covers and that stay for followers that lag a little. */
  readonly keepEntries: number;
  /** A learner that lags at most this many entries is caught up (thesis §4.2.1). */
  readonly catchUpEntries: number;
  /** How long a change of membership waits for its learners. */
  readonly catchUpMicros: Micros;
}

export const DEFAULT_OPTIONS: RaftOptions = {
  electionMinMicros: 150_000,
  electionMaxMicros: 300_000,
  heartbeatMicros: 50_000,
  preVote: true,
  checkQuorum: true,
  leaseReads: false,
  clockDriftPpm: 10_000,
  windowBytes: 8 * 1024 * 1024,
  windowEntries: 65_536,
  appendBytesMax: 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  keepEntries: 0,
  catchUpEntries: 64,
  catchUpMicros: 10_000_000,
};

/** What a leader knows of a follower; `matchIndex < nextIndex`. */
export interface Progress {
  /** On the follower's disk, and equal to the leader's log up to there. */
  readonly matchIndex: Index;
  /** Next entry to send. */
  readonly nextIndex: Index;
  /**
   * `probe`: looks for where the logs agree, one message at a time. `replicate`: sends ahead of the
   * answers. `snapshot`: what it needs next is compacted away.
   */
  readonly mode: 'probe' | 'replicate' | 'snapshot';
  /** A probe is out; the next one waits for its answer, or for a heartbeat. */
  readonly isPaused: boolean;
  /** When it last answered in this term. */
  readonly heardAt: Micros;
  /** The latest round that it answered. */
  readonly round: number;
  /** The snapshot that it is being sent, and how much of it it has. */
  readonly transfer: { readonly lastIndex: Index; readonly offset: number } | null;
}

export interface PendingReads {
  /** Confirmed when a quorum has answered this round, or a later one. */
  readonly round: number;
  /** The commit index when they were asked for. */
  readonly index: Index;
  readonly waiters: readonly Waiter[];
}

/** A leader's volatile state (Raft Figure 2), gone with its office. */
export interface LeaderState {
  /** By name, sorted; everybody that receives the log but the leader. */
  readonly progress: readonly (readonly [NodeId, Progress])[];
  /** The no-op at the start of the term: nothing is committed, read or changed before it is. */
  readonly startIndex: Index;
  readonly round: number;
  /** Rounds without a quorum of answers: when they were sent. At most `ROUNDS_MAX`. */
  readonly rounds: readonly (readonly [round: number, sentAt: Micros])[];
  /** When the latest round was sent that a quorum has answered. */
  readonly leaseFrom: Micros | null;
  readonly reads: readonly PendingReads[];
  /** Reads that came before anything of this term was committed. */
  readonly early: readonly Waiter[];
  readonly transfer: Transfer | null;
  /** A target was told to campaign in this term: there are no leases any more (E4). */
  readonly hasAsked: boolean;
  readonly change: Change | null;
}

export interface Transfer {
  readonly target: NodeId;
  readonly waiter: Waiter;
  readonly deadline: Micros;
}

/** A change of membership that this leader was asked for. */
export interface Change {
  readonly membership: Membership;
  readonly waiter: Waiter;
  /** Until then its learners must have caught up. */
  readonly deadline: Micros;
}

/** A snapshot that is being received. */
export interface Incoming {
  readonly from: NodeId;
  readonly term: Term;
  readonly lastIndex: Index;
  readonly nextOffset: number;
}

/** A write that is not known to be on disk. */
export interface Write {
  readonly token: number;
  /** The last entry of the log as this write leaves it. */
  readonly lastIndex: Index;
  readonly at: Micros;
}

export interface RaftContext {
  readonly id: NodeId;
  readonly options: RaftOptions;
  // Persistent on all nodes (Raft Figure 2).
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
  readonly log: LogMetadata;
  // Volatile on all nodes.
  readonly commitIndex: Index;
  /** Whom this node takes for the leader of the current term. */
  readonly leaderId: NodeId | null;
  /** When the leader was last heard; null: not in this life. */
  readonly contactAt: Micros | null;
  readonly electionMicros: Micros;
  readonly electionDeadline: Micros;
  /** When the one election timer will fire; null: it is not armed. Deadlines move, it stays. */
  readonly electionTimerAt: Micros | null;
  readonly writtenToken: number;
  readonly unsynced: readonly Write[];
  /** The last entry that is on the own disk. */
  readonly durableIndex: Index;
  /** Answers to the (pre-)votes asked for. */
  readonly votes: readonly NodeId[];
  /** The write that holds the vote for itself: it counts when that is on disk (CORRECTNESS A5). */
  readonly ballotToken: number | null;
  readonly leader: LeaderState | null;
  readonly incoming: Incoming | null;
  /** Once `token` is on disk, records before `before` may go. */
  readonly forget: { readonly token: number; readonly before: number } | null;
}

/** What a life starts from. */
export interface RaftInput {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly currentTerm: Term;
  readonly votedFor: NodeId | null;
  readonly log: LogMetadata;
  readonly now: Micros;
  /** An unsigned 32-bit random number. */
  readonly draw: number;
}

export type Result = Reduced<RaftContext, RaftEffect>;

export function initialContext(input: RaftInput): RaftContext {
  const { id, options, currentTerm, votedFor, log, now, draw } = input;
  const electionMicros = drawTimeout(options, draw);
  return {
    id,
    options,
    currentTerm,
    votedFor,
    log,
    commitIndex: log.snapshot.index,
    leaderId: null,
    // An earlier life may have promised a lease: it holds for a node that has just started too.
    contactAt: options.leaseReads ? now : null,
    electionMicros,
    electionDeadline: now + electionMicros,
    electionTimerAt: null,
    writtenToken: 0,
    unsynced: [],
    durableIndex: log.lastIndex,
    votes: [],
    ballotToken: null,
    leader: null,
    incoming: null,
    forget: null,
  };
}

/** Uniform over the range of election time-outs. */
export function drawTimeout(options: RaftOptions, draw: number): Micros {
  const { electionMinMicros, electionMaxMicros } = options;
  return electionMinMicros + (draw % (electionMaxMicros - electionMinMicros + 1));
}

/** The time of an event; of the one that starts the machine, which has none, any will do. */
export function nowOf(event: RaftEvent): Micros | undefined {
  return (event as { now?: Micros }).now;
}

/** One step after another: each sees what the one before has left, all effects come in order. */
export function chain(
  start: RaftContext | Result,
  ...steps: readonly ((context: RaftContext) => Result)[]
): Result {
  let [context, effects] = Array.isArray(start) ? (start as Result) : [start as RaftContext, []];
  for (const step of steps) {
    const [next, more] = step(context);
    context = next;
    if (more.length > 0) effects = effects.length === 0 ? more : [...effects, ...more];
  }
  return [context, effects];
}

/** In force on append (Raft §6). */
export function configurationOf(context: RaftContext): Configuration {
  return effectiveConfiguration(context.log);
}

export function leaderOf(context: RaftContext): LeaderState {
  if (context.leader === null) throw new Error(`'${context.id}' holds no office`);
  return context.leader;
}

export function withLeader(context: RaftContext, changes: Partial<LeaderState>): RaftContext {
  return { ...context, leader: { ...leaderOf(context), ...changes } };
}
