/**
 * One life of an actor: the only loop that runs one. Every host drives it, synchronously, so that
 * the simulator needs no microtasks.
 *
 * A turn, in an order that is a promise: the messages of the mailbox, then the timers
 * that are still due (a heartbeat that waits in the mailbox is heard before the election time-out
 * that it pushes back); `now` sends leave; one write and sync for the whole turn; what waited for
 * it leaves, and the machine hears `persisted`.
 */
import type { AnyStateMachine, SnapshotFrom } from 'xstate';
import { createStepper, type Stepper } from '../machines/step.js';
import type { ActorDefinition } from './define-actor.js';
import type {
  ActorPorts,
  Boot,
  ClockPort,
  Input,
  Micros,
  Outgoing,
  RandomPort,
  RouterPort,
  StoragePort,
  TimersPort,
} from './ports.js';
import { TimerSet } from './timer-set.js';

/** What an observer is told of one step. `before` is undefined when the actor boots. */
export interface Observation {
  readonly now: Micros;
  readonly before: unknown;
  readonly event: { readonly type: string };
  readonly after: unknown;
}

/** What a host gives to the actor that it drives. */
export interface ActorHost<P extends ActorPorts> {
  /** All ports but the timers, which the actor keeps itself (see `wakeAt`). */
  readonly ports: Omit<P, 'timers'>;
  readonly clock: ClockPort;
  readonly random: RandomPort;
  /**
   * Ends a phase of a turn: what `router.send` gathered must leave, and then what `storage.write`
   * gathered must be made durable. Returns true when it is durable on return, or nothing was
   * written; false when the host will call `durable(upTo)` later.
   */
  commit(upTo: number): boolean;
  /** The earliest deadline has changed: call `turn([])` then. Undefined: no timer is armed. */
  wakeAt(deadline: Micros | undefined): void;
  /** Sees every batch that enters, with the time it entered: a recording replays an actor. */
  readonly record?: (now: Micros, inputs: readonly Input[]) => void;
  /** Sees every arming (with its deadline) and disarming (undefined) of a timer. */
  readonly watchTimer?: (timer: string, deadline: Micros | undefined) => void;
  /** Sees every step; for traces, invariants and drawings. */
  readonly observe?: (observation: Observation) => void;
}

interface Held {
  readonly upTo: number;
  readonly message: Outgoing;
}

/**
 * Not re-entrant: a host calls `turn` and `durable` from its own loop only. Whatever they throw is
 * fatal to this life; the host must not call it again.
 */
export class Actor<M extends AnyStateMachine, P extends ActorPorts, In> {
  readonly #definition: ActorDefinition<M, P, In>;
  readonly #host: ActorHost<P>;
  readonly #stepper: Stepper<M>;
  readonly #ports: P;
  readonly #timers = new TimerSet(() => this.#now);
  #state!: SnapshotFrom<M>;
  #now: Micros = 0;
  #alarm: Micros | undefined;
  /** The highest token written, and the highest known to be durable. */
  #written = 0;
  #durable = 0;
  /** Something was written since the last commit. */
  #dirty = false;
  /** Messages of this turn that wait for this turn's writes. */
  #waiting: Outgoing[] = [];
  /** Messages of earlier turns that wait for the disk, oldest first. */
  #held: Held[] = [];

  constructor(definition: ActorDefinition<M, P, In>, host: ActorHost<P>) {
    this.#definition = definition;
    this.#host = host;
    this.#stepper = createStepper(definition.machine);
    this.#ports = {
      ...host.ports,
      timers: this.#timersPort(),
      router: this.#routerPort(),
      storage: this.#storagePort(),
    } as unknown as P;
  }

  /** The machine's snapshot; read-only. */
  get state(): SnapshotFrom<M> {
    return this.#state;
  }

  /** How many messages wait for the disk. */
  get heldCount(): number {
    return this.#held.length;
  }

  /** Begins this life: the machine's initial state, with its entry effects as a first turn. */
  start(boot: Omit<Boot<In>, 'now' | 'draw'>): void {
    this.#now = this.#host.clock.now();
    const input = this.#definition.boot({ ...boot, now: this.#now, draw: this.#draw }, this.#ports);
    const [state, effects] = this.#stepper.initial(input);
    this.#state = state;
    this.#observe(undefined, { type: 'boot' }, state);
    for (const effect of effects) this.#perform(effect);
    this.#finish();
  }

  /** Handles the mailbox's inputs and all timers that are due, as far as the disk allows. */
  turn(inputs: readonly Input[]): void {
    this.#now = this.#host.clock.now();
    if (inputs.length > 0) this.#advance(inputs);
    for (;;) {
      const timer = this.#timers.takeDue(this.#now);
      if (timer === undefined) break;
      this.#advance([{ type: 'timer', timer }]);
    }
    this.#finish();
  }

  /** The host reports that every write with a token up to `upTo` is on disk. */
  durable(upTo: number): void {
    if (upTo <= this.#durable) return;
    this.#settle(upTo);
    this.#finish();
  }

  #advance(inputs: readonly Input[]): void {
    this.#host.record?.(this.#now, inputs);
    const turn = { now: this.#now, draw: this.#draw };
    const events = this.#definition.receive(inputs, turn, this.#ports);
    for (const event of events) {
      const before = this.#state;
      const [state, effects] = this.#stepper.step(before, event);
      this.#state = state;
      if (this.#host.observe !== undefined) this.#observe(before, event, state);
      for (const effect of effects) this.#perform(effect);
    }
  }

  #perform(effect: { readonly type: string }): void {
    const table = this.#definition.perform as Record<string, (effect: unknown, ports: P) => void>;
    const row = table[effect.type];
    if (row === undefined) throw new Error(`no row performs the effect '${effect.type}'`);
    row(effect, this.#ports);
  }

  /** Commits, and goes round again for as long as `persisted` makes the machine write more. */
  #finish(): void {
    for (;;) {
      const wrote = this.#dirty;
      this.#dirty = false;
      this.#hold();
      if (!this.#host.commit(this.#written) || !wrote) break;
      this.#settle(this.#written);
    }
    const next = this.#timers.next();
    if (next !== this.#alarm) {
      this.#alarm = next;
      this.#host.wakeAt(next);
    }
  }

  /** Sends what needs no disk, and queues what does behind the writes made so far. */
  #hold(): void {
    const isDurable = this.#written === this.#durable;
    for (const message of this.#waiting) {
      if (isDurable) this.#host.ports.router.send(message);
      else this.#held.push({ upTo: this.#written, message });
    }
    if (this.#waiting.length > 0) this.#waiting = [];
  }

  #settle(upTo: number): void {
    this.#now = this.#host.clock.now();
    this.#durable = upTo;
    let released = 0;
    for (const held of this.#held) {
      if (held.upTo > upTo) break;
      this.#host.ports.router.send(held.message);
      released++;
    }
    if (released > 0) {
      this.#held = this.#held.slice(released);
      // They have waited for the disk; they do not wait for the machine too.
      this.#host.commit(this.#written);
    }
    this.#advance([{ type: 'persisted', upTo }]);
  }

  #observe(before: unknown, event: { type: string }, after: unknown): void {
    this.#host.observe?.({ now: this.#now, before, event, after });
  }

  readonly #draw = (): number => this.#host.random.uint32();

  /** The timer set itself, unless somebody watches: no cost when nobody does. */
  #timersPort(): TimersPort {
    const watch = this.#host.watchTimer;
    if (watch === undefined) return this.#timers;
    return {
      set: (timer, delayMicros) => {
        this.#timers.set(timer, delayMicros);
        watch(timer, this.#now + Math.max(1, delayMicros));
      },
      cancel: (timer) => {
        this.#timers.cancel(timer);
        watch(timer, undefined);
      },
    };
  }

  #routerPort(): RouterPort {
    return {
      send: (message) => {
        if (message.after === 'durable') this.#waiting.push(message);
        else this.#host.ports.router.send(message);
      },
    };
  }

  #storagePort(): StoragePort {
    return {
      write: (record, token) => {
        if (token <= this.#written) {
          throw new RangeError(`storage tokens must increase: ${token} after ${this.#written}`);
        }
        this.#written = token;
        this.#dirty = true;
        this.#host.ports.storage.write(record, token);
      },
      forget: (before) => {
        if (before > this.#durable) {
          throw new RangeError(`records up to ${before} are not replaced on disk yet`);
        }
        this.#host.ports.storage.forget(before);
      },
    };
  }
}
