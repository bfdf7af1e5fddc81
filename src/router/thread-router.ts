/**
 * The router of one thread. A message to an actor of another thread is framed into that thread's
 * buffer and leaves at `flush`; one to an actor of this thread waits for `flush` too, so that a
 * send never runs its receiver inline. The sender draws a message's fate; the receiver's router
 * holds the delay and checks the cut again when it delivers.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Envelope, Micros, Outgoing } from '../../actors/ports.js';
import { type Directory, NOWHERE } from '../host/directory.js';
import type { DropReason } from '../trace/record.js';
import { type FrameHeader, FramePacker, unpackFrames } from './frame.js';
import { type Frame, HeldFrames } from './held-frames.js';
import type { LinkPolicy } from './link-policy.js';
import { payloadBytes, payloadCopy } from './payload.js';

/** What a mailbox of this thread is told, between turns. */
export interface Mailbox {
  /** Takes a message, or says why not. */
  deliver(envelope: Envelope): DropReason | undefined;
  /** A request, or the reply to it, is known to be lost (networks that report losses). */
  lost(correlation: number): void;
}

export interface ThreadRouterOptions {
  /** This thread's number in the directory. */
  readonly thread: number;
  readonly directory: Directory;
  readonly policy: LinkPolicy;
  readonly now: () => Micros;
  /** Messages have arrived from other threads: a turn can run at once. */
  readonly arrived: () => void;
  /** `deliverDue` has something to do, now or later: the loop must look. */
  readonly wake: () => void;
}

/** A turn that sends more than this to one thread posts it in several buffers. */
const POST_EARLY_BYTES = 256 * 1024;
/** A flood is taken in portions, so that turns and timers come between. */
const BUFFERS_AT_ONCE = 64;
/** Frames for a thread whose port has not come yet are kept up to this many bytes, then dropped. */
const UNCONNECTED_BYTES_MAX = 16 * 1024 * 1024;

export class ThreadRouter {
  readonly #options: ThreadRouterOptions;
  readonly #directory: Directory;
  readonly #policy: LinkPolicy;
  readonly #mailboxes = new Map<number, Mailbox>();
  readonly #ports = new Map<number, MessagePort>();
  readonly #packers = new Map<number, FramePacker>();
  /** Threads that are dead. Numbers of threads are never reused. */
  readonly #gone = new Set<number>();
  /** Threads whose packer has frames since the last flush. */
  #dirty: number[] = [];
  #local: Frame[] = [];
  readonly #held = new HeldFrames();
  /** When what now arrives does. */
  #now: Micros = 0;
  #unknownCount = 0;
  #isOpen = false;

  constructor(options: ThreadRouterOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#policy = options.policy;
  }

  /**
   * Begins to receive: all mailboxes are attached. What came before waits in the ports, so that
   * nothing is lost on an actor that is about to boot.
   */
  open(): void {
    this.#isOpen = true;
    for (const port of this.#ports.values()) this.#listen(port);
  }

  /** Gives this router the port to another thread; it is the router's to read and to close. */
  connect(thread: number, port: MessagePort): void {
    this.#ports.set(thread, port);
    if (this.#isOpen) this.#listen(port);
    port.on('close', () => {
      this.#gone.add(thread);
      this.#ports.delete(thread);
      this.#packers.delete(thread);
    });
    if ((this.#packers.get(thread)?.sizeBytes ?? 0) > 0) this.#post(thread);
  }

  attach(id: number, mailbox: Mailbox): void {
    this.#mailboxes.set(id, mailbox);
  }

  detach(id: number): void {
    this.#mailboxes.delete(id);
  }

  /** Closes the ports; what was not flushed is lost. */
  close(): void {
    for (const port of this.#ports.values()) port.close();
  }

  /** How many messages were lost because nobody ever had the name that they were sent to. */
  get unknownCount(): number {
    return this.#unknownCount;
  }

  /** Decides a message's fate and gathers it for `flush`. */
  send(from: number, incarnation: number, message: Outgoing): void {
    const to = this.#directory.idOf(message.to);
    if (to === undefined) {
      this.#unknownCount++;
      return;
    }
    const rpc = message.rpc ?? 'none';
    const size = payloadBytes(message.payload);
    const isThere = this.#isAlive(this.#directory.threadOf(to));
    const fate = this.#policy.fate(from, to, size, rpc, this.#options.now(), isThere);
    const header = {
      from,
      to,
      kind: message.kind,
      rpc,
      lost: false,
      inOrder: fate.inOrder,
      incarnation,
      correlation: rpc === 'none' ? 0 : (message.correlation ?? 0),
      delayMicros: fate.delayMicros,
    };
    if (fate.copies > 0) this.#gather(header, message.payload);
    else if (fate.reported) this.#reportLoss(header);
    if (fate.copies > 1) {
      const copy = { ...header, delayMicros: fate.duplicateDelayMicros, inOrder: false };
      this.#gather(copy, message.payload);
    }
  }

  /** Lets everything leave that was sent since the last flush. */
  flush(): void {
    if (this.#dirty.length > 0) {
      const threads = this.#dirty;
      this.#dirty = [];
      for (const thread of threads) this.#post(thread);
    }
    if (this.#local.length > 0) this.#options.wake();
  }

  /** When the next delayed message is due, if there is one. */
  nextDeadline(): Micros | undefined {
    return this.#held.nextDeadline();
  }

  /** Delivers the delayed messages that are due, and what this thread has sent to itself. */
  deliverDue(now: Micros): void {
    this.#release(now);
    if (this.#local.length > 0) {
      const frames = this.#local;
      this.#local = [];
      for (const frame of frames) this.#arrive(frame.header, frame.payload);
    }
    this.flush();
  }

  /** Delivers what is due before anything else arrives: else that would overtake it. */
  #release(now: Micros): void {
    this.#now = now;
    for (;;) {
      const frame = this.#held.takeDue(now);
      if (frame === undefined) return;
      this.#deliver(frame.header, frame.payload);
    }
  }

  /**
   * A lost request comes back to its own sender; a lost reply is reported to the requester by a
   * frame in its place. Either takes as long as the fate says.
   */
  #reportLoss(header: FrameHeader): void {
    const notice = { ...header, lost: true, inOrder: false };
    if (header.rpc === 'request') {
      this.#gather({ ...notice, from: header.to, to: header.from }, EMPTY);
    } else if (header.rpc === 'reply') {
      this.#gather(notice, EMPTY);
    }
  }

  #gather(header: FrameHeader, payload: Outgoing['payload']): void {
    const thread = this.#directory.threadOf(header.to);
    if (thread === this.#options.thread) {
      this.#local.push({ header, payload: payloadCopy(payload) });
      return;
    }
    if (!this.#isAlive(thread)) return;
    let packer = this.#packers.get(thread);
    if (packer === undefined) {
      packer = new FramePacker();
      this.#packers.set(thread, packer);
    }
    if (packer.sizeBytes === 0) this.#dirty.push(thread);
    packer.add(header, payload);
    if (packer.sizeBytes >= POST_EARLY_BYTES) this.#post(thread);
  }

  #listen(port: MessagePort): void {
    port.on('message', (packed: Uint8Array) => this.#receive(packed));
  }

  #isAlive(thread: number): boolean {
    return thread !== NOWHERE && !this.#gone.has(thread);
  }

  #post(thread: number): void {
    const packer = this.#packers.get(thread);
    if (packer === undefined || packer.sizeBytes === 0) return;
    const port = this.#ports.get(thread);
    if (port !== undefined) {
      const packed = packer.take();
      port.postMessage(packed, [packed.buffer]);
    } else if (packer.sizeBytes > UNCONNECTED_BYTES_MAX) {
      packer.take();
    }
  }

  /** Empties all ports, so that what came while a turn ran is in the mailboxes of one next turn. */
  #receive(first: Uint8Array): void {
    this.#release(this.#options.now());
    unpackFrames(first, this.#arrive);
    let left = BUFFERS_AT_ONCE;
    for (const port of this.#ports.values()) {
      for (; left > 0; left--) {
        const received = receiveMessageOnPort(port);
        if (received === undefined) break;
        unpackFrames(received.message as Uint8Array, this.#arrive);
      }
    }
    this.flush();
    this.#options.arrived();
  }

  readonly #arrive = (header: FrameHeader, payload: Uint8Array): void => {
    const admission = this.#held.admit(header, payload, this.#now);
    if (admission === 'now') this.#deliver(header, payload);
    else if (admission === 'held') this.#options.wake();
    else this.#policy.refused(header.from, header.to);
  };

  #deliver(header: FrameHeader, payload: Uint8Array): void {
    const { from, to, rpc } = header;
    const mailbox = this.#mailboxes.get(to);
    if (header.lost) {
      mailbox?.lost(header.correlation);
      return;
    }
    const reason = this.#offer(mailbox, header, payload);
    if (reason === undefined) {
      this.#policy.delivered(from, to, payload.byteLength, rpc);
      return;
    }
    // `admits` has counted a cut.
    if (reason !== 'cut') this.#policy.refused(from, to);
    // A stray reply has ended its request already.
    if (reason !== 'stray' && this.#policy.reportsLoss(from, to)) {
      this.#reportLoss({ ...header, delayMicros: 0 });
    }
  }

  #offer(
    mailbox: Mailbox | undefined,
    header: FrameHeader,
    payload: Uint8Array,
  ): DropReason | undefined {
    if (mailbox === undefined) return 'gone';
    if (!this.#policy.admits(header.from, header.to)) return 'cut';
    return mailbox.deliver({
      from: this.#directory.nameOf(header.from),
      to: this.#directory.nameOf(header.to),
      kind: header.kind,
      rpc: header.rpc,
      correlation: header.correlation,
      incarnation: header.incarnation,
      payload,
    });
  }
}

const EMPTY = new Uint8Array(0);
