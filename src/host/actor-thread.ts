/**
 * One life of one actor thread, seen from the main thread: its control port, its pause flag, and
 * when it is dead. It is dead when its control port has closed, not when its Piscina task has
 * rejected: a killed thread was measured to go on writing its file for 88 ms after the rejection
 * and never after the close (DESIGN § 2). Only then may its storage be opened again.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Address } from '../../actors/ports.js';
import { ConclaveError, messageOf } from '../errors.js';
import type { ActorThreadPool, ResourceLimits, RunningThread } from './actor-thread-pool.js';
import {
  type ActorSeat,
  FLAG_WORDS,
  type FromThread,
  type LogLine,
  PAUSE_FLAG,
  type Peer,
  type ThreadBoot,
  type ThreadStats,
  type ToThread,
} from './control-protocol.js';
import { failureError } from './failure.js';

/** Why a thread died. */
export interface ThreadDeath {
  /** `killed` and `stopped` were asked for; `finished`: its machines are final; `failed`: else. */
  readonly cause: 'killed' | 'stopped' | 'finished' | 'failed';
  /** The actor that threw, when one did. */
  readonly actor?: Address;
  readonly error?: Error;
}

export interface ActorThreadOptions {
  readonly pool: ActorThreadPool;
  readonly limits: ResourceLimits;
  readonly seats: readonly ActorSeat[];
  /** What all threads of the system share. */
  readonly shared: Pick<
    ThreadBoot,
    'directory' | 'links' | 'epochMicros' | 'seed' | 'fsync' | 'recording'
  >;
  readonly thread: number;
  readonly onLog: (line: LogLine) => void;
}

interface Question {
  readonly answer: (message: FromThread) => void;
  readonly reject: (error: ConclaveError) => void;
}

/** An actor whose turn or clean-up never ends is killed after this long. */
const STOP_TIMEOUT_MS = 5_000;

export class ActorThread {
  readonly thread: number;
  readonly seats: readonly ActorSeat[];
  /** Resolves when all its actors have booted; rejects with `ACTOR_FAILED` when one could not. */
  readonly ready: Promise<void>;
  /** Resolves when nothing of this thread runs any more. */
  readonly dead: Promise<ThreadDeath>;
  readonly #control: MessagePort;
  readonly #flags = new Int32Array(new SharedArrayBuffer(FLAG_WORDS * 4));
  readonly #running: RunningThread;
  /** Questions to the thread, in the order asked, which is the order of the answers. */
  readonly #questions: Question[] = [];
  #death: ThreadDeath | undefined;
  #isDead = false;

  constructor(options: ActorThreadOptions) {
    const { port1, port2 } = new MessageChannel();
    this.thread = options.thread;
    this.seats = options.seats;
    this.#control = port1;
    const closed = new Promise<void>((resolve) => port1.once('close', resolve));
    this.ready = new Promise((resolve, reject) => {
      this.#listen(options.onLog, resolve);
      void closed.then(() => reject(this.#deathError()));
    });
    // Whoever spawns waits for it; a restart by the supervisor does not.
    this.ready.catch(() => {});
    const { shared, thread, seats } = options;
    const flags = this.#flags.buffer as SharedArrayBuffer;
    const boot = { ...shared, thread, seats, control: port2, flags };
    this.#running = options.pool.run(boot, options.limits);
    this.dead = Promise.all([this.#running.ended, closed]).then(([reason]) => this.#buried(reason));
  }

  /**
   * Lets this thread talk to another. The port waits in the control channel, not in the task: a
   * port whose other end dies before the thread is up could not be transferred any more.
   */
  connect(peer: Peer): void {
    this.#tell({ type: 'connect', peer }, [peer.port]);
  }

  /** Ends the thread where it stands, at any instant; nothing is flushed. */
  async kill(): Promise<void> {
    this.#death ??= { cause: 'killed' };
    this.#running.abort();
    await this.dead;
  }

  /** Lets its actors finish their turn and close their logs, then ends it; kills it if need be. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
    this.resume();
    this.#tell({ type: 'stop' });
    const timer = setTimeout(() => void this.kill(), timeoutMs);
    await this.dead;
    clearTimeout(timer);
  }

  /** Stands still at its next turn boundary, timers included, until `resume`. */
  pause(): void {
    Atomics.store(this.#flags, PAUSE_FLAG, 1);
  }

  resume(): void {
    Atomics.store(this.#flags, PAUSE_FLAG, 0);
    Atomics.notify(this.#flags, PAUSE_FLAG);
  }

  get isPaused(): boolean {
    return Atomics.load(this.#flags, PAUSE_FLAG) === 1;
  }

  /** Rejects with `ACTOR_FAILED` when the thread dies first. */
  stats(): Promise<ThreadStats> {
    return this.#ask({ type: 'takeStats' }, 'stats').then(({ stats }) => stats);
  }

  /** What each actor of the thread was given since it booted, encoded; the recording goes on. */
  recordings(): Promise<readonly (readonly [Address, Uint8Array])[]> {
    return this.#ask({ type: 'takeRecordings' }, 'recordings').then((answer) => answer.recordings);
  }

  #ask<T extends FromThread['type']>(
    question: ToThread,
    type: T,
  ): Promise<Extract<FromThread, { type: T }>> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) {
        reject(this.#deathError());
        return;
      }
      const answer = (message: FromThread): void => {
        if (message.type === type) resolve(message as Extract<FromThread, { type: T }>);
      };
      this.#questions.push({ answer, reject });
      this.#tell(question);
    });
  }

  #listen(onLog: ActorThreadOptions['onLog'], onReady: () => void): void {
    this.#control.on('message', (message: FromThread) => {
      if (message.type === 'ready') onReady();
      else if (message.type === 'log') onLog(message);
      else if (message.type === 'stopped') this.#hasStopped(message.reason);
      else if (message.type === 'failed') this.#failed(message);
      else this.#questions.shift()?.answer(message);
    });
  }

  #hasStopped(reason: 'stopped' | 'finished'): void {
    this.#death ??= { cause: reason };
    this.#running.abort();
  }

  /** The thread ends itself after this message; the abort only makes sure. */
  #failed(message: Extract<FromThread, { type: 'failed' }>): void {
    const { actor, error } = message;
    this.#death ??= { cause: 'failed', actor, error: failureError(error) };
    this.#running.abort();
  }

  #buried(reason: string): ThreadDeath {
    this.#death ??= { cause: 'failed', error: new Error(reason) };
    this.#isDead = true;
    for (const { reject } of this.#questions.splice(0)) reject(this.#deathError());
    return this.#death;
  }

  #deathError(): ConclaveError {
    const names = this.seats.map(({ name }) => `'${name}'`).join(', ');
    const cause = this.#death?.error;
    const why = cause === undefined ? (this.#death?.cause ?? 'its thread ended') : messageOf(cause);
    return new ConclaveError('ACTOR_FAILED', `actor ${names}: ${why}`, { cause });
  }

  #tell(message: ToThread, transfer: MessagePort[] = []): void {
    this.#control.postMessage(message, transfer);
  }
}
