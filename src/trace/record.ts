/**
 * The event record: what happened in a system, one line an event. The simulator, worker threads,
 * trace files and the visualiser share it. Version 1; a reader refuses what it does not know.
 *
 * A trace file is JSON lines: a header, and then events in the order of `seq`. Payloads are not in
 * it: actors' inputs are recorded by `actor-recording.ts`.
 */
import type { MessageKind } from '../../actors/message-kinds.js';
import type { Address, LogLevel, Micros, Rpc } from '../../actors/ports.js';

export const TRACE_VERSION = 1;

/** A statechart's state value: a name, or names by region. */
export type StateValue = string | { readonly [region: string]: StateValue };

/** Why a message never reached a mailbox. */
export type DropReason =
  /** The network lost it by chance. */
  | 'loss'
  /** The link was down when it was sent, or when it should have been delivered. */
  | 'cut'
  /** Nobody has that name now. */
  | 'gone'
  /** The mailbox was full. */
  | 'overflow'
  /** A reply that nobody waits for. */
  | 'stray';

export type ExitReason = 'stopped' | 'killed' | 'failed';

/** A message in an event. `message` pairs a sending with its deliveries; unique in a trace. */
interface MessageFields {
  readonly message: number;
  readonly from: Address;
  readonly to: Address;
  readonly kind: MessageKind;
  readonly rpc: Rpc;
  readonly correlation: number;
  readonly sizeBytes: number;
}

/** What an event says besides `at`, `seq` and `actor`. */
export type TraceBody =
  | { readonly type: 'spawn'; readonly incarnation: number }
  | { readonly type: 'restart'; readonly incarnation: number }
  | {
      readonly type: 'exit';
      readonly incarnation: number;
      readonly reason: ExitReason;
      readonly error?: string;
    }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  /** `actor` is the sender. */
  | ({ readonly type: 'send' } & MessageFields)
  /** `actor` is the receiver. */
  | ({ readonly type: 'deliver' } & MessageFields)
  /** `actor` is the sender when it was lost at sending, else the receiver. */
  | ({ readonly type: 'drop'; readonly reason: DropReason } & MessageFields)
  | { readonly type: 'timerSet'; readonly timer: string; readonly deadline: Micros }
  | { readonly type: 'timerCancelled'; readonly timer: string }
  | { readonly type: 'timerFired'; readonly timer: string }
  /** A step of the machine. `from` is null at boot. */
  | {
      readonly type: 'transition';
      readonly event: string;
      readonly from: StateValue | null;
      readonly to: StateValue;
    }
  | { readonly type: 'write'; readonly token: number; readonly sizeBytes: number }
  | { readonly type: 'persisted'; readonly upTo: number }
  /** A fault was injected or ended; without `actor` when it concerns the system. */
  | { readonly type: 'fault'; readonly fault: string; readonly detail?: unknown }
  | {
      readonly type: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields?: Readonly<Record<string, unknown>>;
    }
  /** A remark of the user or of a scenario, to find the place again. */
  | { readonly type: 'mark'; readonly text: string }
  | { readonly type: 'violation'; readonly invariant: string; readonly detail: string };

export type TraceEvent = TraceBody & {
  /** When, in the time of the system. */
  readonly at: Micros;
  /** Position in the trace, from 0: total order, also within a microsecond. */
  readonly seq: number;
  /** Whom it concerns; '' is the system. */
  readonly actor: Address;
};

/** The first line of a trace file. */
export interface TraceHeader {
  readonly trace: 'conclave';
  readonly version: typeof TRACE_VERSION;
  /** Where it happened. */
  readonly host: 'sim' | 'threads';
  /** Decimal; null on threads without a seed. */
  readonly seed: string | null;
  readonly scenario: string | null;
  /** What else is needed to run it again, such as nodes and duration. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Takes events. A host that is not observed has no recorder at all (`recorder?.record(…)`), so that
 * the event object is not even made.
 */
export interface Recorder {
  record(at: Micros, actor: Address, body: TraceBody): void;
}

/** Keeps the last `limit` events in memory; observing never blocks, so older ones are let go. */
export class MemoryRecorder implements Recorder {
  readonly #limit: number;
  #events: TraceEvent[] = [];
  #seq = 0;

  constructor(limit = 1_000_000) {
    this.#limit = limit;
  }

  record(at: Micros, actor: Address, body: TraceBody): void {
    this.#events.push({ at, seq: this.#seq++, actor, ...body });
    // Halving keeps the cost of letting go constant per event.
    if (this.#events.length >= 2 * this.#limit) this.#events = this.#events.slice(-this.#limit);
  }

  /** How many events were let go of. */
  get lostCount(): number {
    return this.#seq - Math.min(this.#events.length, this.#limit);
  }

  events(): readonly TraceEvent[] {
    return this.#events.length > this.#limit ? this.#events.slice(-this.#limit) : this.#events;
  }
}
