/**
 * The one clock of a system: microseconds since its start, the same in every thread. Node's
 * `hrtime` has one origin for the whole process; `performance.now()`, which is cheaper, has one for
 * each thread, so the difference is taken once.
 */
import type { ClockPort, Micros } from '../../actors/ports.js';

/** A moment that all threads of this process agree on, in µs. */
export function processMicros(): Micros {
  return Number(process.hrtime.bigint() / 1000n);
}

export class SystemClock implements ClockPort {
  readonly #offset: number;

  /** `epochMicros` is the system's start, as `processMicros()` told it there. */
  constructor(epochMicros: Micros) {
    this.#offset = offsetMicros() - epochMicros;
  }

  now(): Micros {
    return Math.floor(performance.now() * 1000 + this.#offset);
  }
}

/**
 * What to add to `performance.now()`. Of several readings the one that was interrupted least: a
 * thread that loses its core between the two clocks would be ahead of the others for life.
 */
function offsetMicros(): Micros {
  let best = { uncertainty: Number.POSITIVE_INFINITY, offset: 0 };
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = processMicros();
    const now = performance.now() * 1000;
    const uncertainty = processMicros() - before;
    if (uncertainty < best.uncertainty) best = { uncertainty, offset: before - now };
  }
  return best.offset;
}
