/**
 * What is on the wire, at the receiver: frames whose time has not come. A link that keeps its
 * order keeps it here too: the sender's delays are whole from its own clock, and what it sends at
 * two moments may arrive in one buffer, so delays alone would let the later message overtake.
 */
import type { Micros } from '../../actors/ports.js';
import { BinaryHeap } from '../heap/binary-heap.js';
import type { FrameHeader } from './frame.js';

export interface Frame {
  readonly header: FrameHeader;
  readonly payload: Uint8Array;
}

interface HeldFrame extends Frame {
  readonly deadline: Micros;
  readonly sequence: number;
}

/** As a switch drops what its buffers do not hold, a wire with more than this drops the newest. */
export const HELD_FRAMES_MAX = 262_144;

/** `now`: deliver it. `held`: `takeDue` gives it back in time. `full`: it is lost. */
export type Admission = 'now' | 'held' | 'full';

export class HeldFrames {
  readonly #heap = new BinaryHeap<HeldFrame>(isBefore);
  /** By link: the deadline of the last message in order. Forgotten when nothing is held. */
  readonly #lastInOrder = new Map<number, Micros>();
  readonly #limit: number;
  #sequence = 0;

  constructor(limit = HELD_FRAMES_MAX) {
    this.#limit = limit;
  }

  /** Takes a frame that arrives at `now`; all that was due by then has been taken. */
  admit(header: FrameHeader, payload: Uint8Array, now: Micros): Admission {
    const { from, to, delayMicros, inOrder } = header;
    if (this.#heap.size === 0) {
      if (delayMicros === 0) return 'now';
      this.#lastInOrder.clear();
    }
    const link = (from << 16) | to;
    const earliest = inOrder ? (this.#lastInOrder.get(link) ?? now) : now;
    const deadline = Math.max(now + delayMicros, earliest);
    if (deadline <= now) return 'now';
    if (this.#heap.size >= this.#limit) return 'full';
    if (inOrder) this.#lastInOrder.set(link, deadline);
    this.#heap.push({ header, payload, deadline, sequence: this.#sequence++ });
    return 'held';
  }

  /** When the next frame is due, if there is one. */
  nextDeadline(): Micros | undefined {
    return this.#heap.peek()?.deadline;
  }

  /** The next frame that is due at `now`; it is held no longer. */
  takeDue(now: Micros): Frame | undefined {
    const deadline = this.nextDeadline();
    return deadline === undefined || deadline > now ? undefined : this.#heap.pop();
  }
}

function isBefore(a: HeldFrame, b: HeldFrame): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.sequence < b.sequence);
}
