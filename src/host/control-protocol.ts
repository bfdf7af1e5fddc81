/**
 * What the main thread and an actor thread say to each other beside the network: over one control
 * port per thread. When that port has closed, the thread is dead (DESIGN § 2).
 */
import type { MessagePort } from 'node:worker_threads';
import type { Address, LogLevel, Micros } from '../../actors/ports.js';
import type { LogStats } from '../storage/actor-log.js';
import type { Failure } from './failure.js';

/** How an actor is to be made in a thread. Plain data. */
export interface ActorSeat {
  readonly name: Address;
  readonly id: number;
  readonly incarnation: number;
  /** URL of the module, and the name of the `ActorBinding` that it exports. */
  readonly module: string;
  readonly exportName: string;
  readonly input: unknown;
  /** Where its log is; undefined keeps it in memory, for this life only. */
  readonly storageDir: string | undefined;
}

/** What a thread is started with: the argument of its Piscina task. */
export interface ThreadBoot {
  readonly thread: number;
  readonly control: MessagePort;
  readonly directory: SharedArrayBuffer;
  readonly links: SharedArrayBuffer;
  readonly flags: SharedArrayBuffer;
  readonly epochMicros: Micros;
  readonly seed: string;
  /** False: writes are not synced; a power failure may lose them. */
  readonly fsync: boolean;
  readonly recording: boolean;
  readonly seats: readonly ActorSeat[];
}

/** The port to another thread, which is the receiver's to own. */
export interface Peer {
  readonly thread: number;
  readonly port: MessagePort;
}

/** How a thread fares. */
export interface ThreadStats {
  /** Share of the time since the thread's start in which its event loop was busy, 0 … 1. */
  readonly utilization: number;
  readonly heapUsedBytes: number;
  /** Messages that its actors sent to names that nobody ever had. */
  readonly unknownCount: number;
  readonly actors: readonly ActorStats[];
}

export interface ActorStats {
  readonly name: Address;
  /** Turns taken, and inputs that came in them. */
  readonly turnCount: number;
  readonly inputCount: number;
  /** Messages dropped because the mailbox was full. */
  readonly droppedCount: number;
  readonly storage: LogStats;
}

export type ToThread =
  | { readonly type: 'connect'; readonly peer: Peer }
  | { readonly type: 'stop' }
  | { readonly type: 'takeStats' }
  | { readonly type: 'takeRecordings' };

export type FromThread =
  /** All actors of the thread have booted. */
  | { readonly type: 'ready' }
  /** An actor threw, or could not be made; the thread ends itself. */
  | { readonly type: 'failed'; readonly actor: Address; readonly error: Failure }
  /** All actors have stopped cleanly, when told to or because their machines are final. */
  | { readonly type: 'stopped'; readonly reason: 'stopped' | 'finished' }
  | { readonly type: 'stats'; readonly stats: ThreadStats }
  | {
      readonly type: 'recordings';
      readonly recordings: readonly (readonly [Address, Uint8Array])[];
    }
  | LogLine;

/** A line that an actor wrote for the operator. */
export interface LogLine {
  readonly type: 'log';
  readonly actor: Address;
  readonly at: Micros;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
}

/** Word of `flags` that holds 1 while the thread is to stand still at its next turn boundary. */
export const PAUSE_FLAG = 0;
export const FLAG_WORDS = 4;
