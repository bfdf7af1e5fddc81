/**
 * The state of every link, as numbers in one buffer. On worker threads it is one SharedArrayBuffer:
 * the controlling thread writes settings, every thread reads them, and each counter is written by
 * one side only (the sender's or the receiver's thread), so that counting needs no atomics. A
 * buffer of zeros is a network where all links are up and plain.
 *
 * The state word is written and read without `Atomics`: a cut takes effect at some message soon
 * after, as a real one does, and the check costs one load.
 */
import { type Delay, type LabSettings, type LinkSettings, PLAIN_LINK } from './link-settings.js';

/** Why a link is down; it is up when no bit of these is set. */
export const DOWN_CUT = 1;
export const DOWN_DISCONNECTED = 2;
/** Set when any setting differs from `PLAIN_LINK`. */
const FAULTY = 4;
/** Set on links with the labs' rules, where a caller is told of a loss. */
const LAB = 8;
const DOWN = DOWN_CUT | DOWN_DISCONNECTED;

const SETTINGS = 16;
const DROP = 0;
const DUPLICATE = 1;
const DUPLICATE_SPREAD = 2;
const DELAY_KIND = 3;
const DELAY_MIN = 4;
const DELAY_MEAN = 5;
const DELAY_MAX = 6;
const TAIL = 7;
const TAIL_MICROS = 8;
const REORDER = 9;
const BANDWIDTH = 10;
const LAB_SWITCHES = 11;
const DELAY_KINDS = ['none', 'constant', 'uniform', 'exponential'] as const;

/** Eight counters of 8 bytes: a row is a cache line, which one thread writes. */
const COUNTERS = 8;
const SENT = 0;
const SENT_BYTES = 1;
const SENT_REQUESTS = 2;
const SENT_REPLIES = 3;
const DROPPED = 4;
const DUPLICATED = 5;
const DELIVERED = 0;
const DELIVERED_BYTES = 1;
const DELIVERED_REQUESTS = 2;
const DELIVERED_REPLIES = 3;
const REFUSED = 4;
const DELIVERED_REPLY_BYTES = 5;

/** What passed one link, or a sum over links. */
export interface LinkCounters {
  /** All messages handed to the network, those included that it lost. */
  readonly sent: number;
  readonly sentBytes: number;
  readonly sentRequests: number;
  readonly sentReplies: number;
  /** Lost where they were sent: by chance, or because the link was down. */
  readonly dropped: number;
  readonly duplicated: number;
  /** Given to a receiver's mailbox, copies included. */
  readonly delivered: number;
  readonly deliveredBytes: number;
  readonly deliveredRequests: number;
  readonly deliveredReplies: number;
  readonly deliveredReplyBytes: number;
  /** Lost at the receiver: the link was cut while they were on the wire, or nobody was there. */
  readonly refused: number;
}

/** What a message is, for the counters. */
export type RpcKind = 'none' | 'request' | 'reply';

export class LinkTable {
  readonly capacity: number;
  readonly #state: Int32Array;
  readonly #settings: Int32Array;
  readonly #sender: Float64Array;
  readonly #receiver: Float64Array;

  /** `buffer` is `LinkTable.bytes(capacity)` long, and zeros at first. */
  constructor(buffer: ArrayBuffer | SharedArrayBuffer, capacity = 256) {
    if (buffer.byteLength !== LinkTable.bytes(capacity)) {
      throw new RangeError(
        `a link table of ${capacity} actors needs ${LinkTable.bytes(capacity)} B`,
      );
    }
    const links = capacity * capacity;
    this.capacity = capacity;
    this.#sender = new Float64Array(buffer, 0, links * COUNTERS);
    this.#receiver = new Float64Array(buffer, links * COUNTERS * 8, links * COUNTERS);
    this.#settings = new Int32Array(buffer, links * COUNTERS * 16, links * SETTINGS);
    this.#state = new Int32Array(buffer, links * (COUNTERS * 16 + SETTINGS * 4), links);
  }

  /** The size of the buffer for that many actors (ids 0 … capacity-1). */
  static bytes(capacity = 256): number {
    return capacity * capacity * (COUNTERS * 16 + SETTINGS * 4 + 4);
  }

  /** Up and without any fault: the fast path. */
  isPlain(from: number, to: number): boolean {
    return this.#state[from * this.capacity + to] === 0;
  }

  isUp(from: number, to: number): boolean {
    return ((this.#state[from * this.capacity + to] as number) & DOWN) === 0;
  }

  /** Whether the caller is told when a message is lost, as in the labs' network. */
  reportsLoss(from: number, to: number): boolean {
    return ((this.#state[from * this.capacity + to] as number) & LAB) !== 0;
  }

  /** Sets or clears one reason for being down. */
  setDown(from: number, to: number, reason: number, isDown: boolean): void {
    const link = this.#link(from, to);
    const state = this.#state[link] as number;
    this.#state[link] = isDown ? state | reason : state & ~reason;
  }

  get(from: number, to: number): LinkSettings {
    const row = this.#link(from, to) * SETTINGS;
    const at = (field: number): number => this.#settings[row + field] as number;
    return {
      dropPpm: at(DROP),
      duplicatePpm: at(DUPLICATE),
      duplicateSpreadMicros: at(DUPLICATE_SPREAD),
      delay: decodeDelay(at(DELAY_KIND), at(DELAY_MIN), at(DELAY_MEAN), at(DELAY_MAX)),
      tailPpm: at(TAIL),
      tailMicros: at(TAIL_MICROS),
      reorder: at(REORDER) === 1,
      bytesPerSecond: at(BANDWIDTH),
      lab: decodeLab(at(LAB_SWITCHES)),
    };
  }

  /** Replaces the settings; being up or down stays. Throws on a value out of range. */
  set(from: number, to: number, settings: LinkSettings): void {
    check(settings);
    const link = this.#link(from, to);
    const row = link * SETTINGS;
    const [kind, min, mean, max] = encodeDelay(settings.delay);
    const values = this.#settings;
    values[row + DROP] = settings.dropPpm;
    values[row + DUPLICATE] = settings.duplicatePpm;
    values[row + DUPLICATE_SPREAD] = settings.duplicateSpreadMicros;
    values[row + DELAY_KIND] = kind;
    values[row + DELAY_MIN] = min;
    values[row + DELAY_MEAN] = mean;
    values[row + DELAY_MAX] = max;
    values[row + TAIL] = settings.tailPpm;
    values[row + TAIL_MICROS] = settings.tailMicros;
    values[row + REORDER] = settings.reorder ? 1 : 0;
    values[row + BANDWIDTH] = settings.bytesPerSecond;
    values[row + LAB_SWITCHES] = encodeLab(settings.lab);
    const faults = (isPlain(settings) ? 0 : FAULTY) | (settings.lab === undefined ? 0 : LAB);
    const state = this.#state[link] as number;
    this.#state[link] = (state & DOWN) | faults;
  }

  countSent(from: number, to: number, sizeBytes: number, rpc: RpcKind): void {
    const row = (from * this.capacity + to) * COUNTERS;
    const sender = this.#sender;
    (sender[row + SENT] as number)++;
    (sender[row + SENT_BYTES] as number) += sizeBytes;
    if (rpc === 'request') (sender[row + SENT_REQUESTS] as number)++;
    else if (rpc === 'reply') (sender[row + SENT_REPLIES] as number)++;
  }

  countDropped(from: number, to: number): void {
    (this.#sender[(from * this.capacity + to) * COUNTERS + DROPPED] as number)++;
  }

  countDuplicated(from: number, to: number): void {
    (this.#sender[(from * this.capacity + to) * COUNTERS + DUPLICATED] as number)++;
  }

  countDelivered(from: number, to: number, sizeBytes: number, rpc: RpcKind): void {
    const row = (to * this.capacity + from) * COUNTERS;
    const receiver = this.#receiver;
    (receiver[row + DELIVERED] as number)++;
    (receiver[row + DELIVERED_BYTES] as number) += sizeBytes;
    if (rpc === 'request') {
      (receiver[row + DELIVERED_REQUESTS] as number)++;
    } else if (rpc === 'reply') {
      (receiver[row + DELIVERED_REPLIES] as number)++;
      (receiver[row + DELIVERED_REPLY_BYTES] as number) += sizeBytes;
    }
  }

  countRefused(from: number, to: number): void {
    (this.#receiver[(to * this.capacity + from) * COUNTERS + REFUSED] as number)++;
  }

  /** How many messages this link has been given: the n of the next one's fate. */
  sentCount(from: number, to: number): number {
    return this.#sender[(from * this.capacity + to) * COUNTERS + SENT] as number;
  }

  counters(from: number, to: number): LinkCounters {
    const sender = this.#link(from, to) * COUNTERS;
    const receiver = this.#link(to, from) * COUNTERS;
    const sent = (field: number): number => this.#sender[sender + field] as number;
    const received = (field: number): number => this.#receiver[receiver + field] as number;
    return {
      sent: sent(SENT),
      sentBytes: sent(SENT_BYTES),
      sentRequests: sent(SENT_REQUESTS),
      sentReplies: sent(SENT_REPLIES),
      dropped: sent(DROPPED),
      duplicated: sent(DUPLICATED),
      delivered: received(DELIVERED),
      deliveredBytes: received(DELIVERED_BYTES),
      deliveredRequests: received(DELIVERED_REQUESTS),
      deliveredReplies: received(DELIVERED_REPLIES),
      deliveredReplyBytes: received(DELIVERED_REPLY_BYTES),
      refused: received(REFUSED),
    };
  }

  #link(from: number, to: number): number {
    if (!(from >= 0 && from < this.capacity && to >= 0 && to < this.capacity)) {
      throw new RangeError(`link ${from}→${to}: ids must be below ${this.capacity}`);
    }
    return from * this.capacity + to;
  }
}

function encodeDelay(delay: Delay): [kind: number, min: number, mean: number, max: number] {
  const kind = DELAY_KINDS.indexOf(delay.kind);
  switch (delay.kind) {
    case 'none':
      return [kind, 0, 0, 0];
    case 'constant':
      return [kind, delay.micros, 0, 0];
    case 'uniform':
      return [kind, delay.minMicros, 0, delay.maxMicros];
    case 'exponential':
      return [kind, delay.minMicros, delay.meanMicros, delay.maxMicros];
  }
}

function decodeDelay(kind: number, min: number, mean: number, max: number): Delay {
  switch (DELAY_KINDS[kind]) {
    case 'constant':
      return { kind: 'constant', micros: min };
    case 'uniform':
      return { kind: 'uniform', minMicros: min, maxMicros: max };
    case 'exponential':
      return { kind: 'exponential', minMicros: min, meanMicros: mean, maxMicros: max };
    default:
      return PLAIN_LINK.delay;
  }
}

function encodeLab(lab: LabSettings | undefined): number {
  if (lab === undefined) return 0;
  return 8 | (lab.unreliable ? 1 : 0) | (lab.longReordering ? 2 : 0) | (lab.longDelays ? 4 : 0);
}

function decodeLab(switches: number): LabSettings | undefined {
  if (switches === 0) return undefined;
  return {
    unreliable: (switches & 1) !== 0,
    longReordering: (switches & 2) !== 0,
    longDelays: (switches & 4) !== 0,
  };
}

function isPlain(settings: LinkSettings): boolean {
  return (
    settings.dropPpm === 0 &&
    settings.duplicatePpm === 0 &&
    settings.delay.kind === 'none' &&
    settings.tailPpm === 0 &&
    settings.bytesPerSecond === 0 &&
    settings.lab === undefined
  );
}

function check(settings: LinkSettings): void {
  const [, min, mean, max] = encodeDelay(settings.delay);
  inRange('dropPpm', settings.dropPpm, 1_000_000);
  inRange('duplicatePpm', settings.duplicatePpm, 1_000_000);
  inRange('tailPpm', settings.tailPpm, 1_000_000);
  inRange('tailMicros', settings.tailMicros);
  inRange('duplicateSpreadMicros', settings.duplicateSpreadMicros);
  inRange('bytesPerSecond', settings.bytesPerSecond);
  for (const micros of [min, mean, max]) inRange('delay', micros);
  if (settings.delay.kind === 'uniform' || settings.delay.kind === 'exponential') {
    inRange('delay.minMicros', min, max);
  }
}

function inRange(name: string, value: number, limit = 2 ** 31 - 1): void {
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    throw new RangeError(`${name} must be a whole number of 0 … ${limit}, not ${value}`);
  }
}
