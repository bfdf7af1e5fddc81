/** What a system of actors on threads is started with, and what it tells its owner. */
import type { Address } from '../../actors/ports.js';
import type { PresetName } from '../router/presets.js';
import type { ThreadDeath } from './actor-thread.js';
import type { ResourceLimits } from './actor-thread-pool.js';
import type { LogLine } from './control-protocol.js';
import type { SupervisionPolicy } from './supervision.js';

export interface ActorSystemOptions {
  readonly network?: {
    /** Fixes the decisions of the network per (link, n-th message); default: drawn. */
    readonly seed?: number | bigint | string;
    readonly preset?: PresetName;
  };
  /** Where actors keep their logs; without it they keep them in memory, for one life only. */
  readonly dataDir?: string;
  /** Default true. False: writes are not synced; a power failure may lose them. */
  readonly fsync?: boolean;
  /** Keeps every actor's inputs, for a replay in the simulator. Default false. */
  readonly recording?: boolean;
  readonly onEvent?: (event: SystemEvent) => void;
}

/** What a system tells its owner. What the listener throws is uncaught. */
export type SystemEvent =
  | { readonly type: 'spawned'; readonly actor: Address; readonly incarnation: number }
  | {
      readonly type: 'exited';
      readonly actor: Address;
      readonly incarnation: number;
      readonly death: ThreadDeath;
      /** The supervisor starts a new life after this pause; undefined: it stays dead. */
      readonly restartInMs: number | undefined;
    }
  | LogLine;

export interface ActorSpec {
  readonly name: Address;
  /** The module that exports the actor's `ActorBinding`. */
  readonly module: URL | string;
  /** The name of that export; default `actor`. */
  readonly exportName?: string;
  /** Plain data for the actor's `boot`; the same in every life. */
  readonly input?: unknown;
}

/** Of a thread, and so of all actors in it: they are one failure domain. */
export interface ThreadOptions {
  readonly limits?: ResourceLimits;
  readonly supervision?: Partial<SupervisionPolicy>;
  /** An actor that has not stopped after this long is killed; default 5 000. */
  readonly stopTimeoutMs?: number;
}
