/**
 * One actor's clock: virtual time, at a rate of its own and from a start of its own. Monotonic, as
 * actors are promised; it may run fast or slow and jump forward.
 */
import type { ClockPort, Micros } from '../../actors/ports.js';

const ONE_MILLION = 1_000_000;

export class SimClock implements ClockPort {
  readonly #simNow: () => Micros;
  /** Local time was `#localBase` when virtual time was `#simBase`. */
  #simBase: Micros = 0;
  #localBase: Micros = 0;
  #ratePpm = 0;

  constructor(simNow: () => Micros) {
    this.#simNow = simNow;
  }

  now(): Micros {
    return this.#localAt(this.#simNow());
  }

  /** From now on it gains that many microseconds a second; at least -999 999. */
  setRate(ratePpm: number): void {
    if (!Number.isInteger(ratePpm) || ratePpm <= -ONE_MILLION) {
      throw new RangeError(`a clock's rate must be a whole number above -1000000, not ${ratePpm}`);
    }
    this.#rebase();
    this.#ratePpm = ratePpm;
  }

  /** Jumps forward; monotonic clocks never jump back. */
  jump(micros: Micros): void {
    if (!Number.isSafeInteger(micros) || micros < 0) {
      throw new RangeError(`a monotonic clock jumps forward by whole microseconds, not ${micros}`);
    }
    this.#rebase();
    this.#localBase += micros;
  }

  /** The earliest virtual time at which this clock shows at least `local`. */
  whenAt(local: Micros): Micros {
    const ahead = local - this.#localBase;
    if (ahead <= 0) return this.#simNow();
    let at = this.#simBase + Math.ceil((ahead * ONE_MILLION) / (ONE_MILLION + this.#ratePpm));
    while (this.#localAt(at) < local) at++;
    return Math.max(at, this.#simNow());
  }

  #localAt(sim: Micros): Micros {
    const passed = sim - this.#simBase;
    return this.#localBase + passed + Math.floor((passed * this.#ratePpm) / ONE_MILLION);
  }

  #rebase(): void {
    const now = this.#simNow();
    this.#localBase = this.#localAt(now);
    this.#simBase = now;
  }
}
