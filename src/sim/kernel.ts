/**
 * The heart of a simulation: virtual time, one event heap, the seeded streams, and the trace hash.
 * Everything that happens is an event here; nothing runs outside `step()`.
 *
 * Events of one instant come in random order (the tie key, from the schedule stream), so that a
 * seed explores an interleaving; with `order: 'fifo'` they come in the order they were made.
 */
import type { Address, Micros } from '../../actors/ports.js';
import { BinaryHeap } from '../heap/binary-heap.js';
import { type Prng, type Seed, stream } from '../random/prng.js';
import { TraceHash } from '../trace/hash.js';
import type { Recorder, TraceBody } from '../trace/record.js';

/** What bounds a run; reaching one is a violation of the invariant of that name. */
export interface Watchdogs {
  readonly events: number;
  readonly simMicros: Micros;
  /** Events at one instant: time that does not pass. */
  readonly eventsAtOnce: number;
}

export const WATCHDOGS: Watchdogs = {
  events: 20_000_000,
  simMicros: 24 * 3600 * 1_000_000,
  eventsAtOnce: 100_000,
};

export interface KernelOptions {
  readonly seed: Seed;
  /** Default `random`. */
  readonly order?: 'random' | 'fifo';
  readonly recorder?: Recorder | undefined;
  readonly watchdogs?: Partial<Watchdogs>;
}

/** A fact that should not be. The run that found it stops. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  /** How many events had been handled, the one that showed it included. */
  readonly step: number;
  readonly atMicros: Micros;
}

export interface ScheduledEvent {
  readonly at: Micros;
  readonly tie: number;
  readonly sequence: number;
  /** Set to undefined to cancel. */
  run: (() => void) | undefined;
}

/** Returns what is wrong, or undefined. */
export type Invariant = () => string | undefined;

export class Kernel {
  readonly seed: Seed;
  readonly hash = new TraceHash();
  readonly recorder: Recorder | undefined;
  readonly violations: Violation[] = [];
  readonly #events = new BinaryHeap<ScheduledEvent>(isBefore);
  readonly #schedule: Prng | undefined;
  readonly #watchdogs: Watchdogs;
  readonly #invariants: (readonly [name: string, check: Invariant])[] = [];
  readonly #sometimes = new Map<string, number>();
  readonly #streams = new Set<string>();
  #now: Micros = 0;
  #sequence = 0;
  #steps = 0;
  #atOnce = 0;

  constructor(options: KernelOptions) {
    this.seed = options.seed;
    this.recorder = options.recorder;
    this.#watchdogs = { ...WATCHDOGS, ...options.watchdogs };
    if (options.order !== 'fifo') this.#schedule = this.stream('sched');
  }

  /** Virtual time. */
  get now(): Micros {
    return this.#now;
  }

  /** Events handled. */
  get steps(): number {
    return this.#steps;
  }

  /** The named stream from its start; every draw of it enters the trace hash. Ask once a name. */
  stream(name: string): Prng {
    if (this.#streams.has(name)) throw new Error(`the stream '${name}' is in use`);
    this.#streams.add(name);
    return stream(this.seed, name, this.tap(name));
  }

  /** What folds the draws of a stream into the trace hash. */
  tap(name: string): (value: number) => void {
    const { hash } = this;
    const id = nameId(name);
    return (value) => hash.fold(id ^ value);
  }

  /** A tie key for an event: a later one of the same instant and tie comes later. */
  drawTie(): number {
    return this.#schedule?.uint32() ?? 0;
  }

  /** Runs `run` at a time, which is now or later. */
  at(at: Micros, run: () => void, tie = this.drawTie()): ScheduledEvent {
    if (!Number.isSafeInteger(at) || at < this.#now) {
      throw new RangeError(`an event at ${at}, in the past of ${this.#now} or no whole number`);
    }
    const event: ScheduledEvent = { at, tie, sequence: this.#sequence++, run };
    this.#events.push(event);
    return event;
  }

  /** Runs `run` that much later. */
  after(delayMicros: Micros, run: () => void): ScheduledEvent {
    return this.at(this.#now + delayMicros, run);
  }

  record(actor: Address, body: TraceBody): void {
    this.recorder?.record(this.#now, actor, body);
  }

  /** Checked after every event. The name is what a failure line shows. */
  invariant(name: string, check: Invariant): void {
    this.#invariants.push([name, check]);
  }

  violate(invariant: string, detail: string): void {
    this.violations.push({ invariant, detail, step: this.#steps, atMicros: this.#now });
    this.record('', { type: 'violation', invariant, detail });
  }

  /** Counts a state that should be reached sometimes in a batch of seeds. */
  sometimes(what: string, count = 1): void {
    this.#sometimes.set(what, (this.#sometimes.get(what) ?? 0) + count);
  }

  /** The counts of `sometimes`, by name. */
  sometimesCounts(): ReadonlyMap<string, number> {
    return this.#sometimes;
  }

  /** When the next event is due; undefined when nothing will ever happen. */
  nextAt(): Micros | undefined {
    while (this.#events.peek()?.run === undefined && this.#events.size > 0) this.#events.pop();
    return this.#events.peek()?.at;
  }

  /**
   * Handles one event, and checks the invariants. False when there is none, or after a violation.
   */
  step(): boolean {
    const at = this.nextAt();
    if (at === undefined || this.violations.length > 0) return false;
    const event = this.#events.pop() as ScheduledEvent;
    this.#atOnce = at === this.#now ? this.#atOnce + 1 : 0;
    this.#now = at;
    this.#steps++;
    event.run?.();
    this.#watch();
    for (const [name, check] of this.#invariants) {
      const detail = check();
      if (detail !== undefined) this.violate(name, detail);
    }
    return this.violations.length === 0;
  }

  /** Handles events until that time, which it then is. False after a violation. */
  runUntil(until: Micros): boolean {
    for (;;) {
      const at = this.nextAt();
      if (at === undefined || at > until) break;
      if (!this.step()) return false;
    }
    this.#now = Math.max(this.#now, until);
    return this.violations.length === 0;
  }

  #watch(): void {
    const { events, simMicros, eventsAtOnce } = this.#watchdogs;
    if (this.#atOnce >= eventsAtOnce) {
      this.violate('watchdog.eventsAtOnce', `${eventsAtOnce} events at ${this.#now} µs`);
    } else if (this.#steps >= events) {
      this.violate('watchdog.events', `${events} events`);
    } else if (this.#now > simMicros) {
      this.violate('watchdog.simMicros', `more than ${simMicros} µs of virtual time`);
    }
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie !== b.tie ? a.tie < b.tie : a.sequence < b.sequence;
}

/** FNV-1a, 32 bits: enough to tell the streams of a run apart in its hash. */
function nameId(name: string): number {
  let id = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) id = Math.imul(id ^ name.charCodeAt(i), 0x01000193);
  return id;
}
