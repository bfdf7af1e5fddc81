/**
 * Decides what becomes of each message. The sender draws; the receiver's host holds the delay and
 * re-checks the cut at delivery, so that what is on the wire survives the sender. The fate of the
 * n-th message of a link depends on the seed, the link's name, n and the link's settings: neither
 * other links nor the order of events change it.
 */
import type { Micros, Rpc } from '../../actors/ports.js';
import { type DrawTap, Prng, type Seed, stream } from '../random/prng.js';
import type { Delay, LinkSettings } from './link-settings.js';
import type { LinkTable } from './link-table.js';
import { type LabFate, labDown, labReply, labRequest } from './presets.js';

export interface Fate {
  /** 0: lost. 2: a duplicate. */
  readonly copies: 0 | 1 | 2;
  /** From now until delivery, or, for a loss that is reported, until the caller hears of it. */
  readonly delayMicros: Micros;
  readonly duplicateDelayMicros: Micros;
  /** It arrives after all that was sent in order before it; a duplicate never has to. */
  readonly inOrder: boolean;
  /**
   * The caller is told of the loss (the labs' network): a `noReply` input for the request. The
   * caller is the sender of a request and the receiver of a reply.
   */
  readonly reported: boolean;
}

const PLAIN: Fate = Object.freeze({
  copies: 1,
  delayMicros: 0,
  duplicateDelayMicros: 0,
  inOrder: true,
  reported: false,
});
const LOST: Fate = Object.freeze({ ...PLAIN, copies: 0, inOrder: false });

/** What a sender remembers of its link. */
interface Wire {
  readonly key0: number;
  readonly key1: number;
  /** When the last message of a link in order arrives. */
  arrival: Micros;
  /** When the last byte of earlier messages has left. */
  idleAt: Micros;
}

export interface LinkPolicyOptions {
  readonly table: LinkTable;
  readonly seed: Seed;
  /** The name of an id; the name, not the id, selects the link's stream. */
  readonly nameOf: (id: number) => string;
  /** Told of every raw draw, for a trace hash. */
  readonly tap?: DrawTap;
}

export class LinkPolicy {
  readonly #table: LinkTable;
  readonly #seed: Seed;
  readonly #nameOf: (id: number) => string;
  readonly #random: Prng;
  readonly #wires = new Map<number, Wire>();
  /** No message that this policy has delayed arrives later. */
  #lastArrival: Micros = 0;

  constructor(options: LinkPolicyOptions) {
    this.#table = options.table;
    this.#seed = options.seed;
    this.#nameOf = options.nameOf;
    this.#random = new Prng([1, 0, 0, 0], options.tap);
  }

  /**
   * Decides and counts one message. Allocates nothing while the link is plain. To somebody who is
   * not there (`isThere`), a link is as good as down.
   */
  fate(from: number, to: number, sizeBytes: number, rpc: Rpc, now: Micros, isThere = true): Fate {
    const table = this.#table;
    const isPlain = isThere && table.isPlain(from, to) && now >= this.#lastArrival;
    const n = isPlain ? 0 : table.sentCount(from, to);
    table.countSent(from, to, sizeBytes, rpc);
    if (isPlain) return PLAIN;
    const isUp = isThere && table.isUp(from, to);
    const fate = this.#draw(from, to, sizeBytes, rpc, now, n, isUp);
    if (fate.copies === 0) table.countDropped(from, to);
    else if (fate.copies === 2) table.countDuplicated(from, to);
    return fate;
  }

  /** Whether the link is still up at delivery; the receiver asks. Counts a refusal. */
  admits(from: number, to: number): boolean {
    if (this.#table.isUp(from, to)) return true;
    this.refused(from, to);
    return false;
  }

  /** Whether a caller is told when a message of this link is lost. */
  reportsLoss(from: number, to: number): boolean {
    return this.#table.reportsLoss(from, to);
  }

  /** Counts a message that arrived and that nobody took. */
  refused(from: number, to: number): void {
    this.#table.countRefused(from, to);
  }

  /** Counts a message that reached its mailbox; the receiver calls it. */
  delivered(from: number, to: number, sizeBytes: number, rpc: Rpc): void {
    this.#table.countDelivered(from, to, sizeBytes, rpc);
  }

  #draw(
    from: number,
    to: number,
    sizeBytes: number,
    rpc: Rpc,
    now: Micros,
    n: number,
    isUp: boolean,
  ): Fate {
    const settings = this.#table.get(from, to);
    const wire = this.#wire(from, to);
    this.#random.seek(wire.key0, wire.key1, n);
    if (settings.lab !== undefined && rpc !== 'none') {
      const lab = this.#lab(settings, isUp, rpc);
      if (lab.isLost) return { ...LOST, delayMicros: lab.delayMicros, reported: true };
      const delayMicros = lab.delayMicros + transmit(wire, settings, sizeBytes, now);
      return { ...PLAIN, delayMicros, inOrder: false };
    }
    if (!isUp || this.#random.chance(settings.dropPpm)) return LOST;
    return this.#delayed(settings, wire, sizeBytes, now);
  }

  /** Calls of the labs' network run in threads of their own: nothing keeps them in order. */
  #lab({ lab }: LinkSettings, isUp: boolean, rpc: Rpc): LabFate {
    if (lab === undefined) throw new Error('the link is not of the labs network');
    // A reply over a cut link is lost without a wait: the caller has waited for the handler.
    if (!isUp) return rpc === 'reply' ? LOST_AT_ONCE : labDown(this.#random, lab);
    return rpc === 'request' ? labRequest(this.#random, lab) : labReply(this.#random, lab);
  }

  #delayed(settings: LinkSettings, wire: Wire, sizeBytes: number, now: Micros): Fate {
    const hasCopy = this.#random.chance(settings.duplicatePpm);
    const inOrder = !settings.reorder;
    let delayMicros = this.#delay(settings) + transmit(wire, settings, sizeBytes, now);
    if (inOrder) delayMicros = Math.max(delayMicros, wire.arrival - now);
    wire.arrival = Math.max(wire.arrival, now + delayMicros);
    this.#lastArrival = Math.max(this.#lastArrival, wire.arrival);
    if (!hasCopy) return { ...PLAIN, delayMicros, inOrder };
    // A copy is a ghost: it keeps no order and delays nobody behind it.
    const spread = this.#random.uniform(0, settings.duplicateSpreadMicros);
    const duplicateDelayMicros = this.#delay(settings) + spread;
    return { copies: 2, delayMicros, duplicateDelayMicros, inOrder, reported: false };
  }

  #delay(settings: LinkSettings): Micros {
    const base = drawDelay(this.#random, settings.delay);
    if (!this.#random.chance(settings.tailPpm)) return base;
    return base + this.#random.uniform(0, settings.tailMicros);
  }

  #wire(from: number, to: number): Wire {
    const link = from * this.#table.capacity + to;
    let wire = this.#wires.get(link);
    if (wire === undefined) {
      const keys = stream(this.#seed, `net.${this.#nameOf(from)}→${this.#nameOf(to)}`);
      wire = { key0: keys.uint32(), key1: keys.uint32(), arrival: 0, idleAt: 0 };
      this.#wires.set(link, wire);
    }
    return wire;
  }
}

const LOST_AT_ONCE: LabFate = Object.freeze({ isLost: true, delayMicros: 0 });

/** Queues the message behind those that still leave, and returns when its last byte has left. */
function transmit(wire: Wire, settings: LinkSettings, sizeBytes: number, now: Micros): Micros {
  if (settings.bytesPerSecond === 0) return 0;
  const duration = Math.ceil((sizeBytes * 1_000_000) / settings.bytesPerSecond);
  wire.idleAt = Math.max(wire.idleAt, now) + duration;
  return wire.idleAt - now;
}

function drawDelay(random: Prng, delay: Delay): Micros {
  switch (delay.kind) {
    case 'none':
      return 0;
    case 'constant':
      return delay.micros;
    case 'uniform':
      return random.uniform(delay.minMicros, delay.maxMicros);
    case 'exponential':
      return Math.min(delay.maxMicros, delay.minMicros + random.exponential(delay.meanMicros));
  }
}
