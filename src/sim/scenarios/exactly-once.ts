/**
 * Scenario `exactly-once`: clients add numbers at a server over a network that loses, repeats and
 * delays, while everybody crashes and restarts from disk. Every acknowledged addition is on the
 * server's disk, once, in its client's order, and every answer is the right total.
 */
import type { Address } from '../../../actors/ports.js';
import type { Scenario, ScenarioRun, World } from '../scenario.js';
import {
  amountOf,
  type ClientContext,
  clientBinding,
  decodeEntry,
  serverBinding,
} from './ledger.js';

const SERVER = 'server';
const GOAL = 20;

export const exactlyOnce: Scenario = {
  name: 'exactly-once',
  description: 'Additions count once under loss, duplication, crashes and restarts from disk.',
  defaultNodes: 5,
  bugs: {
    'answers-early': 'the server answers before the addition is on disk',
    'adds-twice': 'the server does not look for repeated requests',
    forgets: 'the server restarts without reading its disk',
    'runs-ahead': 'a client sends its next addition before it has written down the last answer',
  },
  start: (world) => new ExactlyOnce(world).run(),
};

class ExactlyOnce {
  readonly #world: World;
  readonly #clients: readonly Address[];
  /** What the server's disk has, checked so far: per client, the total after each addition. */
  readonly #totals = new Map<Address, number[]>();
  #entriesSeen = 0;
  #total = 0;

  constructor(world: World) {
    this.#world = world;
    const count = Math.max(1, world.nodes - 1);
    this.#clients = Array.from({ length: count }, (_, i) => `client-${i + 1}`);
  }

  run(): ScenarioRun {
    const { sim } = this.#world;
    sim.spawn(SERVER, serverBinding, {
      input: {
        answersEarly: this.#world.hasBug('answers-early'),
        addsTwice: this.#world.hasBug('adds-twice'),
        forgets: this.#world.hasBug('forgets'),
      },
    });
    const runsAhead = this.#world.hasBug('runs-ahead');
    for (const name of this.#clients) {
      sim.spawn(name, clientBinding, { input: { server: SERVER, goal: GOAL, runsAhead } });
      this.#totals.set(name, []);
    }
    sim.invariant('ledger.once', () => this.#checkDisk());
    sim.invariant('ledger.acknowledged', () => this.#checkClients());
    const actors = [SERVER, ...this.#clients];
    return {
      faults: { actors, network: actors },
      livenessMicros: 120_000_000,
      isDone: () => this.#clients.every((name) => this.#acknowledged(name) === GOAL),
      describe: () => this.#clients.map((n) => `${n} ${this.#acknowledged(n)}/${GOAL}`).join(', '),
      check: () => this.#checkSum(),
      counters: () => ({ 'ledger.entries': this.#entriesSeen }),
    };
  }

  /** Only what is new on the disk is looked at: a check costs nothing after most events. */
  #checkDisk(): string | undefined {
    const records = this.#world.sim.disk(SERVER).records();
    for (; this.#entriesSeen < records.length; this.#entriesSeen++) {
      const { client, seq, amount } = decodeEntry(records[this.#entriesSeen] as Uint8Array);
      const totals = this.#totals.get(client) as number[];
      if (seq !== totals.length + 1 || amount !== amountOf(seq)) {
        return `the disk has addition ${seq} of ${client} after ${totals.length}`;
      }
      this.#total += amount;
      totals.push(this.#total);
    }
    return undefined;
  }

  #checkClients(): string | undefined {
    for (const name of this.#clients) {
      const context = this.#context(name);
      if (context === undefined) continue;
      const totals = this.#totals.get(name) as number[];
      const { acknowledged, lastTotal } = context;
      if (acknowledged > totals.length) {
        return `${name} was told of ${acknowledged} additions, the disk has ${totals.length}`;
      }
      if (lastTotal !== 0 && lastTotal !== totals[acknowledged - 1]) {
        return `${name} was told the total ${lastTotal}, it was ${totals[acknowledged - 1]}`;
      }
    }
    return undefined;
  }

  #checkSum(): string | undefined {
    let expected = 0;
    for (let seq = 1; seq <= GOAL; seq++) expected += amountOf(seq);
    expected *= this.#clients.length;
    return this.#total === expected ? undefined : `the sum is ${this.#total}, not ${expected}`;
  }

  #acknowledged(name: Address): number {
    return this.#context(name)?.acknowledged ?? 0;
  }

  #context(name: Address): ClientContext | undefined {
    return this.#world.sim.state<{ context: ClientContext }>(name)?.context;
  }
}
