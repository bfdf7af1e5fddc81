/**
 * The loop of one thread: messages arrive at mailboxes, then every actor that has something takes
 * a turn. One timer per thread, at the earliest deadline of all its actors and delayed messages.
 */
import type { Address, Micros } from '../../actors/ports.js';
import type { ThreadRouter } from '../router/thread-router.js';
import { PAUSE_FLAG } from './control-protocol.js';

/** What lives in a thread and takes turns: an actor, or an endpoint. */
export interface Resident {
  readonly name: Address;
  /** When it wants a turn although nothing arrives. */
  nextDeadline(): Micros | undefined;
  /** Handles what has gathered. Returns true when more is waiting. What it throws is fatal. */
  turn(now: Micros): boolean;
}

/** Node's longest timer; what is due later is armed again when it fires. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export interface ThreadHostOptions {
  readonly now: () => Micros;
  /** Word `PAUSE_FLAG` stops the loop at its next turn boundary while it is 1. */
  readonly flags: Int32Array;
  /** A resident threw; nothing in this thread runs after this call. */
  readonly onFailure: (resident: Resident, error: unknown) => void;
}

export class ThreadHost {
  readonly #options: ThreadHostOptions;
  readonly #residents = new Set<Resident>();
  #router!: ThreadRouter;
  #ready = new Set<Resident>();
  #isScheduled = false;
  #isDead = false;
  #timer: NodeJS.Timeout | undefined;
  #timerDeadline: Micros | undefined;

  constructor(options: ThreadHostOptions) {
    this.#options = options;
  }

  /** The router needs `wake`, and the host the router. */
  use(router: ThreadRouter): void {
    this.#router = router;
  }

  /** Takes a resident in; `start` runs as its first turn. */
  add(resident: Resident, start: () => void): void {
    this.#residents.add(resident);
    this.#guard(resident, start);
    if (!this.#isDead) this.#arm();
  }

  remove(resident: Resident): void {
    this.#residents.delete(resident);
    this.#ready.delete(resident);
  }

  /** The router has put something into a resident's mailbox; `arrived` or the loop follows. */
  ready(resident: Resident): void {
    this.#ready.add(resident);
  }

  /** A resident wants a turn that no message brings: after what has arrived had its chance. */
  soon(resident: Resident): void {
    this.#ready.add(resident);
    this.wake();
  }

  /** What has arrived is all in the mailboxes: the turns run now, not after another poll. */
  arrived(): void {
    if (this.#ready.size > 0) this.#run();
  }

  /** The loop has something to do that no message brought. */
  wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }

  /** No turn runs any more. */
  halt(): void {
    this.#isDead = true;
    clearTimeout(this.#timer);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    if (this.#isDead) return;
    this.#pausePoint();
    const now = this.#options.now();
    this.#router.deliverDue(now);
    for (const resident of this.#residents) {
      const deadline = resident.nextDeadline();
      if (deadline !== undefined && deadline <= now) this.#ready.add(resident);
    }
    const ready = this.#ready;
    this.#ready = new Set();
    for (const resident of ready) {
      this.#guard(resident, () => {
        if (resident.turn(now)) this.soon(resident);
      });
      if (this.#isDead) return;
    }
    this.#arm();
  };

  #guard(resident: Resident, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.halt();
      this.#options.onFailure(resident, error);
    }
  }

  /** Stands still while the pause flag is up: the whole thread, timers included. */
  #pausePoint(): void {
    const { flags } = this.#options;
    while (Atomics.load(flags, PAUSE_FLAG) === 1) Atomics.wait(flags, PAUSE_FLAG, 1);
  }

  #arm(): void {
    let next = this.#router.nextDeadline();
    for (const resident of this.#residents) {
      const deadline = resident.nextDeadline();
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    // A timer that fires early finds nothing due and re-arms: only a nearer deadline costs a timer.
    if (next === undefined || next === Number.POSITIVE_INFINITY) return;
    if (this.#timerDeadline !== undefined && this.#timerDeadline <= next) return;
    clearTimeout(this.#timer);
    this.#timerDeadline = next;
    const delayMs = Math.ceil((next - this.#options.now()) / 1000);
    this.#timer = setTimeout(this.#onTimer, Math.max(1, Math.min(delayMs, TIMEOUT_MS_MAX)));
  }

  readonly #onTimer = (): void => {
    this.#timerDeadline = undefined;
    if (!this.#isDead) this.#run();
  };
}
