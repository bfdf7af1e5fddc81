/** What a Raft node asks of its ports: one union, plain data. */
import type { Configuration, NodeId } from './configuration.js';
import type { Index, LogMetadata, SnapshotMetadata, Term, TermCount } from './log-metadata.js';
import type { AppendEntries, AppendResult, Micros, SnapshotResult, Waiter } from './messages.js';

/** Messages without payload; those with entries or snapshots have effects of their own. */
export type PlainMessage =
  | {
      readonly type: 'preVote' | 'requestVote';
      readonly term: Term;
      readonly lastIndex: Index;
      readonly lastTerm: Term;
      readonly isTransfer: boolean;
    }
  | {
      readonly type: 'preVoteResult' | 'voteResult';
      readonly term: Term;
      readonly isGranted: boolean;
    }
  | (AppendResult & { readonly type: 'appendResult' })
  | (SnapshotResult & { readonly type: 'snapshotResult' })
  | { readonly type: 'timeoutNow'; readonly term: Term };

export type Refusal = 'notLeader' | 'busy' | 'invalid' | 'timeout' | 'stale';

/** How a request for a transfer or a change of membership ended. */
export type AdminOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: Refusal;
      readonly leader: NodeId | null;
      readonly detail: string;
    };

/** What a node tells about itself. */
export interface RaftStatus {
  readonly id: NodeId;
  readonly currentTerm: Term;
  readonly isLeader: boolean;
  readonly leader: NodeId | null;
  readonly commitIndex: Index;
  readonly lastIndex: Index;
  readonly firstIndex: Index;
  readonly snapshotIndex: Index;
  readonly configuration: Configuration;
}

export type RaftEffect =
  /** Term and vote in one record: two could be torn apart (CORRECTNESS A2). */
  | {
      readonly type: 'persistHardState';
      readonly currentTerm: Term;
      readonly votedFor: NodeId | null;
      readonly token: number;
    }
  /**
   * The entries from `first` on replace what the log has there: into the cache and onto the disk.
   * The first `skip` of the packed entries are there already.
   */
  | {
      readonly type: 'persistEntries';
      readonly first: Index;
      readonly runs: readonly TermCount[];
      readonly skip: number;
      readonly entries: Uint8Array;
      readonly token: number;
    }
  /** The same for an entry of the protocol's own: a no-op, or a configuration. */
  | {
      readonly type: 'persistOwnEntry';
      readonly index: Index;
      readonly term: Term;
      /** Null: the no-op at the start of a term. */
      readonly configuration: Configuration | null;
      readonly token: number;
    }
  /**
   * Writes a snapshot, whose bytes are given or (`incoming`) have been received, and behind it
   * what of the log is not in it. `log` is what is left of the log after it; a `reset` drops all
   * entries. Records before `firstToken` are not needed any more once `token` is on disk.
   */
  | {
      readonly type: 'persistSnapshot';
      readonly snapshot: SnapshotMetadata;
      readonly bytes: Uint8Array | 'incoming';
      readonly isReset: boolean;
      readonly log: LogMetadata;
      readonly currentTerm: Term;
      readonly votedFor: NodeId | null;
      readonly firstToken: number;
      readonly token: number;
    }
  | { readonly type: 'forgetRecords'; readonly before: number }
  | {
      readonly type: 'send';
      readonly to: NodeId;
      readonly message: PlainMessage;
      readonly after: 'now' | 'durable';
    }
  /** Sends the entries `first … last` (none when last < first), in parallel with the own disk. */
  | (AppendEntries & {
      readonly type: 'replicate';
      readonly to: NodeId;
      readonly first: Index;
      readonly last: Index;
    })
  /** Sends a piece of the snapshot at `lastIndex`, which stays pinned until it is released. */
  | {
      readonly type: 'sendSnapshot';
      readonly to: NodeId;
      readonly term: Term;
      readonly round: number;
      readonly lastIndex: Index;
      readonly offset: number;
    }
  | { readonly type: 'releaseSnapshot'; readonly to: NodeId }
  /** Keeps a piece of a snapshot that is being received; offset 0 begins anew. */
  | { readonly type: 'storeChunk'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'dropChunks' }
  /** The entries `first … last` are committed: the service applies them, in order. */
  | {
      readonly type: 'apply';
      readonly first: Index;
      readonly last: Index;
      readonly runs: readonly TermCount[];
    }
  /** The service takes the state of the snapshot that was just installed, in the same order. */
  | { readonly type: 'restore'; readonly snapshot: SnapshotMetadata }
  /** Answers proposals: entry `first + i` is that of waiter i. No promise that they commit. */
  | {
      readonly type: 'admit';
      readonly first: Index;
      readonly term: Term;
      readonly waiters: readonly Waiter[];
    }
  | {
      readonly type: 'refuse';
      readonly request: 'propose' | 'read';
      readonly waiters: readonly Waiter[];
      readonly error: Refusal;
      readonly term: Term;
      readonly leader: NodeId | null;
    }
  /** The state after `index`, or later, may be read now. */
  | {
      readonly type: 'answerReads';
      readonly index: Index;
      readonly waiters: readonly Waiter[];
      /** `lease`: no round of messages was needed. */
      readonly by: 'round' | 'lease';
    }
  | { readonly type: 'answerStatus'; readonly waiter: Waiter; readonly status: RaftStatus }
  | { readonly type: 'answerAdmin'; readonly waiter: Waiter; readonly outcome: AdminOutcome }
  | {
      readonly type: 'setTimer';
      readonly timer: 'election' | 'heartbeat';
      readonly delayMicros: Micros;
    }
  | { readonly type: 'cancelTimer'; readonly timer: 'heartbeat' };
