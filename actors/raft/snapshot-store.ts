/**
 * The bytes of snapshots in memory: the latest, those that are being sent (each pinned until its
 * transfer has ended, whatever newer ones there are), and the pieces of one that is coming in.
 */
import type { NodeId } from '../../machines/raft/configuration.js';
import type { SnapshotMetadata } from '../../machines/raft/log-metadata.js';

export interface StoredSnapshot {
  readonly metadata: SnapshotMetadata;
  readonly bytes: Uint8Array;
}

export class SnapshotStore {
  #latest: StoredSnapshot | undefined;
  readonly #pinned = new Map<NodeId, StoredSnapshot>();
  #pieces: Uint8Array[] = [];

  get latest(): StoredSnapshot | undefined {
    return this.#latest;
  }

  put(snapshot: StoredSnapshot): void {
    this.#latest = snapshot;
  }

  /** The snapshot at that index, pinned for that follower from its first piece on. */
  pin(to: NodeId, index: number): StoredSnapshot {
    const pinned = this.#pinned.get(to);
    if (pinned?.metadata.index === index) return pinned;
    if (this.#latest?.metadata.index !== index) {
      throw new Error(`there is no snapshot at ${index} to send to '${to}'`);
    }
    this.#pinned.set(to, this.#latest);
    return this.#latest;
  }

  release(to: NodeId): void {
    this.#pinned.delete(to);
  }

  /** Keeps a copy of a piece; the one at offset 0 begins anew. */
  addPiece(offset: number, bytes: Uint8Array): void {
    if (offset === 0) this.#pieces = [];
    this.#pieces.push(bytes.slice());
  }

  dropPieces(): void {
    this.#pieces = [];
  }

  /** All pieces as one, which are let go. */
  takePieces(): Uint8Array {
    const bytes = concatenate(this.#pieces);
    this.#pieces = [];
    return bytes;
  }
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
