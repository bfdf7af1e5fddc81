/**
 * An actor in the simulator: what outlives its lives, namely its name, its disk and its clock. A
 * life is killed between two events or, by a fuse, between two effects of a turn.
 */
import type { Address, Envelope, Micros } from '../../actors/ports.js';
import { ConclaveError, messageOf } from '../errors.js';
import type { ActorBinding } from '../host/binding.js';
import type { Prng } from '../random/prng.js';
import type { Crc32 } from '../storage/crc32.js';
import type { Crash } from '../storage/simulated-disk.js';
import type { ActorRecording } from '../trace/actor-recording.js';
import type { DropReason, ExitReason } from '../trace/record.js';
import { ActorLife, type LifeLimits, type LifeOptions } from './actor-life.js';
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

/** Where an actor lives. */
export interface SimHost {
  readonly kernel: Kernel;
  readonly wire: Wire;
  readonly crc?: Crc32 | undefined;
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
  readonly #limits: LifeLimits;
  readonly #lateness: Prng;
  #incarnation = 0;
  #life: ActorLife | undefined;
  #isPaused = false;
  #isRefused = false;
  #fuseCrash: Crash = 'power';

  constructor(name: Address, host: SimHost, binding: ActorBinding, options: SpawnOptions) {
    const { kernel, wire, crc } = host;
    this.name = name;
    this.clock = new SimClock(() => kernel.now);
    this.disk = new SimDisk(name, kernel, crc);
    this.#kernel = kernel;
    this.#wire = wire;
    this.#binding = binding;
    this.#options = options;
    const { mailboxCapacity = 65_536, turnInputsMax = 1024 } = options;
    this.#limits = { mailboxCapacity, turnInputsMax, latenessMicrosMax: 0 };
    this.#lateness = kernel.stream(`lateness.${name}`);
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Its disk is damaged: it will never live again on this disk. */
  get isRefused(): boolean {
    return this.#isRefused;
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

  /**
   * Begins a life, with what the disk has. A disk that cannot be read makes it a life that failed.
   */
  start(): void {
    if (this.#life !== undefined) throw new Error(`'${this.name}' is alive`);
    const incarnation = ++this.#incarnation;
    const type = incarnation === 1 ? 'spawn' : 'restart';
    this.#fold(type);
    this.#kernel.record(this.name, { type, incarnation });
    const records = this.#open();
    if (records === undefined) return;
    const life: ActorLife = new ActorLife({
      name: this.name,
      incarnation,
      kernel: this.#kernel,
      wire: this.#wire,
      clock: this.clock,
      disk: this.disk,
      binding: this.#binding,
      options: this.#options,
      records,
      limits: this.#limits,
      lateness: this.#lateness,
      died: (error) => this.#died(life, error),
    });
    this.#life = life;
    life.start();
  }

  #open(): readonly Uint8Array[] | undefined {
    try {
      return this.disk.open(this);
    } catch (error) {
      if (!(error instanceof ConclaveError)) throw error;
      this.#isRefused = error.code !== 'STORAGE';
      this.#ended('failed', messageOf(error));
      return undefined;
    }
  }

  /**
   * Ends the life at once: memory, timers and mailbox are gone. When the power fails, a random part
   * of the un-synced writes is gone too, also of those that a dead process has left in the cache.
   */
  kill(crash: Crash = 'power'): void {
    this.#keep(this.#life?.recording());
    if (this.#life === undefined) this.disk.crash(crash);
    else this.#end('killed', { crash });
  }

  /** Lets it perform that many more sends and writes, and then kills it, within its turn. */
  killAfterEffects(count: number, crash: Crash = 'power'): void {
    this.#fuseCrash = crash;
    this.#life?.lightFuse(count);
  }

  /** Changes some of the limits of this life and the next ones. */
  setLimits(limits: Partial<LifeLimits>): void {
    Object.assign(this.#limits, limits);
    this.#life?.rearm();
  }

  /** Back to the limits that it was spawned with. */
  resetLimits(): void {
    const { mailboxCapacity = 65_536, turnInputsMax = 1024 } = this.#options;
    this.setLimits({ mailboxCapacity, turnInputsMax, latenessMicrosMax: 0 });
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
    this.#end('failed', { error: `the disk failed: ${reason}` });
  }

  #died(life: ActorLife, error: unknown): void {
    if (error === undefined) {
      this.#kernel.sometimes('actor: killed between two effects');
      this.#end('killed', { crash: this.#fuseCrash });
      return;
    }
    if (error instanceof ConclaveError && error.code === 'STORAGE') {
      this.failed(error.message);
      return;
    }
    this.#keep(life.recording(error));
    this.#end('failed', { error: messageOf(error) });
    if (this.#options.mayThrow !== true) {
      this.#kernel.violate('actor.throws', `'${this.name}': ${messageOf(error)}`);
    }
  }

  #end(reason: ExitReason, how: { readonly crash?: Crash; readonly error?: string } = {}): void {
    if (this.#life === undefined) return;
    this.#life.end();
    this.#life = undefined;
    this.#isPaused = false;
    if (reason === 'stopped') this.disk.close();
    else this.disk.crash(how.crash ?? 'process');
    this.#ended(reason, how.error);
  }

  #ended(reason: ExitReason, error?: string): void {
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
