/**
 * Scenario `pipeline`: a log that a fixed leader replicates, while every replica crashes and
 * restarts from its disk at any instant. What a client was told stands at its index for ever. The
 * leader is fixed, so that things get done only while it lives: it is never lost for good.
 */
import { LogCache } from '../../../actors/log-cache.js';
import type { ReplicaInput, ReplicaPorts, Waiter } from '../../../actors/pipeline/replica-actor.js';
import type { Address, Micros } from '../../../actors/ports.js';
import type { PipelineContext } from '../../../machines/pipeline/messages.js';
import type { Scenario, ScenarioRun, World } from '../scenario.js';
import { ProposingClient } from './pipeline-client.js';
import { DurableLog, textOf } from './pipeline-logs.js';
import { BUGS, definitionWith } from './pipeline-zoo.js';

const SECOND: Micros = 1_000_000;
const HEARTBEAT_MICROS: Micros = 100_000;
const CLIENTS = ['client-1', 'client-2'];
const REPLICAS_MIN = 3;
const REPLICAS_MAX = 7;

export const pipelineScenario: Scenario = {
  name: 'pipeline',
  description: 'A log replicated from a fixed leader, under crashes, rot and bad networks.',
  defaultNodes: REPLICAS_MIN,
  bugs: BUGS,
  start: (world) => new PipelineRun(world).run(),
};

class PipelineRun {
  readonly #world: World;
  readonly #replicas: readonly Address[];
  readonly #leader: Address;
  readonly #clients: readonly ProposingClient[];
  /** The entries in the memory of each replica's present life. */
  readonly #logs = new Map<Address, LogCache>();
  readonly #disks: readonly DurableLog[];
  /** What was applied, by anybody, at each index; `[0]` is not used. */
  readonly #applied: string[] = [''];
  /** What was last seen of each replica. */
  readonly #seen = new Map<Address, PipelineContext>();
  #lost: readonly Address[] = [];

  constructor(world: World) {
    this.#world = world;
    const { sim, nodes } = world;
    const count = Math.min(REPLICAS_MAX, Math.max(REPLICAS_MIN, nodes));
    this.#replicas = Array.from({ length: count }, (_, i) => `replica-${i + 1}`);
    this.#leader = this.#replicas[0] as Address;
    this.#disks = this.#replicas.map((name) => new DurableLog(() => sim.disk(name).records()));
    this.#clients = CLIENTS.map((name) => {
      return new ProposingClient(sim, name, this.#leader, (index, value) => {
        this.#acknowledged(index, value);
      });
    });
  }

  run(): ScenarioRun {
    const { sim } = this.#world;
    const bug = Object.keys(BUGS).find((name) => this.#world.hasBug(name));
    const definition = definitionWith(bug);
    for (const id of this.#replicas) {
      const input: ReplicaInput = {
        id,
        leader: this.#leader,
        replicas: this.#replicas,
        heartbeatMicros: HEARTBEAT_MICROS,
      };
      sim.spawn(id, { definition, ports: () => this.#ports(id) }, { input });
    }
    sim.invariant('pipeline.majority', () => this.#checkDisks());
    sim.invariant('pipeline.matching', () => this.#checkLogs());
    for (const client of this.#clients) client.start();
    const followers = this.#replicas.slice(1);
    const minority = Math.floor(followers.length / 2);
    return {
      faults: {
        actors: this.#replicas,
        network: [...this.#replicas, ...CLIENTS],
        expendable: followers,
        lossMax: minority,
        rot: { actors: followers, limit: minority },
      },
      heal: (lost) => {
        this.#lost = lost;
        for (const client of this.#clients) client.finishAfter(5);
      },
      livenessMicros: 120 * SECOND,
      isDone: () => this.#isDone(),
      describe: () => this.#describe(),
      counters: () => ({ 'pipeline.entries': this.#applied.length - 1 }),
    };
  }

  #ports(name: Address): Omit<ReplicaPorts, 'router' | 'timers' | 'storage' | 'logger'> {
    const log = new LogCache({ chunkBytes: 4096 });
    this.#logs.set(name, log);
    this.#seen.delete(name);
    const stateMachine = {
      apply: (index: number, entry: Uint8Array) => this.#apply(name, index, entry),
    };
    return { log, waiters: new Map<number, Waiter>(), stateMachine };
  }

  /** An index is applied with one value, whoever applies it, in whichever life. */
  #apply(name: Address, index: number, entry: Uint8Array): Uint8Array {
    const value = textOf(entry);
    const before = this.#applied[index];
    if (before === undefined && index !== this.#applied.length) {
      this.#world.sim.violate('pipeline.order', `${name} applied ${index} before the ones below`);
    } else if (before !== undefined && before !== value) {
      const detail = `${name} applied '${value}' at ${index}, where '${before}' was applied`;
      this.#world.sim.violate('pipeline.one-value', detail);
    }
    this.#applied[index] = value;
    return ProposingClient.answer(index);
  }

  #acknowledged(index: number, value: string): void {
    if (this.#applied[index] === value) return;
    const detail = `'${value}' was acknowledged at ${index}, which has '${this.#applied[index]}'`;
    this.#world.sim.violate('pipeline.acknowledged', detail);
  }

  /** What is committed is on the disks of a majority, and stays on the leader's. */
  #checkDisks(): string | undefined {
    for (const disk of this.#disks) {
      const cut = disk.read();
      if (cut) this.#world.sim.sometimes('pipeline: tail cut');
    }
    for (const name of this.#replicas) {
      const context = this.#context(name);
      const before = this.#seen.get(name)?.commitIndex ?? 0;
      if (context === undefined || context.commitIndex === before) continue;
      const wrong = this.#checkCommit(name, before, context.commitIndex);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #checkCommit(name: Address, before: number, commitIndex: number): string | undefined {
    if (commitIndex >= this.#applied.length) return `${name} committed ${commitIndex}, has less`;
    for (let index = before + 1; index <= commitIndex; index++) {
      const value = this.#applied[index] as string;
      const holders = this.#disks.filter((disk) => disk.at(index) === value).length;
      if (2 * holders <= this.#replicas.length) {
        return `${name} committed ${index}, which ${holders} disks have`;
      }
    }
    return undefined;
  }

  /** In the leader's epoch, a follower's log is a prefix of the leader's. */
  #checkLogs(): string | undefined {
    const leader = this.#context(this.#leader);
    for (const name of this.#replicas) {
      const context = this.#context(name);
      const before = this.#seen.get(name);
      if (context === undefined || context === before) continue;
      if (leader === undefined || context.epoch !== leader.epoch) {
        this.#seen.set(name, context);
        continue;
      }
      const from = before?.epoch === context.epoch ? before.lastIndex : 0;
      this.#seen.set(name, context);
      const wrong = this.#checkPrefix(name, from, context.lastIndex);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #checkPrefix(name: Address, from: number, lastIndex: number): string | undefined {
    const leader = this.#logs.get(this.#leader) as LogCache;
    if (lastIndex > leader.lastIndex) {
      return `${name} has ${lastIndex} entries, the leader ${leader.lastIndex}`;
    }
    const entries: string[] = [];
    leader.forEach(from + 1, lastIndex, (_, entry) => entries.push(textOf(entry)));
    let wrong: string | undefined;
    this.#logs.get(name)?.forEach(from + 1, lastIndex, (index, entry) => {
      const expected = entries[index - from - 1];
      const value = textOf(entry);
      if (value !== expected) wrong ??= `${name} has '${value}' at ${index}, not '${expected}'`;
    });
    return wrong;
  }

  #isDone(): boolean {
    if (this.#clients.some((client) => !client.isDone)) return false;
    const length = this.#context(this.#leader)?.lastIndex;
    return this.#replicas.every((name) => {
      return this.#lost.includes(name) || this.#context(name)?.commitIndex === length;
    });
  }

  #describe(): string {
    const replicas = this.#replicas.map((name) => {
      const context = this.#context(name);
      if (context === undefined) return `${name} is dead`;
      const { epoch, lastIndex, commitIndex } = context;
      return `${name} in epoch ${epoch} at ${lastIndex}, committed ${commitIndex}`;
    });
    return [...replicas, ...this.#clients.map((client) => client.describe())].join(', ');
  }

  #context(name: Address): PipelineContext | undefined {
    return this.#world.sim.state<{ context: PipelineContext }>(name)?.context;
  }
}
