/**
 * A turn's mailbox as few events: messages of the peers in their order (the answers of one follower
 * as one where they say the same kind of thing), then timers, then all proposals in one event and
 * all reads in another.
 */
import type { RaftEvent } from '../../machines/raft/messages.js';
import { MalformedMessage } from '../codec/fields.js';
import type { ActorPorts, Envelope, Input, LoggerPort, Turn } from '../ports.js';
import { type Caller, decodeAdminRequest } from './clients.js';
import { packCommands } from './entries.js';
import { decodeMessage } from './wire.js';

/** One event, and so one record and one message, carries at most about this many bytes. */
const PROPOSE_BYTES_MAX = 4 * 1024 * 1024;

/** What the service in this actor asks for, by `complete('service', …)`. */
export interface SnapshotTaken {
  readonly type: 'snapshotTaken';
  /** The snapshot holds everything up to this entry, which has been applied. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

export function eventsOf(
  inputs: readonly Input[],
  turn: Turn,
  { logger }: Pick<ActorPorts, 'logger'>,
): RaftEvent[] {
  const inbox = new Inbox(turn, logger);
  for (const input of inputs) inbox.take(input);
  return inbox.events();
}

type AppendResult = Extract<RaftEvent, { type: 'appendResult' }>;

class Inbox {
  readonly #turn: Turn;
  readonly #logger: LoggerPort;
  readonly #events: RaftEvent[] = [];
  /** Where the latest answer of each follower stands among the events. */
  readonly #answers = new Map<string, number>();
  #proposals: Envelope[] = [];
  #proposalBytes = 0;
  readonly #reads: Caller[] = [];

  constructor(turn: Turn, logger: LoggerPort) {
    this.#turn = turn;
    this.#logger = logger;
  }

  take(input: Input): void {
    const { now } = this.#turn;
    if (input.type === 'persisted') this.#events.push({ ...input, now });
    else if (input.type === 'timer') this.#events.push(this.#timer(input.timer));
    else if (input.type === 'message') this.#takeMessage(input.envelope);
    else if (input.type === 'completed') {
      this.#events.push({ ...(input.event as SnapshotTaken), now });
    }
  }

  events(): RaftEvent[] {
    this.#flush();
    const { now } = this.#turn;
    const waiters = this.#reads;
    if (waiters.length > 0) this.#events.push({ type: 'readsRequested', now, waiters });
    return this.#events;
  }

  #timer(timer: string): RaftEvent {
    const { now } = this.#turn;
    if (timer === 'heartbeat') return { type: 'heartbeatTimer', now };
    return { type: 'electionTimer', now, draw: this.#turn.draw() };
  }

  #takeMessage(envelope: Envelope): void {
    const { kind, from, correlation } = envelope;
    if (kind === 'raftPropose') this.#propose(envelope);
    else if (kind === 'raftRead') this.#reads.push({ client: from, correlation });
    else {
      // A message that does not decode was sent by nobody of this version: as if it were lost.
      try {
        this.#push(envelope);
      } catch (error) {
        if (!(error instanceof MalformedMessage)) throw error;
        this.#logger.log('warn', `dropped a '${kind}' from '${from}': ${error.message}`);
      }
    }
  }

  #push(envelope: Envelope): void {
    const { now } = this.#turn;
    if (envelope.kind === 'raftAdmin') {
      this.#events.push(decodeAdminRequest(envelope, now));
      return;
    }
    const event = decodeMessage(envelope, now);
    if (event?.type === 'appendResult') this.#pushAnswer(event);
    else if (event !== undefined) this.#events.push(event);
  }

  #pushAnswer(event: AppendResult): void {
    const at = this.#answers.get(event.from);
    const before = at === undefined ? undefined : (this.#events[at] as AppendResult);
    if (at !== undefined && before?.isSuccess && event.isSuccess && before.term === event.term) {
      this.#events[at] = {
        ...event,
        matchIndex: Math.max(before.matchIndex, event.matchIndex),
        round: Math.max(before.round, event.round),
      };
      return;
    }
    this.#answers.set(event.from, this.#events.length);
    this.#events.push(event);
  }

  #propose(envelope: Envelope): void {
    this.#proposals.push(envelope);
    this.#proposalBytes += envelope.payload.byteLength;
    if (this.#proposalBytes >= PROPOSE_BYTES_MAX) this.#flush();
  }

  #flush(): void {
    const proposals = this.#proposals;
    if (proposals.length === 0) return;
    this.#proposals = [];
    this.#proposalBytes = 0;
    this.#events.push({
      type: 'propose',
      now: this.#turn.now,
      count: proposals.length,
      entries: packCommands(proposals.map(({ payload }) => payload)),
      waiters: proposals.map(({ from, correlation }): Caller => ({ client: from, correlation })),
    });
  }
}
