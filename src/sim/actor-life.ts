/**
 * One life of a simulated actor: all that dies with it. It hosts the same `Actor` as a worker
 * thread does, and turns what the actor asks for into events: turns, alarms, time-outs, syncs.
 */
import { Actor, type ActorHost, type Observation } from '../../actors/actor.js';
import type { ActorPorts, Address, Envelope, Input, Micros, Outgoing } from '../../actors/ports.js';
import { messageOf } from '../errors.js';
import type { ActorBinding, PortContext } from '../host/binding.js';
import type { Prng } from '../random/prng.js';
import { PendingRequests } from '../router/pending-requests.js';
import { TokenSequences } from '../storage/token-sequences.js';
import { type ActorRecorder, type ActorRecording, recordActor } from '../trace/actor-recording.js';
import type { DropReason, StateValue } from '../trace/record.js';
import type { SimClock } from './clock.js';
import type { SimDisk } from './disk.js';
import type { Kernel, ScheduledEvent } from './kernel.js';
import type { Wire } from './wire.js';

/** What an actor's own ports may use of the simulator, beyond what any host gives. */
export interface SimPortContext extends PortContext {
  readonly kernel: Kernel;
  /** A stream of this port's own; a name can be asked for once per life. */
  stream(name: string): Prng;
  /** Runs later, unless this life has ended. Returns how to cancel it. */
  after(delayMicros: Micros, run: () => void): () => void;
}

export type SimPorts = (context: SimPortContext) => Readonly<Record<string, unknown>>;

export interface LifeOptions {
  /** Plain data for the machine; the same in every life. */
  readonly input?: unknown;
  /** In the place of the binding's ports. */
  readonly ports?: SimPorts;
  /** The mailbox drops what comes beyond. Default 65 536. */
  readonly mailboxCapacity?: number;
  /** At most so many inputs a turn. Default 1024. */
  readonly turnInputsMax?: number;
  /** Sees every step of the machine, of which a turn may take several. */
  readonly observe?: (observation: Observation) => void;
  /** Keep each life's input for `replay()`. */
  readonly isRecorded?: boolean;
}

/** What chaos may change while the actor lives. */
export interface LifeLimits {
  mailboxCapacity: number;
  turnInputsMax: number;
  /** Timers fire up to this much late. */
  latenessMicrosMax: Micros;
}

/** Where a life is lived. */
export interface LifeContext {
  readonly name: Address;
  readonly incarnation: number;
  readonly kernel: Kernel;
  readonly wire: Wire;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  readonly binding: ActorBinding;
  readonly options: LifeOptions;
  /** What the disk has. */
  readonly records: readonly Uint8Array[];
  readonly limits: Readonly<LifeLimits>;
  /** How late timers are. */
  readonly lateness: Prng;
  /** The actor threw (`error`), or the fuse has burnt (undefined). */
  died(error: unknown): void;
}

/** Thrown through an actor to end it between two effects. */
const FUSE = { message: 'the fuse' };

export class ActorLife {
  readonly #context: LifeContext;
  readonly #actor: Actor<never, ActorPorts, unknown>;
  readonly #recorder: ActorRecorder | undefined;
  readonly #mailbox: Input[] = [];
  readonly #requests = new PendingRequests();
  readonly #cleanups: (() => void)[] = [];
  #writes: Uint8Array[] = [];
  readonly #tokens = new TokenSequences();
  /** The number of the next record, of all that this disk was ever given. */
  #sequence: number;
  #turn: ScheduledEvent | undefined;
  #alarm: ScheduledEvent | undefined;
  #deadline: Micros | undefined;
  #timeout: ScheduledEvent | undefined;
  /** Synced, and not yet told to the actor because it was paused. */
  #syncedUpTo: number | undefined;
  /** How many more effects it lives to perform. */
  #fuse = Number.POSITIVE_INFINITY;
  #isPaused = false;
  #hasEnded = false;

  constructor(context: LifeContext) {
    this.#context = context;
    this.#sequence = context.disk.nextSequence;
    const host = this.#host();
    this.#recorder = context.options.isRecorded === true ? recordActor(host) : undefined;
    this.#actor = new Actor(
      context.binding.definition as never,
      (this.#recorder?.host ?? host) as never,
    );
  }

  get state(): unknown {
    return this.#actor.state;
  }

  get heldCount(): number {
    return this.#actor.heldCount;
  }

  /** The life as its inputs, so far. `thrown` is what ended it. */
  recording(thrown?: unknown): ActorRecording | undefined {
    return this.#recorder?.finish(this.#actor.state, thrown);
  }

  start(): void {
    const { name, incarnation, options, records } = this.#context;
    const boot = { name, incarnation, input: options.input, records };
    this.#recorder?.booted(boot);
    this.#run(() => this.#actor.start(boot));
  }

  /** Nothing of this life happens any more. */
  end(): void {
    this.#hasEnded = true;
    for (const event of [this.#turn, this.#alarm, this.#timeout]) {
      if (event !== undefined) event.run = undefined;
    }
  }

  /** What a clean stop does before the end. */
  cleanUp(): void {
    for (const cleanup of this.#cleanups) cleanup();
  }

  lightFuse(effects: number): void {
    this.#fuse = effects;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What waited happens now: syncs, then the mailbox and all timers that are overdue. */
  resume(): void {
    this.#isPaused = false;
    if (this.#syncedUpTo !== undefined) {
      this.#context.kernel.after(0, () => this.#tellSynced());
    }
    this.#wake();
    this.rearm();
  }

  /** The clock has changed, or the actor may act again: sets the alarm anew. */
  rearm(): void {
    this.#setAlarm(this.#deadline);
  }

  deliver(envelope: Envelope): DropReason | undefined {
    if (this.#mailbox.length >= this.#context.limits.mailboxCapacity) {
      this.#context.kernel.sometimes('mailbox: overflow');
      return 'overflow';
    }
    if (envelope.rpc === 'reply' && !this.#requests.close(envelope.correlation)) return 'stray';
    this.#put({ type: 'message', envelope });
    return undefined;
  }

  lost(correlation: number): void {
    const input = this.#requests.lose(correlation);
    if (input !== undefined) this.#put(input);
  }

  synced(upTo: number): void {
    this.#syncedUpTo = upTo;
    if (!this.#isPaused) this.#tellSynced();
  }

  #tellSynced(): void {
    const upTo = this.#syncedUpTo;
    if (upTo === undefined || this.#hasEnded || this.#isPaused) return;
    this.#syncedUpTo = undefined;
    this.#context.kernel.record(this.#context.name, { type: 'persisted', upTo });
    this.#run(() => this.#actor.durable(upTo));
  }

  #put(input: Input): void {
    if (this.#hasEnded) return;
    this.#mailbox.push(input);
    this.#wake();
  }

  /** A turn follows, as an event of its own: what arrives at the same instant may come with it. */
  #wake(): void {
    if (this.#turn !== undefined || this.#isPaused || this.#mailbox.length === 0) return;
    this.#turn = this.#context.kernel.after(0, () => {
      this.#turn = undefined;
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    if (this.#isPaused || this.#hasEnded) return;
    const inputs = this.#mailbox.splice(0, this.#context.limits.turnInputsMax);
    this.#run(() => this.#actor.turn(inputs));
    if (!this.#hasEnded) this.#wake();
  }

  /** Runs a part of the actor; what it throws ends the life. */
  #run(part: () => void): void {
    try {
      part();
    } catch (error) {
      if (error !== FUSE && !(error instanceof Error)) {
        throw new Error(`an actor threw what is no error: ${messageOf(error)}`);
      }
      this.#context.died(error === FUSE ? undefined : error);
    }
  }

  #host(): ActorHost<ActorPorts> {
    const { kernel, name, incarnation, clock, disk, binding, options } = this.#context;
    const makePorts: SimPorts | undefined = options.ports ?? binding.ports;
    const ports = {
      ...makePorts?.(this.#portContext()),
      router: { send: (message: Outgoing) => this.#send(message) },
      storage: {
        write: (record: Uint8Array | readonly Uint8Array[], token: number) => {
          this.#write(record, token);
        },
        forget: (before: number) => {
          const sequence = this.#tokens.takeFrom(before);
          if (sequence !== undefined) disk.truncateBefore(sequence);
        },
      },
      logger: this.#logger(),
    };
    return {
      ports,
      clock,
      random: kernel.stream(`actor.${name}.${incarnation}`),
      commit: (upTo) => this.#commit(upTo),
      wakeAt: (deadline) => this.#setAlarm(deadline),
      record: (_, inputs) => this.#note(inputs),
      ...this.#observers(),
    };
  }

  #observers(): Pick<ActorHost<ActorPorts>, 'observe' | 'watchTimer'> {
    const { kernel, name, options } = this.#context;
    const { observe } = options;
    if (kernel.recorder === undefined) return observe === undefined ? {} : { observe };
    return {
      observe: (observation) => {
        observe?.(observation);
        const { before, event, after } = observation;
        const from = before === undefined ? null : stateValue(before);
        const to = stateValue(after);
        kernel.record(name, { type: 'transition', event: event.type, from, to });
      },
      watchTimer: (timer, deadline) => {
        if (deadline === undefined) kernel.record(name, { type: 'timerCancelled', timer });
        else kernel.record(name, { type: 'timerSet', timer, deadline });
      },
    };
  }

  #logger(): ActorPorts['logger'] {
    const { kernel, name } = this.#context;
    return {
      log: (level, message, fields) => {
        const more = fields === undefined ? {} : { fields };
        kernel.record(name, { type: 'log', level, message, ...more });
      },
    };
  }

  #portContext(): SimPortContext {
    const { kernel, name, incarnation, options } = this.#context;
    return {
      name,
      incarnation,
      input: options.input,
      kernel,
      complete: (port, event) => this.#put({ type: 'completed', port, event }),
      onStop: (cleanup) => {
        this.#cleanups.push(cleanup as () => void);
      },
      stream: (purpose) => kernel.stream(`port.${name}.${incarnation}.${purpose}`),
      after: (delayMicros, run) => {
        const event = kernel.after(delayMicros, () => {
          if (!this.#hasEnded) run();
        });
        return () => {
          event.run = undefined;
        };
      },
    };
  }

  #send(message: Outgoing): void {
    this.#burn();
    const { kernel, wire, name, incarnation } = this.#context;
    if (message.rpc === 'request') {
      const deadline = kernel.now + (message.timeoutMicros ?? Number.POSITIVE_INFINITY);
      const { to, kind, correlation = 0 } = message;
      this.#requests.open({ to, kind, correlation, deadline });
      this.#setTimeout();
    }
    wire.send(name, incarnation, message);
  }

  #write(record: Uint8Array | readonly Uint8Array[], token: number): void {
    this.#burn();
    const { kernel, name } = this.#context;
    const bytes = record instanceof Uint8Array ? record.slice() : concatenate(record);
    this.#writes.push(bytes);
    this.#tokens.note(token, this.#sequence++);
    kernel.record(name, { type: 'write', token, sizeBytes: bytes.length });
  }

  #commit(upTo: number): boolean {
    if (this.#writes.length === 0) return true;
    this.#context.disk.write(this.#writes, upTo);
    this.#writes = [];
    return false;
  }

  #burn(): void {
    if (this.#fuse-- <= 0) throw FUSE;
  }

  #setAlarm(deadline: Micros | undefined): void {
    const { kernel, clock, limits, lateness } = this.#context;
    this.#deadline = deadline;
    if (this.#alarm !== undefined) this.#alarm.run = undefined;
    this.#alarm = undefined;
    if (deadline === undefined || this.#isPaused || this.#hasEnded) return;
    const { latenessMicrosMax } = limits;
    const late = latenessMicrosMax > 0 ? lateness.uniform(0, latenessMicrosMax) : 0;
    this.#alarm = kernel.at(clock.whenAt(deadline) + late, () => {
      this.#alarm = undefined;
      this.#takeTurn();
    });
  }

  #setTimeout(): void {
    const { kernel } = this.#context;
    const deadline = this.#requests.nextDeadline();
    if (deadline === undefined || this.#timeout?.at === deadline) return;
    if (this.#timeout !== undefined) this.#timeout.run = undefined;
    this.#timeout = kernel.at(Math.max(deadline, kernel.now), () => {
      this.#timeout = undefined;
      for (const input of this.#requests.expire(kernel.now)) this.#put(input);
      this.#setTimeout();
    });
  }

  /** What enters the actor enters the trace hash; messages did when they arrived. */
  #note(inputs: readonly Input[]): void {
    const { kernel, wire, name } = this.#context;
    const { hash } = kernel;
    for (const input of inputs) {
      if (input.type === 'message') continue;
      hash.fold(wire.idOf(name));
      hash.foldInteger(kernel.now);
      hash.foldValue(input);
      if (input.type === 'timer') kernel.record(name, { type: 'timerFired', timer: input.timer });
    }
  }
}

function stateValue(state: unknown): StateValue {
  return (state as { value: StateValue }).value;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
