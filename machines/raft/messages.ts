/**
 * What a Raft node hears: messages of its peers (`RaftMessage`, the only events that the codec
 * decodes), and what its host and its service tell it (`RaftInternal`). Messages are batches: an
 * `appendEntries` is a range of the log, a `propose` all that was proposed in one turn.
 */
import type { Configuration, Membership, NodeId } from './configuration.js';
import type { Index, PlacedConfiguration, Term, TermCount } from './log-metadata.js';

/** Microseconds of the node's own monotonic clock. */
export type Micros = number;

/** Whom to answer; opaque to the machine, plain data. */
export type Waiter = unknown;

interface FromPeer {
  readonly from: NodeId;
  /** When the turn began that took it from the mailbox. */
  readonly now: Micros;
  /** Of the sender; in a pre-vote, the term that it would campaign in. */
  readonly term: Term;
}

/** Asks for a vote (Raft §5.2), or whether one would be given (thesis §9.6). */
interface VoteRequest extends FromPeer {
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  /** The leader itself wants the election: no stickiness (thesis §4.2.3, §3.10). */
  readonly isTransfer: boolean;
}

/** In answer to a pre-vote that is granted, `term` is the one asked for. */
interface VoteResult extends FromPeer {
  readonly isGranted: boolean;
}

/** Entries `prevIndex + 1 …` of the leader's log; without entries a heartbeat (Raft §5.3). */
export interface AppendEntries {
  readonly term: Term;
  readonly prevIndex: Index;
  readonly prevTerm: Term;
  readonly commitIndex: Index;
  /** Number of the leader's round of heartbeats, echoed: it confirms reads (thesis §6.4). */
  readonly round: number;
  readonly runs: readonly TermCount[];
}

/** What a follower has of what it was sent, or where its log parts from the leader's. */
export interface AppendResult {
  readonly term: Term;
  readonly round: number;
  readonly isSuccess: boolean;
  /** On success: the last entry that is verified and on the follower's disk. */
  readonly matchIndex: Index;
  /** On failure: the `prevIndex` that did not match, and where to look next (Raft §5.3). */
  readonly rejectedIndex: Index;
  readonly conflictIndex: Index;
  readonly conflictTerm: Term;
}

/** A piece of a snapshot (Raft §7). */
export interface InstallSnapshot {
  readonly term: Term;
  readonly round: number;
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly configuration: Configuration;
  readonly offset: number;
}

export interface SnapshotResult {
  readonly term: Term;
  readonly round: number;
  readonly lastIndex: Index;
  /** How many bytes of it the follower has. */
  readonly nextOffset: number;
  /** It is installed and on disk, or the follower has committed as much already. */
  readonly isDone: boolean;
}

export type RaftMessage =
  | (VoteRequest & { readonly type: 'preVote' })
  | (VoteResult & { readonly type: 'preVoteResult' })
  | (VoteRequest & { readonly type: 'requestVote' })
  | (VoteResult & { readonly type: 'voteResult' })
  | (FromPeer &
      AppendEntries & {
        readonly type: 'appendEntries';
        readonly count: number;
        /** Packed, opaque. */
        readonly entries: Uint8Array;
        readonly configurations: readonly PlacedConfiguration[];
      })
  | (FromPeer & AppendResult & { readonly type: 'appendResult' })
  | (FromPeer &
      InstallSnapshot & {
        readonly type: 'installSnapshot';
        readonly bytes: Uint8Array;
        readonly isLast: boolean;
      })
  | (FromPeer & SnapshotResult & { readonly type: 'snapshotResult' })
  /** The leader asks this node to campaign at once (thesis §3.10). */
  | (FromPeer & { readonly type: 'timeoutNow' });

interface Told {
  readonly now: Micros;
}

export type RaftInternal =
  /** All that the service's clients proposed in one turn, packed; one waiter for each entry. */
  | (Told & {
      readonly type: 'propose';
      readonly count: number;
      readonly entries: Uint8Array;
      readonly waiters: readonly Waiter[];
    })
  /** Linearizable reads: all that were asked for in one turn. */
  | (Told & { readonly type: 'readsRequested'; readonly waiters: readonly Waiter[] })
  | (Told & {
      readonly type: 'transferRequested';
      readonly target: NodeId;
      readonly waiter: Waiter;
    })
  | (Told & {
      readonly type: 'changeRequested';
      readonly membership: Membership;
      readonly waiter: Waiter;
    })
  | (Told & { readonly type: 'statusRequested'; readonly waiter: Waiter })
  /** The service has put everything up to `index` into a snapshot. */
  | (Told & {
      readonly type: 'snapshotTaken';
      readonly index: Index;
      readonly bytes: Uint8Array;
    })
  /** `draw` is an unsigned 32-bit random number: the jitter of the next time-out. */
  | (Told & { readonly type: 'electionTimer'; readonly draw: number })
  | (Told & { readonly type: 'heartbeatTimer' })
  /** All own writes with a token up to `upTo` are on disk. */
  | (Told & { readonly type: 'persisted'; readonly upTo: number });

export type RaftEvent = RaftMessage | RaftInternal;

export type EventOf<T extends RaftEvent['type']> = Extract<RaftEvent, { type: T }>;
