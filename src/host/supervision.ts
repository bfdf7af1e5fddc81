/**
 * What happens when an actor dies by itself: it threw, ran out of memory, its disk failed, or its
 * code ended the thread. A kill by the operator is not a death of this kind: a killed actor stays
 * dead until it is restarted.
 */
export interface SupervisionPolicy {
  /**
   * `onFailure` (the default) starts a new life from the actor's storage; `never` leaves it dead.
   */
  readonly restart: 'onFailure' | 'never';
  /** More deaths than this within `windowMs` and it stays dead. */
  readonly restartsMax: number;
  readonly windowMs: number;
  /** The pause before the first restart; it doubles with each death, up to `windowMs`. */
  readonly backoffMs: number;
}

export const DEFAULT_SUPERVISION: SupervisionPolicy = {
  restart: 'onFailure',
  restartsMax: 5,
  windowMs: 60_000,
  backoffMs: 50,
};

/** Counts the deaths of one actor and decides on each. */
export class Supervisor {
  readonly #policy: SupervisionPolicy;
  #deathsMs: number[] = [];

  constructor(policy: Partial<SupervisionPolicy> = {}) {
    this.#policy = { ...DEFAULT_SUPERVISION, ...policy };
  }

  /** After a death at `nowMs`: how long to wait before the restart, or undefined to give up. */
  onDeath(nowMs: number): number | undefined {
    const { restart, restartsMax, windowMs, backoffMs } = this.#policy;
    if (restart === 'never') return undefined;
    this.#deathsMs = this.#deathsMs.filter((at) => at > nowMs - windowMs);
    this.#deathsMs.push(nowMs);
    const deaths = this.#deathsMs.length;
    if (deaths > restartsMax) return undefined;
    return Math.min(backoffMs * 2 ** (deaths - 1), windowMs);
  }
}
