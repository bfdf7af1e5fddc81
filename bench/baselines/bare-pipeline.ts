/**
 * The bare pipeline that `bench pipeline` is held against: three worker threads that append to a
 * file and sync once per batch, a majority, a map, an answer. No actors, no
 * statecharts, no router, no checksums, no recovery: what this machine does at best.
 *
 * The clients' side is `BarePipeline`; this file is also the worker of each replica.
 */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { PipelineMap } from '../peers/pipeline-map.js';

const REPLICA_COUNT = 3;

/** A batch of operations of equal size, and the answers' correlation numbers. */
interface Batch {
  readonly operations: Uint8Array;
  readonly ids: Uint32Array;
}

interface ReplicaBoot {
  readonly file: string;
  readonly sizeBytes: number;
  /** The leader has one to each follower; a follower one to the leader. */
  readonly ports: readonly MessagePort[];
  readonly isLeader: boolean;
}

/** A file that grows by appending, with a sync after each. */
class SyncedFile {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'a');
  }

  append(bytes: Uint8Array): void {
    writeSync(this.#fd, bytes);
    fdatasyncSync(this.#fd);
  }
}

/** Gathers what arrives in one round of the event loop. */
function inBatches<T>(handle: (items: T[]) => void): (item: T) => void {
  let items: T[] = [];
  return (item) => {
    if (items.push(item) > 1) return;
    setImmediate(() => {
      const batch = items;
      items = [];
      handle(batch);
    });
  };
}

function runLeader({ file, sizeBytes, ports }: ReplicaBoot): void {
  const disk = new SyncedFile(file);
  const map = new PipelineMap();
  const stored = new Array<number>(ports.length + 1).fill(0);
  const waiting: { last: number; batch: Batch }[] = [];
  let last = 0;
  const commit = () => {
    const majority = [...stored].sort((a, b) => b - a)[stored.length >> 1] as number;
    while (waiting[0] !== undefined && waiting[0].last <= majority) {
      const { batch } = waiting.shift() as { last: number; batch: Batch };
      for (let at = 0; at < batch.operations.length; at += sizeBytes) {
        map.apply(0, batch.operations.subarray(at, at + sizeBytes));
      }
      parentPort?.postMessage(batch.ids, [batch.ids.buffer as ArrayBuffer]);
    }
  };
  for (const [index, port] of ports.entries()) {
    port.on('message', (upTo: number) => {
      stored[index + 1] = upTo;
      commit();
    });
  }
  const propose = inBatches<Batch>((batches) => {
    const operations = concatenated(batches.map((batch) => batch.operations));
    for (const batch of batches) {
      last += batch.ids.length;
      waiting.push({ last, batch });
    }
    for (const port of ports) port.postMessage({ operations, last });
    disk.append(operations);
    stored[0] = last;
    commit();
  });
  parentPort?.on('message', propose);
}

function runFollower({ file, ports }: ReplicaBoot): void {
  const disk = new SyncedFile(file);
  const [leader] = ports;
  const append = inBatches<{ operations: Uint8Array; last: number }>((batches) => {
    disk.append(concatenated(batches.map((batch) => batch.operations)));
    leader?.postMessage(batches.at(-1)?.last);
  });
  leader?.on('message', append);
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

if (!isMainThread && (workerData as ReplicaBoot | undefined)?.ports !== undefined) {
  const boot = workerData as ReplicaBoot;
  if (boot.isLeader) runLeader(boot);
  else runFollower(boot);
}

/** The clients' end: batches of operations in, the ids of committed ones out. */
export class BarePipeline {
  readonly #workers: Worker[] = [];
  readonly #leader: Worker;
  #operations: Uint8Array[] = [];
  #ids: number[] = [];

  constructor(directory: string, sizeBytes: number, onCommitted: (id: number) => void) {
    const channels = Array.from({ length: REPLICA_COUNT - 1 }, () => new MessageChannel());
    const start = (index: number, ports: MessagePort[]): Worker => {
      const file = join(directory, `bare-${index}`);
      const boot: ReplicaBoot = { file, sizeBytes, ports, isLeader: index === 0 };
      const worker = new Worker(new URL(import.meta.url), {
        workerData: boot,
        transferList: ports,
      });
      this.#workers.push(worker);
      return worker;
    };
    this.#leader = start(
      0,
      channels.map(({ port1 }) => port1),
    );
    for (const [index, { port2 }] of channels.entries()) start(index + 1, [port2]);
    this.#leader.on('message', (ids: Uint32Array) => {
      for (const id of ids) onCommitted(id);
    });
  }

  /** What one tick proposes travels together. */
  propose(id: number, operation: Uint8Array): void {
    this.#operations.push(operation);
    if (this.#ids.push(id) === 1) queueMicrotask(() => this.#flush());
  }

  async close(): Promise<void> {
    for (const worker of this.#workers) await worker.terminate();
  }

  #flush(): void {
    const operations = concatenated(this.#operations);
    const ids = Uint32Array.from(this.#ids);
    this.#operations = [];
    this.#ids = [];
    this.#leader.postMessage({ operations, ids });
  }
}
