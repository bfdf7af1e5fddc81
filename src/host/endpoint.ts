/**
 * An endpoint is a mailbox without an actor, in the thread of whoever uses it: how code outside the
 * actors talks to them (a library's user, a server, a benchmark). Its messages pass the same
 * network as everybody's.
 */
import type { Address, Envelope, Micros, Outgoing } from '../../actors/ports.js';
import { ConclaveError } from '../errors.js';
import { firstCorrelation, type NoReply, PendingRequests } from '../router/pending-requests.js';
import type { Mailbox, ThreadRouter } from '../router/thread-router.js';
import type { DropReason } from '../trace/record.js';
import type { Resident } from './thread-host.js';

export interface EndpointOptions {
  readonly name: Address;
  readonly id: number;
  readonly incarnation: number;
  readonly router: ThreadRouter;
  readonly now: () => Micros;
  /** A request's deadline has come closer: the loop must look. */
  readonly wake: (endpoint: Endpoint) => void;
  readonly onClose: (endpoint: Endpoint) => void;
}

/** A request without its own bookkeeping. */
export interface EndpointRequest extends Pick<Outgoing, 'to' | 'kind' | 'payload'> {
  /** Without an answer for this long the promise rejects with `TIMEOUT`; default 5 000. */
  readonly timeoutMs?: number;
}

interface Waiter {
  readonly resolve: (reply: Envelope) => void;
  readonly reject: (error: ConclaveError) => void;
}

const DEFAULT_TIMEOUT_MS = 5_000;

export class Endpoint implements Mailbox, Resident {
  /**
   * Called for every message that is not the reply to a `request()`; so too for replies to what
   * `send` gave a correlation below 2^32. Assign it before sending.
   */
  onMessage: (envelope: Envelope) => void = () => {};
  readonly #options: EndpointOptions;
  readonly #requests = new PendingRequests();
  readonly #waiters = new Map<number, Waiter>();
  #correlation: number;
  #isFlushScheduled = false;
  #isClosed = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#correlation = firstCorrelation(options.incarnation);
  }

  get name(): Address {
    return this.#options.name;
  }

  get id(): number {
    return this.#options.id;
  }

  /** Sends a message; what one tick sends leaves together. Throws `CLOSED` after `close()`. */
  send(message: Outgoing): void {
    if (this.#isClosed) throw this.#closedError();
    this.#options.router.send(this.#options.id, this.#options.incarnation, message);
    if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      queueMicrotask(this.#flush);
    }
  }

  /** Answers a request. */
  reply(request: Envelope, answer: Pick<Outgoing, 'kind' | 'payload'>): void {
    this.send({ ...answer, to: request.from, rpc: 'reply', correlation: request.correlation });
  }

  /**
   * Sends a request and resolves with its reply. Rejects with `TIMEOUT` when none came in time or
   * the network reported the loss: whether the request had an effect is then unknown. Rejects with
   * `CLOSED` when the endpoint closes first.
   */
  request(request: EndpointRequest): Promise<Envelope> {
    const { to, kind, payload, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
    if (this.#isClosed) return Promise.reject(this.#closedError());
    this.#correlation += 1;
    const correlation = this.#correlation;
    return new Promise((resolve, reject) => {
      const deadline = this.#options.now() + Math.round(timeoutMs * 1000);
      this.#waiters.set(correlation, { resolve, reject });
      this.#requests.open({ to, kind, correlation, deadline });
      this.send({ to, kind, payload, rpc: 'request', correlation });
      this.#options.wake(this);
    });
  }

  /** Ends it: its name is free again, and what waits for a reply is told. */
  close(): void {
    if (this.#isClosed) return;
    this.#options.router.flush();
    this.#isClosed = true;
    for (const { reject } of this.#waiters.values()) {
      reject(this.#closedError());
    }
    this.#waiters.clear();
    this.#options.onClose(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  deliver(envelope: Envelope): DropReason | undefined {
    // Numbers of earlier lives too are `request`'s: nobody waits for those replies any more.
    const isRequested = envelope.correlation > firstCorrelation(1);
    if (envelope.rpc !== 'reply' || !isRequested) {
      this.onMessage(envelope);
      return undefined;
    }
    if (!this.#requests.close(envelope.correlation)) return 'stray';
    this.#takeWaiter(envelope.correlation)?.resolve(envelope);
    return undefined;
  }

  lost(correlation: number): void {
    const noReply = this.#requests.lose(correlation);
    if (noReply !== undefined) this.#fail(noReply, 'survived the network');
  }

  nextDeadline(): Micros | undefined {
    return this.#requests.nextDeadline();
  }

  turn(now: Micros): boolean {
    for (const noReply of this.#requests.expire(now)) this.#fail(noReply, 'came in time');
    return false;
  }

  #closedError(): ConclaveError {
    return new ConclaveError('CLOSED', `endpoint '${this.name}' is closed`);
  }

  #fail(noReply: NoReply, what: string): void {
    const waiter = this.#takeWaiter(noReply.correlation);
    const message = `no reply to '${noReply.kind}' ${what} from '${noReply.to}'`;
    waiter?.reject(new ConclaveError('TIMEOUT', message));
  }

  #takeWaiter(correlation: number): Waiter | undefined {
    const waiter = this.#waiters.get(correlation);
    this.#waiters.delete(correlation);
    return waiter;
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#options.router.flush();
  };
}
