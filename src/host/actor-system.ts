/**
 * A system of actors on worker threads: the handle that spawns, kills and restarts them, and the
 * network between them. All of it runs in the thread that started the system, which is itself part
 * of the network: its endpoints talk to the actors.
 */
import { MessageChannel } from 'node:worker_threads';
import type { Address, LogLevel, Micros } from '../../actors/ports.js';
import { ConclaveError } from '../errors.js';
import { LinkPolicy } from '../router/link-policy.js';
import { LinkTable } from '../router/link-table.js';
import { Network } from '../router/network.js';
import type { PresetName } from '../router/presets.js';
import { ThreadRouter } from '../router/thread-router.js';
import { DataDirectory } from '../storage/data-directory.js';
import { ActorThread, type ThreadDeath } from './actor-thread.js';
import { ActorThreadPool, type ResourceLimits } from './actor-thread-pool.js';
import { processMicros, SystemClock } from './clock.js';
import { type ActorSeat, FLAG_WORDS, type Peer, type ThreadStats } from './control-protocol.js';
import { Directory, MAX_ADDRESSES, NOWHERE } from './directory.js';
import { Endpoint } from './endpoint.js';
import { type SupervisionPolicy, Supervisor } from './supervision.js';
import { ThreadHost } from './thread-host.js';

/** The thread that started the system. */
const MAIN_THREAD = 0;

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

/** What a system tells its owner. */
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
  | {
      readonly type: 'log';
      readonly actor: Address;
      readonly at: Micros;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    };

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
}

/** Actors that share a thread, over all its lives. */
interface Cell {
  readonly specs: readonly ActorSpec[];
  readonly options: ThreadOptions;
  readonly supervisor: Supervisor;
  incarnation: number;
  thread: ActorThread;
  /** A pause before the supervisor's restart. */
  restartTimer: NodeJS.Timeout | undefined;
}

export class ActorSystem {
  readonly network: Network;
  readonly #options: ActorSystemOptions;
  readonly #directory = new Directory();
  readonly #links = new SharedArrayBuffer(LinkTable.bytes(MAX_ADDRESSES));
  readonly #pool = new ActorThreadPool();
  readonly #epochMicros = processMicros();
  readonly #clock = new SystemClock(this.#epochMicros);
  readonly #data: DataDirectory | undefined;
  readonly #seed: string;
  readonly #host: ThreadHost;
  readonly #router: ThreadRouter;
  readonly #cells = new Map<Address, Cell>();
  readonly #endpoints = new Map<Address, Endpoint>();
  readonly #threads = new Map<number, ActorThread>();
  #threadCount = MAIN_THREAD + 1;
  #closing: Promise<void> | undefined;

  /** Starts an empty system. Rejects with what `DataDirectory.open` throws. */
  static async start(options: ActorSystemOptions = {}): Promise<ActorSystem> {
    return new ActorSystem(options);
  }

  private constructor(options: ActorSystemOptions) {
    this.#options = options;
    const { dataDir } = options;
    this.#data = dataDir === undefined ? undefined : DataDirectory.open(dataDir);
    this.#seed = String(options.network?.seed ?? processMicros());
    const now = () => this.#clock.now();
    const table = new LinkTable(this.#links, MAX_ADDRESSES);
    this.network = new Network(table, {
      idOf: (name) => this.#register(name),
      names: () => this.#directory.names(),
    });
    if (options.network?.preset !== undefined) this.network.preset(options.network.preset);
    this.#host = new ThreadHost({
      now,
      flags: new Int32Array(new SharedArrayBuffer(FLAG_WORDS * 4)),
      onFailure: (_, error) => {
        throw error;
      },
    });
    const nameOf = (id: number) => this.#directory.nameOf(id);
    this.#router = new ThreadRouter({
      thread: MAIN_THREAD,
      directory: this.#directory,
      policy: new LinkPolicy({ table, seed: this.#seed, nameOf }),
      now,
      arrived: () => this.#host.arrived(),
      wake: () => this.#host.wake(),
    });
    this.#host.use(this.#router);
  }

  /** Microseconds since this system started. */
  now(): Micros {
    return this.#clock.now();
  }

  /**
   * Starts an actor in a thread of its own and resolves when it has booted. Rejects with
   * `NAME_IN_USE` when the name is alive, `ACTOR_FAILED` when the actor cannot be made.
   */
  spawn(spec: ActorSpec & ThreadOptions): Promise<void> {
    return this.spawnTogether([spec], spec);
  }

  /** Starts several actors in one thread: they live, die, pause and restart together. */
  async spawnTogether(specs: readonly ActorSpec[], options: ThreadOptions = {}): Promise<void> {
    this.#assertOpen();
    for (const { name } of specs) {
      if (this.#cells.has(name) || this.#endpoints.has(name)) {
        throw new ConclaveError('NAME_IN_USE', `'${name}' is alive or waits for its restart`);
      }
    }
    const supervisor = new Supervisor(options.supervision);
    const cell = { specs, options, supervisor, incarnation: 0, restartTimer: undefined };
    await this.#live(cell as unknown as Cell).ready;
  }

  /** Ends the actor's thread at any instant: nothing is flushed. Resolves when it is dead. */
  async kill(name: Address): Promise<void> {
    const cell = this.#cell(name);
    clearTimeout(cell.restartTimer);
    this.#leave(cell);
    await cell.thread.kill();
  }

  /** Ends the actor after its current turn, its log closed, and frees its name. */
  async stop(name: Address): Promise<void> {
    const cell = this.#cell(name);
    clearTimeout(cell.restartTimer);
    await cell.thread.stop();
    this.#forget(cell);
  }

  /** Kills it if it is alive, and gives it a new life with the storage of the last. */
  async restart(name: Address): Promise<void> {
    const cell = this.#cell(name);
    await this.kill(name);
    this.#assertOpen();
    await this.#live(cell).ready;
  }

  /** Stands still at the next turn boundary, timers included; messages wait. */
  pause(name: Address): void {
    this.#cell(name).thread.pause();
  }

  /** Goes on; timers that came due meanwhile fire late. */
  resume(name: Address): void {
    this.#cell(name).thread.resume();
  }

  /** The actor's life, counted from 1. */
  incarnationOf(name: Address): number {
    return this.#cell(name).incarnation;
  }

  /** Resolves with the reason when the actor's present life ends. */
  exited(name: Address): Promise<ThreadDeath> {
    return this.#cell(name).thread.dead;
  }

  /** How the actor's thread fares. */
  stats(name: Address): Promise<ThreadStats> {
    return this.#cell(name).thread.stats();
  }

  /** The inputs of the actor's present life (`recording` must be on), for `replay()`. */
  async recordingOf(name: Address): Promise<Uint8Array> {
    const recordings = await this.#cell(name).thread.recordings();
    const found = recordings.find(([actor]) => actor === name);
    if (found === undefined) {
      throw new ConclaveError('INPUT', `no recording of '${name}': start with recording: true`);
    }
    return found[1];
  }

  /** Opens a mailbox of this thread on the network. */
  endpoint(name: Address): Endpoint {
    this.#assertOpen();
    if (this.#cells.has(name) || this.#endpoints.has(name)) {
      throw new ConclaveError('NAME_IN_USE', `'${name}' is in use`);
    }
    const id = this.#register(name);
    const incarnation = this.#directory.incarnationOf(id) + 1;
    const endpoint = new Endpoint({
      name,
      id,
      incarnation,
      router: this.#router,
      now: () => this.#clock.now(),
      wake: (endpoint) => this.#host.soon(endpoint),
      onClose: (closed) => this.#closed(closed),
    });
    this.#endpoints.set(name, endpoint);
    this.#router.attach(id, endpoint);
    this.#directory.place(id, MAIN_THREAD, incarnation);
    this.#host.add(endpoint, () => {});
    return endpoint;
  }

  /** Stops every actor cleanly, then ends all threads. A paused one goes on to stop. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const endpoint of this.#endpoints.values()) endpoint.close();
    for (const { restartTimer } of this.#cells.values()) clearTimeout(restartTimer);
    await Promise.all([...this.#threads.values()].map((thread) => thread.stop()));
    this.#host.halt();
    this.#router.close();
    await this.#pool.destroy();
    this.#data?.close();
  }

  /** Starts the next life of a cell. */
  #live(cell: Cell): ActorThread {
    cell.incarnation++;
    const thread = this.#threadCount++;
    const seats = cell.specs.map((spec) => this.#seat(spec, cell.incarnation));
    cell.thread = new ActorThread({
      pool: this.#pool,
      limits: cell.options.limits ?? {},
      seats,
      peers: this.#introduce(thread),
      shared: {
        directory: this.#directory.buffer,
        links: this.#links,
        epochMicros: this.#epochMicros,
        seed: this.#seed,
        fsync: this.#options.fsync ?? true,
        recording: this.#options.recording ?? false,
      },
      thread,
      onLog: (line) => this.#options.onEvent?.(line),
    });
    this.#threads.set(thread, cell.thread);
    for (const { id, name, incarnation } of seats) {
      this.#cells.set(name, cell);
      this.#directory.place(id, thread, incarnation);
      this.#options.onEvent?.({ type: 'spawned', actor: name, incarnation });
    }
    void this.#watch(cell, cell.thread);
    return cell.thread;
  }

  #seat(spec: ActorSpec, incarnation: number): ActorSeat {
    const { name, module, exportName = 'actor', input } = spec;
    return {
      name,
      id: this.#register(name),
      incarnation,
      module: String(module),
      exportName,
      input,
      storageDir: this.#data?.actorDirectory(name),
    };
  }

  /** A channel between the new thread and each that lives; returns the new thread's ends. */
  #introduce(thread: number): Peer[] {
    const peers: Peer[] = [];
    for (const [other, actorThread] of this.#threads) {
      const { port1, port2 } = new MessageChannel();
      actorThread.connect({ thread, port: port1 });
      peers.push({ thread: other, port: port2 });
    }
    const { port1, port2 } = new MessageChannel();
    this.#router.connect(thread, port1);
    peers.push({ thread: MAIN_THREAD, port: port2 });
    return peers;
  }

  /** Waits for a life's end and lets the supervisor decide about the next. */
  async #watch(cell: Cell, thread: ActorThread): Promise<void> {
    const death = await thread.dead;
    this.#threads.delete(thread.thread);
    if (cell.thread === thread) this.#leave(cell);
    if (death.cause === 'finished') this.#forget(cell);
    const isOver = death.cause !== 'failed' || this.#closing !== undefined;
    const restartInMs = isOver ? undefined : cell.supervisor.onDeath(performance.now());
    for (const { name, incarnation } of thread.seats) {
      this.#options.onEvent?.({ type: 'exited', actor: name, incarnation, death, restartInMs });
    }
    if (restartInMs !== undefined) {
      cell.restartTimer = setTimeout(() => this.#live(cell), restartInMs);
    }
  }

  /** Messages to its actors have nowhere to go from here on. */
  #leave(cell: Cell): void {
    for (const { name } of cell.specs) {
      this.#directory.place(this.#register(name), NOWHERE, cell.incarnation);
    }
  }

  #forget(cell: Cell): void {
    for (const { name } of cell.specs) this.#cells.delete(name);
  }

  #closed(endpoint: Endpoint): void {
    const { id, name } = endpoint;
    this.#endpoints.delete(name);
    this.#router.detach(id);
    this.#host.remove(endpoint);
    this.#directory.place(id, NOWHERE, this.#directory.incarnationOf(id));
  }

  #register(name: Address): number {
    const known = this.#directory.idOf(name);
    if (known !== undefined) return known;
    const id = this.#directory.register(name);
    this.network.added(name);
    return id;
  }

  #cell(name: Address): Cell {
    const cell = this.#cells.get(name);
    if (cell !== undefined) return cell;
    throw new ConclaveError('NO_SUCH_ACTOR', `there is no actor '${name}'`);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ConclaveError('CLOSED', 'the system is closed');
  }
}
