/**
 * Request and reply on top of messages: which requests of one actor or endpoint still wait, and
 * when each gives up. Pure: the host keeps one alarm at `nextDeadline()`. A request ends once, by
 * its reply, its time-out or a reported loss; what comes after that is a stray, which the host
 * drops. A host opens every request, those without a time-out at deadline `Infinity`: such a one
 * waits forever when its message is lost, so a sender on a network that loses gives time-outs.
 */
import type { MessageKind } from '../../actors/message-kinds.js';
import type { Address, Input, Micros } from '../../actors/ports.js';
import { BinaryHeap } from '../heap/binary-heap.js';

export type NoReply = Extract<Input, { type: 'noReply' }>;

interface Pending {
  readonly to: Address;
  readonly kind: MessageKind;
  readonly correlation: number;
  /** `Infinity`: it waits until it is answered. */
  readonly deadline: Micros;
}

/**
 * Where a life's correlation numbers start: a reply to an earlier life's request then matches no
 * request of this life. A sender counts up from here, at most 2^32 times.
 */
export function firstCorrelation(incarnation: number): number {
  return incarnation * 2 ** 32;
}

export class PendingRequests {
  readonly #open = new Map<number, Pending>();
  /** Closed ones stay until they surface, or are swept when they outnumber the open ones. */
  readonly #deadlines = new BinaryHeap<Pending>(isBefore);

  /** How many wait. */
  get size(): number {
    return this.#open.size;
  }

  /** Notes a request that was sent. Throws when its correlation is in use. */
  open(request: Pending): void {
    if (this.#open.has(request.correlation)) {
      throw new RangeError(`correlation ${request.correlation} is already waiting for a reply`);
    }
    this.#open.set(request.correlation, request);
    if (request.deadline === Number.POSITIVE_INFINITY) return;
    this.#deadlines.push(request);
    if (this.#deadlines.size > 64 && this.#deadlines.size > 2 * this.#open.size) {
      this.#deadlines.filter((pending) => this.#isOpen(pending));
    }
  }

  /** A reply came. False when nobody waits for it (any more): drop it. */
  close(correlation: number): boolean {
    return this.#open.delete(correlation);
  }

  /** A loss was reported; the input to give to the requester, if it still waits. */
  lose(correlation: number): NoReply | undefined {
    const pending = this.#open.get(correlation);
    if (pending === undefined) return undefined;
    this.#open.delete(correlation);
    return noReply(pending);
  }

  /** When the next request gives up; undefined when none waits. */
  nextDeadline(): Micros | undefined {
    for (;;) {
      const first = this.#deadlines.peek();
      if (first === undefined || this.#isOpen(first)) return first?.deadline;
      this.#deadlines.pop();
    }
  }

  /** Ends all requests whose deadline is at most `now`: one input each, in deadline order. */
  expire(now: Micros): NoReply[] {
    const expired: NoReply[] = [];
    for (;;) {
      const deadline = this.nextDeadline();
      if (deadline === undefined || deadline > now) return expired;
      const pending = this.#deadlines.pop() as Pending;
      this.#open.delete(pending.correlation);
      expired.push(noReply(pending));
    }
  }

  #isOpen(pending: Pending): boolean {
    return this.#open.get(pending.correlation) === pending;
  }
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.correlation < b.correlation);
}

function noReply({ to, kind, correlation }: Pending): NoReply {
  return { type: 'noReply', to, kind, correlation };
}
