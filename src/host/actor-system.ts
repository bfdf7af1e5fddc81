/**
 * A system of actors on worker threads: the handle that spawns, kills and restarts them, and the
 * network between them. All of it runs in the thread that started the system, which is itself part
 * of the network: its endpoints talk to the actors.
 */
import { MessageChannel } from 'node:worker_threads';
import type { Address, Micros } from '../../actors/ports.js';
import { ConclaveError, messageOf } from '../errors.js';
import { LinkPolicy } from '../router/link-policy.js';
import { LinkTable } from '../router/link-table.js';
import { Network } from '../router/network.js';
import { ThreadRouter } from '../router/thread-router.js';
import { DataDirectory } from '../storage/data-directory.js';
import { ActorThread, type ThreadDeath } from './actor-thread.js';
import { ActorThreadPool } from './actor-thread-pool.js';
import { Cell, type CellOwner } from './cell.js';
import { processMicros, SystemClock } from './clock.js';
import { type ActorSeat, FLAG_WORDS, type ThreadStats } from './control-protocol.js';
import { Directory, MAX_ADDRESSES, NOWHERE } from './directory.js';
import { Endpoint } from './endpoint.js';
import type {
  ActorSpec,
  ActorSystemOptions,
  SystemEvent,
  ThreadOptions,
} from './system-options.js';
import { ThreadHost } from './thread-host.js';

/** The thread that started the system. */
const MAIN_THREAD = 0;

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
  readonly #cellOwner: CellOwner = {
    live: (cell) => this.#live(cell),
    leave: (cell) => this.#leave(cell),
    ended: (cell, death, restartInMs) => this.#ended(cell, death, restartInMs),
    forget: (cell) => this.#forget(cell),
  };
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
    this.#seed = String(options.network?.seed ?? processMicros());
    const now = () => this.#clock.now();
    const table = new LinkTable(this.#links, MAX_ADDRESSES);
    this.network = new Network(table, {
      idOf: (name) => this.#register(name),
      names: () => this.#directory.names(),
    });
    if (options.network?.preset !== undefined) this.network.preset(options.network.preset);
    this.#data = dataDir === undefined ? undefined : DataDirectory.open(dataDir);
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
    this.#router.open();
  }

  /** Microseconds since this system started. */
  now(): Micros {
    return this.#clock.now();
  }

  /**
   * Starts an actor in a thread of its own and resolves when it has booted. Rejects with
   * `NAME_IN_USE` when the name is taken, `ACTOR_FAILED` when the actor cannot be made; the name
   * is free again then.
   */
  spawn(spec: ActorSpec & ThreadOptions): Promise<void> {
    return this.spawnTogether([spec], spec);
  }

  /** Starts several actors in one thread: they live, die, pause and restart together. */
  async spawnTogether(specs: readonly ActorSpec[], options: ThreadOptions = {}): Promise<void> {
    this.#assertOpen();
    if (specs.length === 0) throw new RangeError('a thread needs at least one actor');
    const names = new Set<Address>();
    for (const { name, input } of specs) {
      this.#assertFree(name);
      if (names.has(name)) throw new ConclaveError('NAME_IN_USE', `'${name}' is given twice`);
      names.add(name);
      assertPlain(name, input);
    }
    await new Cell(this.#cellOwner, specs, options).spawn();
  }

  /**
   * Ends the actor's thread at any instant: nothing is flushed. Resolves when it is dead. It stays
   * dead, and its name taken, until `restart` or `stop`.
   */
  async kill(name: Address): Promise<void> {
    await this.#cell(name).kill();
  }

  /** Ends the actor after its current turn, its log closed, and frees its name. */
  async stop(name: Address): Promise<void> {
    await this.#cell(name).stop();
  }

  /**
   * Kills it if it is alive, and gives it a new life with the storage of the last. Rejects with
   * `ACTOR_FAILED` when it does not boot, or when a later order of the same kind came between.
   */
  async restart(name: Address): Promise<void> {
    const cell = this.#cell(name);
    this.#assertOpen();
    await cell.restart();
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
    this.#assertFree(name);
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
    const cells = new Set(this.#cells.values());
    for (const cell of cells) cell.hold();
    await Promise.all([...cells].map((cell) => cell.stop()));
    this.#host.halt();
    this.#router.close();
    await this.#pool.destroy();
    this.#data?.close();
  }

  /** Starts the next life of a cell. */
  #live(cell: Cell): ActorThread {
    this.#assertOpen();
    const thread = this.#threadCount++;
    const ids = cell.specs.map(({ name }) => this.#register(name));
    const incarnation = 1 + Math.max(...ids.map((id) => this.#directory.incarnationOf(id)));
    const seats = cell.specs.map((spec) => this.#seat(spec, incarnation));
    const actorThread = new ActorThread({
      pool: this.#pool,
      limits: cell.options.limits ?? {},
      seats,
      shared: {
        directory: this.#directory.buffer,
        links: this.#links,
        epochMicros: this.#epochMicros,
        seed: this.#seed,
        fsync: this.#options.fsync ?? true,
        recording: this.#options.recording ?? false,
      },
      thread,
      onLog: (line) => this.#emit(line),
    });
    cell.incarnation = incarnation;
    this.#introduce(actorThread);
    this.#threads.set(thread, actorThread);
    for (const { id, name } of seats) {
      this.#cells.set(name, cell);
      this.#directory.place(id, thread, incarnation);
    }
    for (const { name } of seats) this.#emit({ type: 'spawned', actor: name, incarnation });
    void actorThread.dead.then(() => this.#threads.delete(thread));
    return actorThread;
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

  /** Opens a channel between a new thread and each that lives. */
  #introduce(added: ActorThread): void {
    const { thread } = added;
    for (const [other, actorThread] of this.#threads) {
      const { port1, port2 } = new MessageChannel();
      actorThread.connect({ thread, port: port1 });
      added.connect({ thread: other, port: port2 });
    }
    const { port1, port2 } = new MessageChannel();
    this.#router.connect(thread, port1);
    added.connect({ thread: MAIN_THREAD, port: port2 });
  }

  #ended(cell: Cell, death: ThreadDeath, restartInMs: number | undefined): void {
    const { incarnation } = cell;
    for (const { name } of cell.specs) {
      this.#emit({ type: 'exited', actor: name, incarnation, death, restartInMs });
    }
  }

  #leave(cell: Cell): void {
    for (const { name } of cell.specs) {
      this.#directory.place(this.#register(name), NOWHERE, cell.incarnation);
    }
  }

  #forget(cell: Cell): void {
    for (const { name } of cell.specs) {
      if (this.#cells.get(name) === cell) this.#cells.delete(name);
    }
  }

  #emit(event: SystemEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      // The listener's mistake must not leave an actor half started.
      setImmediate(() => {
        throw error;
      });
    }
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

  #assertFree(name: Address): void {
    if (this.#cells.has(name) || this.#endpoints.has(name)) {
      const message = `'${name}' is taken by a living or killed actor, or by an endpoint`;
      throw new ConclaveError('NAME_IN_USE', message);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ConclaveError('CLOSED', 'the system is closed');
  }
}

/** What is no plain data would be refused on the way to the thread, where nobody hears of it. */
function assertPlain(name: Address, input: unknown): void {
  try {
    structuredClone(input);
  } catch (cause) {
    const message = `actor '${name}': its input is no plain data: ${messageOf(cause)}`;
    throw new ConclaveError('ACTOR_FAILED', message, { cause });
  }
}
