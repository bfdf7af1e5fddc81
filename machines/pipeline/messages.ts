/**
 * The thin slice under Raft: a log replicated from a fixed leader, without elections and without
 * snapshots. It exists to measure the host where it matters (`bench pipeline`) and to keep showing
 * what the protocol itself costs on top.
 */

/** The name of a replica. */
export type ReplicaId = string;

/** Log positions start at 1; 0 is before the first entry. */
export type Index = number;

export type PipelineEvent =
  /** All that clients proposed in one turn. `waiters` says whom to answer, one for each entry. */
  | {
      readonly type: 'propose';
      readonly count: number;
      readonly entries: Uint8Array;
      readonly waiters: readonly unknown[];
    }
  /** A range of the leader's log, entries `prevIndex + 1 … prevIndex + count` (Raft §5.3). */
  | {
      readonly type: 'append';
      readonly from: ReplicaId;
      readonly prevIndex: Index;
      readonly count: number;
      readonly entries: Uint8Array;
      readonly commitIndex: Index;
    }
  /** The highest index that the follower has on disk, of all its answers in one turn. */
  | { readonly type: 'appendResult'; readonly from: ReplicaId; readonly matchIndex: Index }
  /** Own writes are on disk; a write's token is the index of its last entry. */
  | { readonly type: 'persisted'; readonly upTo: Index }
  /** Time to repeat what no follower has answered. */
  | { readonly type: 'heartbeat' };

export type PipelineEffect =
  /** Entries enter the log: into the cache and onto the disk. `entries` is packed, opaque. */
  | {
      readonly type: 'persist';
      readonly first: Index;
      readonly count: number;
      readonly entries: Uint8Array;
    }
  /** Notes whom to answer when these entries are applied. */
  | { readonly type: 'admit'; readonly first: Index; readonly waiters: readonly unknown[] }
  /** Sends the log's entries `first … last` (none when last < first) to a follower. */
  | {
      readonly type: 'replicate';
      readonly to: ReplicaId;
      readonly first: Index;
      readonly last: Index;
      readonly commitIndex: Index;
    }
  /** Tells the leader what is on disk; leaves only once it is. */
  | { readonly type: 'acknowledge'; readonly to: ReplicaId; readonly matchIndex: Index }
  /** The entries `first … last` are committed: apply them, in order. */
  | { readonly type: 'apply'; readonly first: Index; readonly last: Index }
  | { readonly type: 'setTimer'; readonly timer: 'heartbeat'; readonly micros: number };

/** What the leader knows of a follower. */
export interface Progress {
  /** On the follower's disk. */
  readonly matchIndex: Index;
  /** Next entry to send; `matchIndex < nextIndex`. */
  readonly nextIndex: Index;
}

/** Log metadata only: payloads are in the host's log cache. */
export interface PipelineContext {
  readonly id: ReplicaId;
  readonly heartbeatMicros: number;
  readonly lastIndex: Index;
  /** Own disk; `durableIndex ≤ lastIndex`. */
  readonly durableIndex: Index;
  readonly commitIndex: Index;
  /** Followers, in the order of the configuration; empty on a follower. */
  readonly followers: readonly (readonly [ReplicaId, Progress])[];
}

export interface PipelineInput {
  readonly id: ReplicaId;
  readonly leader: ReplicaId;
  readonly replicas: readonly ReplicaId[];
  readonly heartbeatMicros: number;
  /** The last entry that the disk has. */
  readonly lastIndex: Index;
}
