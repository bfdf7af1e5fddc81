/**
 * The thin slice under Raft: a log replicated from a fixed leader, without elections and without
 * snapshots. It exists to measure the host where it matters (`bench pipeline`) and to keep showing
 * what the protocol itself costs on top.
 */

/** The name of a replica. */
export type ReplicaId = string;

/** Log positions start at 1; 0 is before the first entry. */
export type Index = number;

/** Counts the leader's lives, from 1; 0 is a follower that has heard of none. */
export type Epoch = number;

/**
 * Tells a follower that lives in epoch `since`, an earlier one, how to come along: what is behind
 * `index` in its log may differ from the leader's, and goes.
 */
export interface Cut {
  readonly since: Epoch;
  readonly index: Index;
}

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
      readonly epoch: Epoch;
      readonly cut: Cut | null;
      readonly prevIndex: Index;
      readonly count: number;
      readonly entries: Uint8Array;
      readonly commitIndex: Index;
    }
  /** The last index that the follower has on disk, and its epoch; the last of its answers. */
  | {
      readonly type: 'appendResult';
      readonly from: ReplicaId;
      readonly epoch: Epoch;
      readonly matchIndex: Index;
    }
  /** Own writes are on disk, up to that token (see `persist`). */
  | { readonly type: 'persisted'; readonly upTo: number }
  /** Time to repeat what no follower has answered. */
  | { readonly type: 'heartbeat' };

export type PipelineEffect =
  /**
   * Entries enter the log behind `first - 1`, in the place of all that was there: into the cache
   * and onto the disk, with the epoch. `entries` is packed, opaque. The leader's token is one more
   * than the index of the last entry, a follower's just counts.
   */
  | {
      readonly type: 'persist';
      readonly epoch: Epoch;
      readonly first: Index;
      readonly count: number;
      readonly entries: Uint8Array;
      readonly token: number;
    }
  /** Notes whom to answer when these entries are applied. */
  | { readonly type: 'admit'; readonly first: Index; readonly waiters: readonly unknown[] }
  /** Sends the log's entries `first … last` (none when last < first) to a follower. */
  | {
      readonly type: 'replicate';
      readonly to: ReplicaId;
      readonly epoch: Epoch;
      readonly cut: Cut | null;
      readonly first: Index;
      readonly last: Index;
      readonly commitIndex: Index;
    }
  /** Tells the leader what is on disk; leaves only once it is. */
  | {
      readonly type: 'acknowledge';
      readonly to: ReplicaId;
      readonly epoch: Epoch;
      readonly matchIndex: Index;
    }
  /** The entries `first … last` are committed: apply them, in order. */
  | { readonly type: 'apply'; readonly first: Index; readonly last: Index }
  | { readonly type: 'setTimer'; readonly timer: 'heartbeat'; readonly micros: number };

/** What the leader knows of a follower. */
export interface Progress {
  /** On the follower's disk, in the leader's epoch. */
  readonly matchIndex: Index;
  /** Next entry to send; `matchIndex < nextIndex`. */
  readonly nextIndex: Index;
  /** Goes with every message, until the follower answers from the leader's epoch. */
  readonly cut: Cut | null;
}

/** Log metadata only: payloads are in the host's log cache. */
export interface PipelineContext {
  readonly id: ReplicaId;
  /** Of this life of the leader; of a follower, the last one that it has heard of. */
  readonly epoch: Epoch;
  /** For each epoch up to this one, the leader's last index when it began; never decreasing. */
  readonly bases: readonly EpochBase[];
  readonly heartbeatMicros: number;
  readonly lastIndex: Index;
  /** How many writes a follower has made in this life. */
  readonly writeCount: number;
  /** Own disk; `durableIndex ≤ lastIndex`. */
  readonly durableIndex: Index;
  readonly commitIndex: Index;
  /** Followers, in the order of the configuration; empty on a follower. */
  readonly followers: readonly (readonly [ReplicaId, Progress])[];
}

export type EpochBase = readonly [epoch: Epoch, base: Index];

export interface PipelineInput {
  readonly id: ReplicaId;
  readonly leader: ReplicaId;
  readonly replicas: readonly ReplicaId[];
  readonly heartbeatMicros: number;
  /** The last entry that the disk has. */
  readonly lastIndex: Index;
  /** The epochs that the disk knows, oldest first. */
  readonly bases: readonly EpochBase[];
}
