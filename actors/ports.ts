/**
 * What an actor may reach: interfaces only, implemented in `src/` once for worker threads and once
 * for the simulator. A port never returns a promise; what completes later comes back as an `Input`.
 */
import type { MessageKind } from './message-kinds.js';

/** The name of an actor or endpoint; unique in its system. A restart keeps the name. */
export type Address = string;

/** Microseconds since the start of the system, an integer; monotonic per host. */
export type Micros = number;

/** `now`: with this turn. `durable`: once every write of this and earlier turns is on disk. */
export type SendTiming = 'now' | 'durable';

/** Whether a message expects an answer, is one, or neither. */
export type Rpc = 'none' | 'request' | 'reply';

/** What the router carries. The payload is opaque to it: encoded once, never re-encoded. */
export interface Envelope {
  readonly from: Address;
  readonly to: Address;
  readonly kind: MessageKind;
  readonly rpc: Rpc;
  /** Pairs a reply with its request; 0 when `rpc` is `none`. Unique per sender and incarnation. */
  readonly correlation: number;
  /** Which life of the sender sent it: 1 for the first, one more after each restart. */
  readonly incarnation: number;
  /** May be a view of a larger buffer: copy what is kept beyond the turn. */
  readonly payload: Uint8Array;
}

/** A message on its way out. */
export interface Outgoing {
  readonly to: Address;
  readonly kind: MessageKind;
  /** Parts are concatenated, so that a header and encoded entries need no copy by the sender. */
  readonly payload: Uint8Array | readonly Uint8Array[];
  /** Default `none`. */
  readonly rpc?: Rpc;
  /** Needed when `rpc` is not `none`. */
  readonly correlation?: number;
  /** Only for a request: after this long without a reply, a `noReply` input comes instead. */
  readonly timeoutMicros?: Micros;
  /** Default `now`. */
  readonly after?: SendTiming;
}

export interface RouterPort {
  /**
   * Hands a message to the network, which may lose it. Never blocks, never throws for the
   * network's sake.
   */
  send(message: Outgoing): void;
}

export interface TimersPort {
  /**
   * (Re-)arms the named timer; it comes back as `{ type: 'timer', timer }`. An armed one is
   * replaced.
   */
  set(timer: string, delayMicros: Micros): void;
  /** Disarms it. A firing that is already in the mailbox is dropped too. */
  cancel(timer: string): void;
}

export interface StoragePort {
  /**
   * Adds a record to this turn's write. Once it and all before it are on disk, the actor receives
   * `{ type: 'persisted', upTo }` with the highest such `token`. Tokens are positive and increase
   * with every write of an incarnation. Parts are concatenated, so that a header and a payload need
   * no copy by the caller. A failed write or sync is fatal to the actor: it is never retried as if
   * it had succeeded.
   */
  write(record: Uint8Array | readonly Uint8Array[], token: number): void;
  /**
   * Records of this and earlier incarnations with a token below `before` (one of this incarnation)
   * are not needed any more: what replaces them must be on disk. The next life may still get them.
   */
  forget(before: number): void;
}

export interface ClockPort {
  /** Monotonic time of this actor. Constant within a turn. */
  now(): Micros;
}

export interface RandomPort {
  /** An unsigned 32-bit integer from this actor's own seeded stream. */
  uint32(): number;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LoggerPort {
  /** One line for the operator. Fields are plain data. Never blocks. */
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What every actor has; an actor with more to reach extends this. */
export interface ActorPorts {
  readonly router: RouterPort;
  readonly timers: TimersPort;
  readonly storage: StoragePort;
  readonly logger: LoggerPort;
}

/** Everything that can enter an actor. A recording is the ordered list of an actor's inputs. */
export type Input =
  | { readonly type: 'message'; readonly envelope: Envelope }
  | { readonly type: 'timer'; readonly timer: string }
  | { readonly type: 'persisted'; readonly upTo: number }
  /** A request got no answer: timed out, or (where the network reports it) known to be lost. */
  | {
      readonly type: 'noReply';
      readonly to: Address;
      readonly kind: MessageKind;
      readonly correlation: number;
    }
  /**
   * Something that another port of this actor started has ended, or its host asks for something.
   */
  | { readonly type: 'completed'; readonly port: string; readonly event: unknown };

/** Time and chance as one turn sees them. */
export interface Turn {
  /** When the turn began. */
  readonly now: Micros;
  /** Draws from the actor's random stream: jitter enters the machine as a field of an event. */
  draw(): number;
}

/** How an actor begins a life. */
export interface Boot<In> extends Turn {
  readonly name: Address;
  /** 1 for the first life. */
  readonly incarnation: number;
  /** The plain data given at spawn; the same after every restart. */
  readonly input: In;
  /** What earlier lives wrote and the disk still has, in order. Read it once, now. */
  readonly records: Iterable<Uint8Array>;
}
