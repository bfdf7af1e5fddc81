/**
 * An actor in its thread: a bounded mailbox in front of `Actor`, its log behind it, and the ports
 * between. The thread's loop (`thread-host.ts`) says when a turn runs.
 */
import { Actor, type ActorHost } from '../../actors/actor.js';
import type { ActorPorts, Address, Envelope, Input, Micros, Outgoing } from '../../actors/ports.js';
import { stream } from '../random/prng.js';
import { PendingRequests } from '../router/pending-requests.js';
import type { Mailbox, ThreadRouter } from '../router/thread-router.js';
import type { ActorLog } from '../storage/actor-log.js';
import { TokenSequences } from '../storage/token-sequences.js';
import { type ActorRecorder, recordActor } from '../trace/actor-recording.js';
import type { DropReason } from '../trace/record.js';
import { encodeRecording } from '../trace/recording-codec.js';
import type { ActorBinding } from './binding.js';
import type { ActorSeat, ActorStats, LogLine } from './control-protocol.js';
import type { Resident, ThreadHost } from './thread-host.js';

/** Messages beyond this many waiting inputs are dropped and counted (Raft resends). */
export const MAILBOX_INPUTS_MAX = 65_536;
/** A turn takes at most this many, so that a flood cannot keep a thread from its timers. */
export const TURN_INPUTS_MAX = 4_096;

export interface LocalActorOptions {
  readonly seat: ActorSeat;
  readonly binding: ActorBinding;
  readonly router: ThreadRouter;
  readonly log: ActorLog;
  readonly seed: string;
  readonly now: () => Micros;
  /** The loop that runs this actor's turns. */
  readonly host: Pick<ThreadHost, 'ready' | 'soon'>;
  readonly onLog: (line: LogLine) => void;
  /** Called after a turn in (or into) a final state. */
  readonly onFinished: () => void;
  /** Keep the actor's inputs, for `recording()`. */
  readonly isRecorded: boolean;
}

export class LocalActor implements Mailbox, Resident {
  readonly #options: LocalActorOptions;
  // biome-ignore lint/suspicious/noExplicitAny: a thread runs actors of every type.
  readonly #actor: Actor<any, ActorPorts, any>;
  readonly #recorder: ActorRecorder | undefined;
  readonly #requests = new PendingRequests();
  readonly #cleanups: (() => void | Promise<void>)[] = [];
  #inbox: Input[] = [];
  #alarm: Micros | undefined;
  #writtenUpTo = 0;
  #turnCount = 0;
  #inputCount = 0;
  #droppedCount = 0;

  constructor(options: LocalActorOptions) {
    this.#options = options;
    const { seat, binding, router, log } = options;
    const own = binding.ports?.({
      name: seat.name,
      incarnation: seat.incarnation,
      input: seat.input,
      complete: (port, event) => {
        this.#put({ type: 'completed', port, event });
        options.host.soon(this);
      },
      onStop: (cleanup) => this.#cleanups.push(cleanup),
    });
    const tokens = new TokenSequences();
    const host: ActorHost<ActorPorts> = {
      ports: {
        ...own,
        router: { send: (message) => this.#send(message) },
        storage: {
          write: (record, token) => tokens.note(token, log.append(record, token)),
          forget: (before) => {
            const sequence = tokens.takeFrom(before);
            if (sequence !== undefined) log.truncateBefore(sequence);
          },
        },
        logger: {
          log: (level, message, fields) =>
            options.onLog({
              type: 'log',
              actor: seat.name,
              at: options.now(),
              level,
              message,
              fields,
            }),
        },
      },
      clock: { now: options.now },
      random: stream(options.seed, `actor.${seat.name}.${seat.incarnation}`),
      commit: (upTo) => {
        router.flush();
        if (upTo > this.#writtenUpTo) {
          this.#writtenUpTo = upTo;
          log.sync();
        }
        return true;
      },
      wakeAt: (deadline) => {
        this.#alarm = deadline;
      },
    };
    this.#recorder = options.isRecorded ? recordActor(host) : undefined;
    this.#actor = new Actor(binding.definition, this.#recorder?.host ?? host);
  }

  get name(): Address {
    return this.#options.seat.name;
  }

  /** The machine has reached a final state: this life has nothing more to do. */
  get isFinished(): boolean {
    return (this.#actor.state as { status?: string } | undefined)?.status === 'done';
  }

  stats(): ActorStats {
    return {
      name: this.name,
      turnCount: this.#turnCount,
      inputCount: this.#inputCount,
      droppedCount: this.#droppedCount,
      storage: this.#options.log.stats(),
    };
  }

  /** This life as its inputs so far, encoded; undefined when it is not recorded. */
  recording(): Uint8Array | undefined {
    const recording = this.#recorder?.finish(this.#actor.state);
    return recording && encodeRecording(recording);
  }

  /** When this actor wants a turn if nothing arrives. */
  nextDeadline(): Micros | undefined {
    const request = this.#requests.nextDeadline();
    if (request === undefined) return this.#alarm;
    return this.#alarm === undefined ? request : Math.min(this.#alarm, request);
  }

  /** Boots the machine from what the log has. Throws what the actor throws. */
  start(): void {
    const { seat, log } = this.#options;
    const { name, incarnation, input } = seat;
    // A recording keeps the records, which are otherwise read lazily.
    const records = this.#recorder === undefined ? log.records() : [...log.records()];
    this.#recorder?.booted({ name, incarnation, input, records });
    this.#actor.start({ name, incarnation, input, records });
  }

  deliver(envelope: Envelope): DropReason | undefined {
    // First, so that a request whose reply is dropped still times out.
    if (this.#inbox.length >= MAILBOX_INPUTS_MAX) {
      this.#droppedCount++;
      return 'overflow';
    }
    if (envelope.rpc === 'reply' && !this.#requests.close(envelope.correlation)) return 'stray';
    this.#put({ type: 'message', envelope });
    return undefined;
  }

  lost(correlation: number): void {
    const noReply = this.#requests.lose(correlation);
    if (noReply !== undefined) this.#put(noReply);
  }

  /** Runs one turn on what has gathered. Returns true when more is waiting. */
  turn(now: Micros): boolean {
    for (const noReply of this.#requests.expire(now)) this.#put(noReply);
    const inbox = this.#inbox;
    const all = inbox.length <= TURN_INPUTS_MAX;
    const batch = all ? inbox : inbox.slice(0, TURN_INPUTS_MAX);
    this.#inbox = all ? [] : inbox.slice(TURN_INPUTS_MAX);
    this.#turnCount++;
    this.#inputCount += batch.length;
    this.#actor.turn(batch);
    if (this.isFinished) this.#options.onFinished();
    return this.#inbox.length > 0;
  }

  /** Ends this life cleanly: its ports' cleanups run and its log closes. */
  async stop(): Promise<void> {
    for (const cleanup of this.#cleanups) await cleanup();
    this.#options.log.close();
  }

  #send(message: Outgoing): void {
    const { seat, router, now } = this.#options;
    if (message.rpc === 'request') {
      const { to, kind, correlation = 0, timeoutMicros = Number.POSITIVE_INFINITY } = message;
      this.#requests.open({ to, kind, correlation, deadline: now() + timeoutMicros });
    }
    router.send(seat.id, seat.incarnation, message);
  }

  /** Only messages are bounded: what this actor asked for itself is never lost. */
  #put(input: Input): void {
    this.#inbox.push(input);
    this.#options.host.ready(this);
  }
}
