/** A client of the scenario `pipeline`: proposes one operation after the other until it is told. */
import { decode, encode } from '../../../actors/codec/positional.js';
import type { Address, Input } from '../../../actors/ports.js';
import type { Prng } from '../../random/prng.js';
import type { Endpoint, Simulation } from '../simulation.js';

const TIMEOUT_MICROS = 500_000;
const THINK_MICROS_MAX = 400_000;

export class ProposingClient {
  readonly #sim: Simulation;
  readonly #name: Address;
  readonly #leader: Address;
  readonly #random: Prng;
  readonly #endpoint: Endpoint;
  readonly #onAcknowledged: (index: number, value: string) => void;
  #doneCount = 0;
  #correlation = 0;
  #goal = Number.POSITIVE_INFINITY;

  constructor(
    sim: Simulation,
    name: Address,
    leader: Address,
    onAcknowledged: (index: number, value: string) => void,
  ) {
    this.#sim = sim;
    this.#name = name;
    this.#leader = leader;
    this.#onAcknowledged = onAcknowledged;
    this.#random = sim.stream(`client.${name}`);
    this.#endpoint = sim.endpoint(name, (input) => this.#hear(input));
  }

  /** What a replica answers when it has applied an operation at that index. */
  static answer(index: number): Uint8Array {
    return encode([index]);
  }

  get isDone(): boolean {
    return this.#doneCount >= this.#goal;
  }

  start(): void {
    this.#propose();
  }

  /** Stops when so many more operations are acknowledged. */
  finishAfter(count: number): void {
    this.#goal = this.#doneCount + count;
  }

  describe(): string {
    return `${this.#name} had ${this.#doneCount} of ${this.#goal} answers`;
  }

  /** The same operation again gets a new entry: the log does not tell repetitions apart. */
  #propose(): void {
    this.#endpoint.send({
      to: this.#leader,
      kind: 'propose',
      rpc: 'request',
      correlation: ++this.#correlation,
      timeoutMicros: TIMEOUT_MICROS,
      payload: encode([this.#value()]),
    });
  }

  #value(): string {
    return `${this.#name}:${this.#doneCount + 1}`;
  }

  #hear(input: Input): void {
    if (input.type !== 'message') {
      this.#propose();
      return;
    }
    const [index] = decode(input.envelope.payload) as [number];
    this.#onAcknowledged(index, this.#value());
    this.#doneCount++;
    if (!this.isDone)
      this.#sim.after(this.#random.uniform(0, THINK_MICROS_MAX), () => this.#propose());
  }
}
