/**
 * Actors that share a thread, over all its lives: one failure domain. Here is decided when the
 * next life begins, and that it never does while anything of the last one runs, whoever asks:
 * the operator, the supervisor, or both at once. The last order of the operator wins.
 */
import { ConclaveError } from '../errors.js';
import type { ActorThread, ThreadDeath } from './actor-thread.js';
import { Supervisor } from './supervision.js';
import type { ActorSpec, ThreadOptions } from './system-options.js';

/** What a cell asks of its system. */
export interface CellOwner {
  /** Starts a thread for the cell's next life. Throws when it cannot. */
  live(cell: Cell): ActorThread;
  /** Messages to the cell's actors have nowhere to go from here on. */
  leave(cell: Cell): void;
  /** A life has ended; the next one begins after this pause, if at all. */
  ended(cell: Cell, death: ThreadDeath, restartInMs: number | undefined): void;
  /** There will be no other life: the names are free. */
  forget(cell: Cell): void;
}

export class Cell {
  readonly specs: readonly ActorSpec[];
  readonly options: ThreadOptions;
  /** The present or last life, counted from 1. */
  incarnation = 0;
  readonly #owner: CellOwner;
  #supervisor: Supervisor;
  #thread!: ActorThread;
  /** A pause before the supervisor's restart. */
  #restartTimer: NodeJS.Timeout | undefined;
  /** Counts the orders of the operator: a life that saw one is not the supervisor's to replace. */
  #order = 0;
  #hasBooted = false;

  constructor(owner: CellOwner, specs: readonly ActorSpec[], options: ThreadOptions) {
    this.#owner = owner;
    this.specs = specs;
    this.options = options;
    this.#supervisor = new Supervisor(options.supervision);
  }

  get thread(): ActorThread {
    return this.#thread;
  }

  /** The first life. When it cannot boot, there is no other, and the names are free again. */
  async spawn(): Promise<void> {
    await this.#boot();
  }

  /** Ends the present life where it stands; nothing is flushed. Resolves when it is dead. */
  async kill(): Promise<void> {
    this.hold();
    this.#owner.leave(this);
    await this.#thread.kill();
  }

  /** Ends it after its current turn, and frees the names. */
  async stop(): Promise<void> {
    const order = this.hold();
    await this.#thread.stop(this.options.stopTimeoutMs);
    if (order === this.#order) this.#owner.forget(this);
  }

  /** Kills it, and gives it a new life with the storage of the last. */
  async restart(): Promise<void> {
    const killed = this.kill();
    const order = this.#order;
    await killed;
    if (order !== this.#order) {
      const names = this.specs.map(({ name }) => `'${name}'`).join(', ');
      throw new ConclaveError('ACTOR_FAILED', `actor ${names}: a later order ended its restart`);
    }
    this.#supervisor = new Supervisor(this.options.supervision);
    await this.#boot();
  }

  /** The supervisor starts no other life of its own. Returns the number of this order. */
  hold(): number {
    clearTimeout(this.#restartTimer);
    return ++this.#order;
  }

  async #boot(): Promise<void> {
    const thread = this.#live();
    try {
      await thread.ready;
    } catch (error) {
      await thread.dead;
      throw error;
    }
  }

  #live(): ActorThread {
    const thread = this.#owner.live(this);
    this.#thread = thread;
    thread.ready.then(
      () => {
        this.#hasBooted = true;
      },
      () => {},
    );
    void this.#watch(thread, this.#order);
    return thread;
  }

  /** Waits for a life's end and decides about the next. */
  async #watch(thread: ActorThread, order: number): Promise<void> {
    const death = await thread.dead;
    this.#owner.leave(this);
    const isOurs = order === this.#order;
    const mayRestart = isOurs && death.cause === 'failed' && this.#hasBooted;
    const restartInMs = mayRestart ? this.#supervisor.onDeath(performance.now()) : undefined;
    const isOver = death.cause === 'finished' || (isOurs && !this.#hasBooted);
    if (isOver) this.#owner.forget(this);
    if (restartInMs !== undefined) {
      this.#restartTimer = setTimeout(() => this.#revive(), restartInMs);
    }
    this.#owner.ended(this, death, restartInMs);
  }

  #revive(): void {
    try {
      this.#live();
    } catch (error) {
      this.#owner.ended(this, { cause: 'failed', error: error as Error }, undefined);
    }
  }
}
