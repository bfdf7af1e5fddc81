/**
 * The load of `bench mailbox`, the same for both transports: a peer floods others within a window,
 * or plays ping-pong. Transport-free: it is told what arrives and says what to send.
 */

/** What a message is, in its first byte; the rest of it is padding. */
const DATA = 0;
const ACK = 1;
const PING = 2;

/** A receiver acknowledges every so many messages. */
export const ACK_EVERY = 256;
/** A sender stops at this many unacknowledged messages to one receiver. */
const WINDOW = 2048;

export interface LoadSpec {
  /** Peers to flood, or the one to ping. */
  readonly targets: readonly string[];
  /** To each target; of a flood a multiple of `ACK_EVERY`. */
  readonly messageCount: number;
  readonly sizeBytes: number;
  readonly kind: 'flood' | 'ping';
}

export class MailboxLoad {
  readonly #send: (to: string, message: Uint8Array) => void;
  readonly #onDone: () => void;
  readonly #receivedFrom = new Map<string, number>();
  readonly #flows = new Map<string, { sent: number; acked: number }>();
  #spec: LoadSpec | undefined;
  #data = new Uint8Array(1);

  constructor(send: (to: string, message: Uint8Array) => void, onDone: () => void) {
    this.#send = send;
    this.#onDone = onDone;
  }

  start(spec: LoadSpec): void {
    this.#spec = spec;
    this.#data = new Uint8Array(spec.sizeBytes);
    this.#data[0] = spec.kind === 'ping' ? PING : DATA;
    this.#flows.clear();
    for (const target of spec.targets) {
      this.#flows.set(target, { sent: 0, acked: 0 });
      this.#pump(target);
    }
  }

  receive(from: string, message: Uint8Array): void {
    if (message[0] === ACK) this.#acknowledged(from, message);
    else if (message[0] === PING) this.#send(from, ackOf(1, message.byteLength));
    else this.#count(from);
  }

  #count(from: string): void {
    const received = (this.#receivedFrom.get(from) ?? 0) + 1;
    this.#receivedFrom.set(from, received);
    if (received % ACK_EVERY === 0) this.#send(from, ackOf(ACK_EVERY, 8));
  }

  #acknowledged(from: string, message: Uint8Array): void {
    const flow = this.#flows.get(from);
    if (flow === undefined || this.#spec === undefined) return;
    flow.acked += (message[1] as number) + 1;
    if (flow.acked < this.#spec.messageCount) this.#pump(from);
    else if (this.#isDone(this.#spec.messageCount)) this.#onDone();
  }

  #isDone(messageCount: number): boolean {
    return [...this.#flows.values()].every(({ acked }) => acked >= messageCount);
  }

  #pump(target: string): void {
    const { messageCount, kind } = this.#spec as LoadSpec;
    const flow = this.#flows.get(target) as { sent: number; acked: number };
    const limit = Math.min(messageCount, flow.acked + (kind === 'ping' ? 1 : WINDOW));
    for (; flow.sent < limit; flow.sent++) this.#send(target, this.#data);
  }
}

/** `count` is 1 … 256. */
function ackOf(count: number, sizeBytes: number): Uint8Array {
  const message = new Uint8Array(sizeBytes);
  message[0] = ACK;
  message[1] = count - 1;
  return message;
}
