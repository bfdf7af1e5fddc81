/**
 * An actor's life as its ordered input: boot, then every batch with its time, and every random
 * draw. That is all an actor depends on, so a recording made on worker threads replays anywhere.
 * Both hosts record by wrapping the `ActorHost` (`recordActor`); `replay` drives a fresh `Actor`
 * and compares all that it sends, writes and becomes, batch by batch.
 */
import { Actor, type ActorHost } from '../../actors/actor.js';
import type { AnyActorDefinition } from '../../actors/define-actor.js';
import { codeOfKind } from '../../actors/message-kinds.js';
import type { ActorPorts, Address, Boot, Input, Micros, Outgoing } from '../../actors/ports.js';
import { messageOf } from '../errors.js';
import { payloadCopy } from '../router/payload.js';
import { hashOf, TraceHash } from './hash.js';

export const RECORDING_VERSION = 1;

/** One batch that entered the actor, and what the actor had done when the next one entered. */
export interface RecordedBatch {
  readonly now: Micros;
  readonly inputs: readonly Input[];
}

export interface ActorRecording {
  readonly version: typeof RECORDING_VERSION;
  readonly name: Address;
  readonly incarnation: number;
  readonly bootedAt: Micros;
  /** The spawn data; must be encodable (`Encodable`). */
  readonly input: unknown;
  readonly records: readonly Uint8Array[];
  readonly batches: readonly RecordedBatch[];
  readonly draws: readonly number[];
  /** What the methods of the actor's own ports returned, where that was not undefined. */
  readonly returns: readonly unknown[];
  /** The names of the actor's own ports. */
  readonly portNames: readonly string[];
  /** The hash of all outputs before batch i; the last one, after all. */
  readonly outputs: readonly string[];
  /** The hash of the state value and context at the end. */
  readonly state: string;
  /** What the actor died of, when it threw; else null. */
  readonly error: string | null;
}

export interface ActorRecorder {
  /** Give this one to the `Actor`. */
  readonly host: ActorHost<ActorPorts>;
  /** Notes the boot; call it with what `Actor.start` gets. The records are kept. */
  booted(boot: Omit<Boot<unknown>, 'now' | 'draw'>): void;
  /** The recording so far; `state` is the actor's snapshot, `error` what it threw, if it did. */
  finish(state: unknown, error?: unknown): ActorRecording;
}

type AnyPorts = Record<string, unknown>;
const OWN_PORTS = new Set(['router', 'storage', 'timers', 'logger']);

/** Wraps a host so that the actor on it is recorded. */
export function recordActor(host: ActorHost<ActorPorts>): ActorRecorder {
  const outputs = new TraceHash();
  const batches: RecordedBatch[] = [];
  const marks: string[] = [];
  const draws: number[] = [];
  const returns: unknown[] = [];
  const portNames = Object.keys(host.ports).filter((name) => !OWN_PORTS.has(name));
  let booted: Pick<ActorRecording, 'name' | 'incarnation' | 'input' | 'records'>;
  let bootedAt: Micros | undefined;
  const own = portNames.map((name) => [
    name,
    watchPort(name, (host.ports as unknown as AnyPorts)[name], outputs, (value) =>
      returns.push(value),
    ),
  ]);
  return {
    host: {
      ...forward(host),
      ports: { ...host.ports, ...Object.fromEntries(own), ...watchOutputs(host, outputs) },
      clock: {
        now: () => {
          const now = host.clock.now();
          // The boot is the first thing that asks for the time, and the clock does not stand still.
          bootedAt ??= now;
          return now;
        },
      },
      random: {
        uint32: () => {
          const value = host.random.uint32();
          draws.push(value);
          return value;
        },
      },
      record: (now, inputs) => {
        marks.push(outputs.digest());
        batches.push({ now, inputs: inputs.map(copyInput) });
        host.record?.(now, inputs);
      },
    },
    booted: ({ name, incarnation, input, records }) => {
      booted = { name, incarnation, input, records: [...records] };
    },
    finish: (state, error) => ({
      version: RECORDING_VERSION,
      ...booted,
      bootedAt: bootedAt ?? 0,
      batches,
      draws,
      returns,
      portNames,
      outputs: [...marks, outputs.digest()],
      state: hashState(state),
      error: error === undefined ? null : messageOf(error),
    }),
  };
}

export type ReplayResult =
  | { readonly type: 'same'; readonly batches: number }
  /**
   * `batch`: the index of the first batch after which the replay differs; `batches.length`: at
   * the end.
   */
  | { readonly type: 'differs'; readonly batch: number; readonly what: string };

/** Lives that recorded life again, and reports where the actor behaves differently, if it does. */
export function replay(recording: ActorRecording, definition: AnyActorDefinition): ReplayResult {
  return new Replay(recording, definition).run();
}

class Replay {
  readonly #recording: ActorRecording;
  readonly #actor: Actor<never, ActorPorts, unknown>;
  readonly #outputs = new TraceHash();
  #now: Micros;
  #drawn = 0;
  #returned = 0;
  /** How many of the recorded batches have entered, by the actor's own account. */
  #entered = 0;
  #difference: ReplayResult | undefined;

  constructor(recording: ActorRecording, definition: AnyActorDefinition) {
    this.#recording = recording;
    this.#now = recording.bootedAt;
    this.#actor = new Actor(definition as never, this.#host() as never);
  }

  run(): ReplayResult {
    const { batches, draws, error } = this.#recording;
    const died = this.#live();
    if (this.#difference !== undefined) return this.#difference;
    this.#compareOutputs();
    if (died !== error) this.#differs(`the actor ${died === null ? 'lives' : `threw: ${died}`}`);
    if (this.#drawn !== draws.length) this.#differs('fewer random numbers were drawn');
    if (hashState(this.#actor.state) !== this.#recording.state) this.#differs('the final state');
    return this.#difference ?? { type: 'same', batches: batches.length };
  }

  /** What the actor died of, or null. */
  #live(): string | null {
    const { name, incarnation, input, records, batches } = this.#recording;
    try {
      this.#actor.start({ name, incarnation, input, records });
      while (this.#entered < batches.length && this.#difference === undefined) {
        const before = this.#entered;
        this.#enter(batches[before] as RecordedBatch);
        if (this.#entered === before) this.#differs('the timer of this batch is not due');
      }
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** The actor's own timers enter by themselves, as they did then. */
  #enter({ now, inputs }: RecordedBatch): void {
    this.#now = now;
    const [first] = inputs;
    if (first?.type === 'persisted') this.#actor.durable(first.upTo);
    else this.#actor.turn(first?.type === 'timer' ? [] : inputs);
  }

  #host(): ActorHost<ActorPorts> {
    const base: ActorHost<ActorPorts> = {
      ports: {
        router: { send: ignore },
        storage: { write: ignore, forget: ignore },
        logger: { log: ignore },
      },
      clock: { now: () => this.#now },
      random: { uint32: () => this.#draw() },
      // A host that waits for its disk and one that does not ask for the same effects in the same
      // order, so the replay's disk is always slow, and the recording says when it is done.
      commit: () => false,
      wakeAt: ignore,
      record: (now, inputs) => this.#compareBatch(now, inputs),
    };
    const own = this.#recording.portNames.map((name) => [name, this.#ownPort(name)]);
    const ports = {
      ...base.ports,
      ...Object.fromEntries(own),
      ...watchOutputs(base, this.#outputs),
    };
    return { ...base, ports };
  }

  /** Answers what the recorded port answered. */
  #ownPort(port: string): unknown {
    const call = (method: string, args: readonly unknown[]): unknown => {
      foldCall(this.#outputs, port, method, args);
      const answer = this.#recording.returns[this.#returned++] as [boolean, unknown] | undefined;
      return answer?.[0] === true ? answer[1] : undefined;
    };
    const get = (_: unknown, method: string | symbol) => {
      return (...args: readonly unknown[]) => call(String(method), args);
    };
    return new Proxy({}, { get });
  }

  #draw(): number {
    const value = this.#recording.draws[this.#drawn++];
    if (value === undefined) this.#differs('more random numbers were drawn');
    return value ?? 0;
  }

  #compareBatch(now: Micros, inputs: readonly Input[]): void {
    this.#compareOutputs();
    const expected = this.#recording.batches[this.#entered];
    if (expected === undefined || expected.now !== now || !areEqual(expected.inputs, inputs)) {
      this.#differs('another batch entered: its timers differ');
    }
    this.#entered++;
  }

  #compareOutputs(): void {
    if (this.#outputs.digest() !== this.#recording.outputs[this.#entered]) {
      this.#differs('what was sent, written or asked of a port before this batch');
    }
  }

  #differs(what: string): void {
    this.#difference ??= { type: 'differs', batch: this.#entered, what };
  }
}

/** The router and storage ports, with all that passes folded into a hash. */
function watchOutputs(
  host: ActorHost<ActorPorts>,
  outputs: TraceHash,
): Pick<ActorPorts, 'router' | 'storage'> {
  const { router, storage } = host.ports;
  return {
    router: {
      send: (message) => {
        foldOutgoing(outputs, message);
        router.send(message);
      },
    },
    storage: {
      write: (record, token) => {
        outputs.fold(2);
        outputs.foldInteger(token);
        for (const part of record instanceof Uint8Array ? [record] : record) {
          outputs.foldBytes(part);
        }
        storage.write(record, token);
      },
      forget: (before) => storage.forget(before),
    },
  };
}

function watchPort(
  port: string,
  target: unknown,
  outputs: TraceHash,
  returned: (answer: readonly [boolean, unknown]) => void,
): unknown {
  return new Proxy(target as object, {
    get(object, method) {
      const value = Reflect.get(object, method) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]) => {
        foldCall(outputs, port, String(method), args);
        const answer: unknown = Reflect.apply(value, object, args);
        returned([answer !== undefined, answer ?? null]);
        return answer;
      };
    },
  });
}

function foldOutgoing(outputs: TraceHash, message: Outgoing): void {
  outputs.fold(1);
  outputs.foldString(message.to);
  outputs.fold(codeOfKind(message.kind));
  outputs.foldString(message.rpc ?? 'none');
  outputs.foldInteger(message.correlation ?? 0);
  outputs.foldInteger(message.timeoutMicros ?? 0);
  outputs.foldBytes(payloadCopy(message.payload));
}

function foldCall(outputs: TraceHash, port: string, method: string, args: unknown): void {
  outputs.fold(3);
  outputs.foldString(port);
  outputs.foldString(method);
  outputs.foldValue(args);
}

/** The parts of a host that stay as they are; it may be a class, whose methods a spread loses. */
function forward(
  host: ActorHost<ActorPorts>,
): Omit<ActorHost<ActorPorts>, 'ports' | 'random' | 'clock'> {
  const { observe, watchTimer } = host;
  return {
    commit: (upTo) => host.commit(upTo),
    wakeAt: (deadline) => host.wakeAt(deadline),
    ...(observe && { observe: (observation) => observe.call(host, observation) }),
    ...(watchTimer && { watchTimer: (timer, deadline) => watchTimer.call(host, timer, deadline) }),
  };
}

/** Payloads may be views of buffers that are used again. */
function copyInput(input: Input): Input {
  if (input.type !== 'message') return input;
  const { envelope } = input;
  return { type: 'message', envelope: { ...envelope, payload: envelope.payload.slice() } };
}

function hashState(state: unknown): string {
  const snapshot = state as { value: unknown; context: unknown } | undefined;
  return hashOf([snapshot?.value, snapshot?.context]);
}

function areEqual(a: readonly Input[], b: readonly Input[]): boolean {
  return hashOf(a) === hashOf(b);
}

function ignore(): void {}
