/**
 * The simulated network: what the router is in the simulator. The link policy decides; this carries
 * out: each message is an event at its delivery time, which nothing that its sender does, its death
 * included, can take back.
 */
import { codeOfKind } from '../../actors/message-kinds.js';
import type { Address, Envelope, Micros, Outgoing } from '../../actors/ports.js';
import { type Fate, LinkPolicy } from '../router/link-policy.js';
import { LinkTable } from '../router/link-table.js';
import { type Directory, Network } from '../router/network.js';
import { payloadCopy } from '../router/payload.js';
import type { DropReason } from '../trace/record.js';
import type { Kernel } from './kernel.js';

/** Who can receive: an actor or an endpoint. */
export interface Receiver {
  /** False: dead; what comes is lost. */
  readonly isAlive: boolean;
  /** Returns why it was dropped, or undefined when it is in the mailbox. */
  deliver(envelope: Envelope): DropReason | undefined;
  /** A request of this receiver is known to be lost. */
  lost(correlation: number): void;
}

/** The last arrival on a link, to keep equal instants in order. */
interface Arrival {
  at: Micros;
  tie: number;
}

export interface WireOptions {
  /** What every message takes, beyond its link's delay. Default 1 ms. */
  readonly hopMicros?: Micros;
  /** How many names there can be. Default 64. */
  readonly capacity?: number;
}

export class Wire implements Directory {
  readonly network: Network;
  readonly table: LinkTable;
  readonly #kernel: Kernel;
  readonly #policy: LinkPolicy;
  readonly #hopMicros: Micros;
  readonly #ids = new Map<Address, number>();
  readonly #names: Address[] = [];
  readonly #receivers = new Map<Address, Receiver>();
  readonly #arrivals = new Map<number, Arrival>();
  /** By link: nothing that is sent now arrives before. */
  readonly #clogs = new Map<number, Micros>();
  readonly #watchers: ((envelope: Envelope) => void)[] = [];
  #messageCount = 0;

  constructor(kernel: Kernel, options: WireOptions = {}) {
    const capacity = options.capacity ?? 64;
    this.#kernel = kernel;
    this.#hopMicros = options.hopMicros ?? 1000;
    this.table = new LinkTable(new ArrayBuffer(LinkTable.bytes(capacity)), capacity);
    this.network = new Network(this.table, this);
    this.#policy = new LinkPolicy({
      table: this.table,
      seed: kernel.seed,
      nameOf: (id) => this.#names[id] as Address,
      tap: kernel.tap('net'),
    });
  }

  idOf(name: Address): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#names.length;
      if (id >= this.table.capacity) throw new RangeError(`more than ${id} names`);
      this.#names.push(name);
      this.#ids.set(name, id);
      this.network.added(name);
    }
    return id;
  }

  names(): readonly Address[] {
    return this.#names;
  }

  /** From now on messages to that name go to that receiver. */
  attach(name: Address, receiver: Receiver): void {
    this.idOf(name);
    this.#receivers.set(name, receiver);
  }

  detach(name: Address): void {
    this.#receivers.delete(name);
  }

  receiver(name: Address): Receiver | undefined {
    return this.#receivers.get(name);
  }

  /** Until that time, or a later one that was asked for, nothing sent there arrives. */
  clog(from: Address, to: Address, until: Micros): void {
    const link = this.idOf(from) * this.table.capacity + this.idOf(to);
    this.#clogs.set(link, Math.max(until, this.#clogs.get(link) ?? 0));
  }

  unclog(): void {
    this.#clogs.clear();
  }

  /** Sees every message as it leaves its sender, whatever becomes of it. */
  watch(watcher: (envelope: Envelope) => void): void {
    this.#watchers.push(watcher);
  }

  send(from: Address, incarnation: number, message: Outgoing): void {
    const rpc = message.rpc ?? 'none';
    const envelope: Envelope = {
      from,
      to: message.to,
      kind: message.kind,
      rpc,
      correlation: rpc === 'none' ? 0 : (message.correlation ?? 0),
      incarnation,
      // The bytes leave here: what the sender does to its buffer later must not show.
      payload: payloadCopy(message.payload),
    };
    for (const watcher of this.#watchers) watcher(envelope);
    const fromId = this.idOf(from);
    const toId = this.idOf(message.to);
    const size = envelope.payload.length;
    const fate = this.#policy.fate(fromId, toId, size, rpc, this.#kernel.now);
    const id = this.#messageCount++;
    this.#record('send', from, id, envelope);
    if (fate.copies === 0) {
      this.#lose(fate, fromId, toId, id, envelope);
      return;
    }
    this.#carry(fate.delayMicros, fromId, toId, id, envelope, true);
    if (fate.copies === 2) {
      this.#kernel.sometimes('net: duplicate');
      this.#carry(fate.duplicateDelayMicros, fromId, toId, id, envelope, false);
    }
  }

  #lose(fate: Fate, fromId: number, toId: number, id: number, envelope: Envelope): void {
    const reason = this.table.isUp(fromId, toId) ? 'loss' : 'cut';
    this.#kernel.sometimes(`net: ${reason}`);
    this.#record('drop', envelope.from, id, envelope, reason);
    if (fate.reported) this.#report(fate.delayMicros, envelope);
  }

  /** Tells the caller that its request will not be answered. */
  #report(delayMicros: Micros, { from, to, rpc, correlation }: Envelope): void {
    if (rpc === 'none') return;
    const caller = rpc === 'request' ? from : to;
    this.#kernel.after(this.#hopMicros + delayMicros, () => {
      this.#receivers.get(caller)?.lost(correlation);
    });
  }

  #carry(
    delayMicros: Micros,
    fromId: number,
    toId: number,
    id: number,
    envelope: Envelope,
    isOrdered: boolean,
  ): void {
    const link = fromId * this.table.capacity + toId;
    const free = this.#kernel.now + this.#hopMicros + delayMicros;
    const at = Math.max(free, this.#clogs.size === 0 ? 0 : (this.#clogs.get(link) ?? 0));
    if (at > free) this.#kernel.sometimes('net: clogged');
    const tie = this.#tie(link, at, isOrdered);
    this.#kernel.at(at, () => this.#arrive(fromId, toId, id, envelope), tie);
  }

  /** Messages of one link that arrive at one instant arrive in the order sent. */
  #tie(link: number, at: Micros, isOrdered: boolean): number {
    const last = this.#arrivals.get(link);
    const tie = last?.at === at && isOrdered ? last.tie : this.#kernel.drawTie();
    if (isOrdered) {
      if (last === undefined) this.#arrivals.set(link, { at, tie });
      else {
        last.at = at;
        last.tie = tie;
      }
    }
    return tie;
  }

  #arrive(fromId: number, toId: number, id: number, envelope: Envelope): void {
    const reason = this.#admit(fromId, toId, envelope);
    const { hash } = this.#kernel;
    hash.fold(reason === undefined ? 1 : 2);
    hash.foldInteger(this.#kernel.now);
    hash.fold(fromId);
    hash.fold(toId);
    hash.fold(codeOfKind(envelope.kind));
    hash.foldInteger(envelope.correlation);
    hash.foldBytes(envelope.payload);
    if (reason === undefined) {
      this.#policy.delivered(fromId, toId, envelope.payload.length, envelope.rpc);
      this.#record('deliver', envelope.to, id, envelope);
      return;
    }
    this.#kernel.sometimes(`net: ${reason} at delivery`);
    this.#record('drop', envelope.to, id, envelope, reason);
    // A stray reply has ended its request already.
    if (reason !== 'stray' && this.table.reportsLoss(fromId, toId)) this.#report(0, envelope);
  }

  #admit(fromId: number, toId: number, envelope: Envelope): DropReason | undefined {
    if (!this.#policy.admits(fromId, toId)) return 'cut';
    const receiver = this.#receivers.get(envelope.to);
    const reason = receiver?.isAlive === true ? receiver.deliver(envelope) : 'gone';
    if (reason !== undefined) this.table.countRefused(fromId, toId);
    return reason;
  }

  #record(
    type: 'send' | 'deliver' | 'drop',
    actor: Address,
    message: number,
    envelope: Envelope,
    reason?: DropReason,
  ): void {
    if (this.#kernel.recorder === undefined) return;
    const { from, to, kind, rpc, correlation, payload } = envelope;
    const fields = { message, from, to, kind, rpc, correlation, sizeBytes: payload.length };
    if (type === 'drop')
      this.#kernel.record(actor, { type, reason: reason as DropReason, ...fields });
    else this.#kernel.record(actor, { type, ...fields });
  }
}
