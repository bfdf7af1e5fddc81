/**
 * A simulated system: actors and endpoints on a simulated network, with simulated disks, in virtual
 * time. The same actors as on worker threads; a seed is a run, exactly.
 *
 *     const sim = new Simulation({ seed: 7 });
 *     sim.spawn('server', binding, { input: { … } });
 *     const client = sim.endpoint('client', (input) => { … });
 *     client.send({ to: 'server', kind: 'custom', rpc: 'request', correlation: 1, payload });
 *     sim.network.cut('client', 'server');       // one way
 *     sim.invariant('server.sum', () => (isRight(sim.state('server')) ? undefined : 'wrong sum'));
 *     sim.runFor(1_000_000);                     // one virtual second
 *     sim.kill('server'); sim.restart('server'); // its disk survives
 *     sim.violations; sim.traceHash();
 *
 * Time is in whole microseconds. Every message takes a hop of 1 ms and every sync 1 ms unless told
 * otherwise, so that virtual time passes.
 */
import type { Address, Envelope, Input, Micros, Outgoing } from '../../actors/ports.js';
import type { ActorBinding } from '../host/binding.js';
import type { Prng } from '../random/prng.js';
import type { Network } from '../router/network.js';
import { PendingRequests } from '../router/pending-requests.js';
import type { Crc32 } from '../storage/crc32.js';
import type { Crash } from '../storage/simulated-disk.js';
import type { DropReason } from '../trace/record.js';
import type { SimDisk } from './disk.js';
import { type Invariant, Kernel, type KernelOptions, type Violation } from './kernel.js';
import { SimActor, type SimHost, type SpawnOptions } from './sim-actor.js';
import { Wire, type WireOptions } from './wire.js';

export interface SimulationOptions extends KernelOptions, WireOptions {
  /** The checksum of the logs, where the host has a faster one; must give the same numbers. */
  readonly crc?: Crc32 | undefined;
}

/** A mailbox without an actor: a client of the system, run by a callback. */
export interface Endpoint {
  readonly name: Address;
  send(message: Outgoing): void;
  /** Nothing arrives any more; the name is free again. */
  close(): void;
}

export class Simulation {
  readonly kernel: Kernel;
  readonly #wire: Wire;
  readonly #crc: Crc32 | undefined;
  readonly #actors = new Map<Address, SimActor>();

  constructor(options: SimulationOptions) {
    this.kernel = new Kernel(options);
    this.#wire = new Wire(this.kernel, options);
    this.#crc = options.crc;
  }

  get now(): Micros {
    return this.kernel.now;
  }

  get network(): Network {
    return this.#wire.network;
  }

  get violations(): readonly Violation[] {
    return this.kernel.violations;
  }

  /** The seeded stream of that name, which may be asked for once. */
  stream(name: string): Prng {
    return this.kernel.stream(name);
  }

  /** Starts an actor under a new name, now. */
  spawn(name: Address, binding: ActorBinding, options: SpawnOptions = {}): SimActor {
    this.#claim(name);
    const actor = new SimActor(name, this.#host(), binding, options);
    this.#actors.set(name, actor);
    this.#wire.attach(name, actor);
    actor.start();
    return actor;
  }

  /** The actor of that name, alive or dead. Throws when there never was one. */
  actor(name: Address): SimActor {
    const actor = this.#actors.get(name);
    if (actor === undefined) throw new RangeError(`no actor '${name}' was spawned`);
    return actor;
  }

  /** The names of all actors, alive or dead, in the order of their spawning. */
  actorNames(): readonly Address[] {
    return [...this.#actors.keys()];
  }

  /** The machine's snapshot; undefined when the actor is dead. */
  state<S>(name: Address): S | undefined {
    return this.actor(name).state as S | undefined;
  }

  disk(name: Address): SimDisk {
    return this.actor(name).disk;
  }

  /** At this instant: what is on the wire survives, memory does not; see `SimActor.kill`. */
  kill(name: Address, crash?: Crash): void {
    this.actor(name).kill(crash);
  }

  /** A new life from its disk; kills it first if it is alive. */
  restart(name: Address): void {
    const actor = this.actor(name);
    if (actor.isAlive) actor.kill();
    actor.start();
  }

  stop(name: Address): void {
    this.actor(name).stop();
  }

  pause(name: Address): void {
    this.actor(name).pause();
  }

  resume(name: Address): void {
    this.actor(name).resume();
  }

  /** Holds back what is sent from one to the other until that time; loses nothing. */
  clog(from: Address, to: Address, until: Micros): void {
    this.#wire.clog(from, to, until);
  }

  /** What is sent from now on is not held back any more. */
  unclog(): void {
    this.#wire.unclog();
  }

  /** A mailbox under a new name. `onInput` runs in an event of its own for each input. */
  endpoint(name: Address, onInput: (input: Input) => void): Endpoint {
    this.#claim(name);
    const requests = new PendingRequests();
    const { kernel } = this;
    const inbox: Input[] = [];
    const put = (input: Input | undefined): void => {
      if (input === undefined) return;
      inbox.push(input);
      // Events of one instant come in random order; what a link keeps in order stays so.
      kernel.after(0, () => {
        const first = inbox.shift() as Input;
        if (this.#wire.receiver(name) === receiver) onInput(first);
      });
    };
    const receiver = {
      isAlive: true,
      deliver: (envelope: Parameters<SimActor['deliver']>[0]): DropReason | undefined => {
        const isStray = envelope.rpc === 'reply' && !requests.close(envelope.correlation);
        if (isStray) return 'stray';
        put({ type: 'message', envelope });
        return undefined;
      },
      lost: (correlation: number) => put(requests.lose(correlation)),
    };
    this.#wire.attach(name, receiver);
    return {
      name,
      send: (message) => {
        if (message.rpc === 'request') {
          const deadline = kernel.now + (message.timeoutMicros ?? Number.POSITIVE_INFINITY);
          const { to, kind, correlation = 0 } = message;
          requests.open({ to, kind, correlation, deadline });
          if (message.timeoutMicros !== undefined) {
            kernel.at(deadline, () => {
              for (const input of requests.expire(kernel.now)) put(input);
            });
          }
        }
        this.#wire.send(name, 1, message);
      },
      close: () => this.#wire.detach(name),
    };
  }

  /** Checked after every event; says what is wrong, or undefined. */
  invariant(name: string, check: Invariant): void {
    this.kernel.invariant(name, check);
  }

  /** Sees every message as it leaves its sender: what an oracle must know to judge it. */
  watchSends(watcher: (envelope: Envelope) => void): void {
    this.#wire.watch(watcher);
  }

  /** Reports something wrong that no invariant saw. */
  violate(invariant: string, detail: string): void {
    this.kernel.violate(invariant, detail);
  }

  /** Counts a state that should be reached sometimes. */
  sometimes(what: string): void {
    this.kernel.sometimes(what);
  }

  /** A remark in the trace. */
  mark(text: string): void {
    this.kernel.record('', { type: 'mark', text });
  }

  /** Runs `run` that much later. */
  after(delayMicros: Micros, run: () => void): void {
    this.kernel.after(delayMicros, run);
  }

  /** Lets that much virtual time pass. False after a violation. */
  runFor(micros: Micros): boolean {
    return this.kernel.runUntil(this.kernel.now + micros);
  }

  /** Runs until the condition holds after an event, at most that long. Whether it came to hold. */
  runUntil(condition: () => boolean, limitMicros: Micros): boolean {
    const limit = this.kernel.now + limitMicros;
    while (!condition()) {
      const at = this.kernel.nextAt();
      if (at === undefined || at > limit || !this.kernel.step()) return condition();
    }
    return true;
  }

  /** 16 hexadecimal digits that identify the run so far. */
  traceHash(): string {
    return this.kernel.hash.digest();
  }

  #host(): SimHost {
    return { kernel: this.kernel, wire: this.#wire, crc: this.#crc };
  }

  #claim(name: Address): void {
    if (this.#actors.has(name) || this.#wire.receiver(name) !== undefined) {
      throw new RangeError(`the name '${name}' is in use`);
    }
  }
}
