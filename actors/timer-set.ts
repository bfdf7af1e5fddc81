/**
 * The timers of one actor. The host keeps a single alarm, at the earliest deadline, and is asked
 * to move it only when that deadline comes closer: an election time-out that each heartbeat pushes
 * back costs a map entry, not a timer.
 */
import type { Micros, TimersPort } from './ports.js';

interface Armed {
  readonly deadline: Micros;
  /** Orders timers of equal deadline by when they were set. */
  readonly sequence: number;
}

export class TimerSet implements TimersPort {
  readonly #armed = new Map<string, Armed>();
  readonly #now: () => Micros;
  #sequence = 0;

  /** `now` is the time of the current turn. */
  constructor(now: () => Micros) {
    this.#now = now;
  }

  set(timer: string, delayMicros: Micros): void {
    if (!Number.isSafeInteger(delayMicros) || delayMicros < 0) {
      throw new RangeError(
        `timer '${timer}': delay must be whole microseconds, not ${delayMicros}`,
      );
    }
    // At least 1 µs, so that a timer that re-arms itself cannot hold a turn forever.
    const deadline = this.#now() + Math.max(1, delayMicros);
    this.#armed.set(timer, { deadline, sequence: this.#sequence++ });
  }

  cancel(timer: string): void {
    this.#armed.delete(timer);
  }

  /** The earliest deadline, or undefined when nothing is armed. */
  next(): Micros | undefined {
    let earliest: Micros | undefined;
    for (const { deadline } of this.#armed.values()) {
      if (earliest === undefined || deadline < earliest) earliest = deadline;
    }
    return earliest;
  }

  /** Disarms and returns the timer that is most overdue at `now`, if any is due. */
  takeDue(now: Micros): string | undefined {
    let due: string | undefined;
    let best: Armed | undefined;
    for (const [timer, armed] of this.#armed) {
      if (armed.deadline <= now && (best === undefined || isBefore(armed, best))) {
        due = timer;
        best = armed;
      }
    }
    if (due !== undefined) this.#armed.delete(due);
    return due;
  }
}

function isBefore(a: Armed, b: Armed): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.sequence < b.sequence);
}
