/**
 * An actor in the simulator: what outlives its lives, namely its name, its disk and its clock. A
 * life is killed between two events or, by a fuse, between two effects of a turn.
 */
import type { Address, Envelope, Micros } from '../../actors/ports.js';
import { messageOf } from '../errors.js';
import type { ActorBinding } from '../host/binding.js';
import type { ActorRecording } from '../trace/actor-recording.js';
import type { DropReason, ExitReason } from '../trace/record.js';
import { ActorLife, type LifeOptions } from './actor-life.js';
import { SimClock } from './clock.js';
import { type DiskOwner, SimDisk } from './disk.js';
import type { Kernel } from './kernel.js';
import type { Receiver, Wire } from './wire.js';

export interface SpawnOptions extends LifeOptions {
  /** A life that failed (threw, or lost its disk) begins anew after this long. Default: never. */
  readonly restartMicros?: Micros;
  /** An actor that throws is a violation, unless this is set. A failed disk never is one. */
  readonly mayThrow?: boolean;
}

export class SimActor implements Receiver, DiskOwner {
  readonly name: Address;
  readonly clock: SimClock;
  readonly disk: SimDisk;
  /** Of the lives that ended, if they are recorded; not of those that a fuse ended in a turn. */
  readonly recordings: ActorRecording[] = [];
  readonly #kernel: Kernel;
  readonly #wire: Wire;
  readonly #binding: ActorBinding;
  readonly #options: SpawnOptions;
  #incarnation = 0;
  #life: ActorLife | undefined;
  #isPaused = false;

  constructor(
    name: Address,
    kernel: Kernel,
    wire: Wire,
    binding: ActorBinding,
    options: SpawnOptions,
  ) {
    this.name = name;
    this.clock = new SimClock(() => kernel.now);
    this.disk = new SimDisk(name, kernel);
    this.#kernel = kernel;
    this.#wire = wire;
    this.#binding = binding;
    this.#options = options;
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** 1 in the first life; 0 before it. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** The machine's snapshot, or undefined when dead. */
  get state(): unknown {
    return this.#life?.state;
  }

  /** How many messages wait for the disk. */
  get heldCount(): number {
    return this.#life?.heldCount ?? 0;
  }

  /** Begins a life, with what the disk has. */
  start(): void {
    if (this.#life !== undefined) throw new Error(`'${this.name}' is alive`);
    const incarnation = ++this.#incarnation;
    const type = incarnation === 1 ? 'spawn' : 'restart';
    this.#fold(type);
    this.#kernel.record(this.name, { type, incarnation });
    this.disk.open(this);
    const life: ActorLife = new ActorLife({
      name: this.name,
      incarnation,
      kernel: this.#kernel,
      wire: this.#wire,
      clock: this.clock,
      disk: this.disk,
      binding: this.#binding,
      options: this.#options,
      died: (error) => this.#died(life, error),
    });
    this.#life = life;
    life.start();
  }

  /** Ends the life at once: memory, timers, mailbox and un-synced writes are gone. */
  kill(): void {
    this.#keep(this.#life?.recording());
    this.#end('killed');
  }

  /** Lets it perform that many more sends and writes, and then kills it, within its turn. */
  killAfterEffects(count: number): void {
    this.#life?.lightFuse(count);
  }

  /** A clean stop: what it wrote is synced. */
  stop(): void {
    this.#keep(this.#life?.recording());
    this.#life?.cleanUp();
    this.#end('stopped');
  }

  /** It takes no turns until `resume()`: messages queue, timers and completions come late. */
  pause(): void {
    if (this.#life === undefined || this.#isPaused) return;
    this.#isPaused = true;
    this.#life.pause();
    this.#kernel.record(this.name, { type: 'pause' });
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#kernel.record(this.name, { type: 'resume' });
    this.#life?.resume();
  }

  /** Changes how fast its clock runs, in microseconds gained a second; its timers follow. */
  setClockRate(ratePpm: number): void {
    this.clock.setRate(ratePpm);
    this.#life?.rearm();
  }

  jumpClock(micros: Micros): void {
    this.clock.jump(micros);
    this.#life?.rearm();
  }

  /** The recording of the life that goes on, if lives are recorded. */
  recording(): ActorRecording | undefined {
    return this.#life?.recording();
  }

  deliver(envelope: Envelope): DropReason | undefined {
    return this.#life === undefined ? 'gone' : this.#life.deliver(envelope);
  }

  lost(correlation: number): void {
    this.#life?.lost(correlation);
  }

  synced(upTo: number): void {
    this.#life?.synced(upTo);
  }

  failed(reason: string): void {
    this.#keep(this.#life?.recording());
    this.#end('failed', `the disk failed: ${reason}`);
  }

  #died(life: ActorLife, error: unknown): void {
    if (error === undefined) {
      this.#kernel.sometimes('actor: killed between two effects');
      this.#end('killed');
      return;
    }
    this.#keep(life.recording(error));
    this.#end('failed', messageOf(error));
    if (this.#options.mayThrow !== true) {
      this.#kernel.violate('actor.throws', `'${this.name}': ${messageOf(error)}`);
    }
  }

  #end(reason: ExitReason, error?: string): void {
    if (this.#life === undefined) return;
    this.#life.end();
    this.#life = undefined;
    this.#isPaused = false;
    if (reason === 'stopped') this.disk.close();
    else this.disk.crash();
    this.#fold('exit');
    const incarnation = this.#incarnation;
    const why = error === undefined ? {} : { error };
    this.#kernel.record(this.name, { type: 'exit', incarnation, reason, ...why });
    const { restartMicros } = this.#options;
    if (reason !== 'failed' || restartMicros === undefined) return;
    this.#kernel.after(restartMicros, () => {
      if (this.#life === undefined) this.start();
    });
  }

  #keep(recording: ActorRecording | undefined): void {
    if (recording !== undefined) this.recordings.push(recording);
  }

  #fold(what: string): void {
    const { hash, now } = this.#kernel;
    hash.foldString(what);
    hash.foldString(this.name);
    hash.foldInteger(now);
  }
}
