/**
 * The load on a simulated Raft system: clients that propose and read, each at a node of its choice,
 * and an operator who moves the leadership about and changes the members.
 */
import type { Input } from '../../../../actors/ports.js';
import {
  type AdminRequest,
  decodeAdminResult,
  decodeProposeResult,
  encodeAdminRequest,
} from '../../../../actors/raft/clients.js';
import { type Membership, membersOf } from '../../../../machines/raft/configuration.js';
import type { Prng } from '../../../random/prng.js';
import type { Endpoint, Simulation } from '../../simulation.js';
import type { RaftOracle } from './oracle.js';

const MILLI = 1000;
const TIMEOUT_MICROS = 500 * MILLI;

export interface LoadPlan {
  /** Mean time between two operations of a client. */
  readonly paceMicros: number;
  readonly readsPercent: number;
  readonly transfers: boolean;
  readonly membership: boolean;
  /** Commands have up to this many bytes. */
  readonly commandBytes: number;
}

interface World {
  readonly sim: Simulation;
  readonly oracle: RaftOracle;
  readonly nodes: readonly string[];
  readonly random: Prng;
}

/** A proposal that a leader took: it is done once the ledger has it there, in that term. */
interface Admitted {
  readonly index: number;
  readonly term: number;
}

export class RaftClient {
  readonly #world: World;
  readonly #plan: LoadPlan;
  readonly #endpoint: Endpoint;
  readonly name: string;
  #correlation = 0;
  #leader: string | undefined;
  #isOver = false;
  readonly #open = new Set<number>();
  readonly #admitted: Admitted[] = [];
  proposals = 0;
  /** Proposals that the ledger has where they were admitted. */
  done = 0;

  constructor(name: string, world: World, plan: LoadPlan) {
    this.name = name;
    this.#world = world;
    this.#plan = plan;
    this.#endpoint = world.sim.endpoint(name, (input) => this.#hear(input));
    this.#next();
  }

  /** No new operations; those that are out still end. */
  stop(): void {
    this.#isOver = true;
  }

  get openCount(): number {
    return this.#open.size;
  }

  #next(): void {
    const { sim, random } = this.#world;
    sim.after(1 + random.exponential(this.#plan.paceMicros), () => {
      if (this.#isOver) return;
      const isRead = random.below(100) < this.#plan.readsPercent;
      if (isRead) this.read();
      else this.propose();
      this.#next();
    });
  }

  /** One proposal at the node that is taken for the leader. */
  propose(): void {
    const { random } = this.#world;
    const size = 8 + random.below(this.#plan.commandBytes + 1);
    const payload = new Uint8Array(size);
    const id = (this.#correlation + 1) * 16 + this.name.charCodeAt(this.name.length - 1) - 48;
    new DataView(payload.buffer).setFloat64(0, id);
    this.proposals++;
    this.#send('raftPropose', payload);
  }

  read(): void {
    this.#world.oracle.readAsked(this.name, this.#correlation + 1);
    this.#send('raftRead', new Uint8Array());
  }

  #send(kind: 'raftPropose' | 'raftRead', payload: Uint8Array): void {
    const { random, nodes } = this.#world;
    // Now and then at a node that is not the leader, or is no more.
    const isGuess = this.#leader === undefined || random.chance(1, 20);
    const to = isGuess ? random.pick(nodes) : (this.#leader as string);
    const correlation = ++this.#correlation;
    this.#open.add(correlation);
    const timeoutMicros = TIMEOUT_MICROS;
    this.#endpoint.send({ to, kind, rpc: 'request', correlation, payload, timeoutMicros });
  }

  #hear(input: Input): void {
    if (input.type === 'noReply') {
      this.#open.delete(input.correlation);
      this.#leader = undefined;
    }
    if (input.type !== 'message') return;
    const { kind, from, payload, correlation } = input.envelope;
    this.#open.delete(correlation);
    if (kind !== 'raftProposeResult') return;
    const result = decodeProposeResult(payload);
    if (result.isLeader) {
      this.#leader = from;
      this.#admitted.push(result);
    } else this.#leader = result.leader ?? undefined;
  }

  /** Looks what has become of the proposals; each is done or lost once its index is committed. */
  settle(): void {
    const { oracle } = this.#world;
    const waiting = this.#admitted.splice(0);
    for (const it of waiting) {
      const entry = oracle.ledgerAt(it.index);
      if (entry === undefined) {
        if (it.index > oracle.committed) this.#admitted.push(it);
      } else if (entry.term === it.term) this.done++;
    }
  }
}

export class RaftOperator {
  readonly #world: World;
  readonly #plan: LoadPlan;
  readonly #endpoint: Endpoint;
  #correlation = 0;
  #isOver = false;
  readonly #open = new Set<number>();

  constructor(world: World, plan: LoadPlan) {
    this.#world = world;
    this.#plan = plan;
    this.#endpoint = world.sim.endpoint('operator', (input) => this.#hear(input));
    this.#next();
  }

  stop(): void {
    this.#isOver = true;
  }

  get openCount(): number {
    return this.#open.size;
  }

  #next(): void {
    const { sim, random } = this.#world;
    sim.after(1 + random.exponential(1_500 * MILLI), () => {
      if (this.#isOver) return;
      const request = this.#draw();
      if (request !== undefined) this.#ask(request);
      this.#next();
    });
  }

  #draw(): AdminRequest | undefined {
    const { random, nodes } = this.#world;
    const { transfers, membership } = this.#plan;
    if (transfers && (!membership || random.chance(1, 2))) {
      return { type: 'transfer', target: random.pick(nodes) };
    }
    if (!membership) return undefined;
    return { type: 'change', membership: this.#drawMembership() };
  }

  #drawMembership(): Membership {
    const { random, nodes, oracle } = this.#world;
    const shuffled = random.shuffle(nodes);
    if (random.chance(1, 3)) {
      // One member more or less than now, as operators do.
      const snapshot = nodes
        .map((name) => oracle.snapshotOf(name))
        .find((it) => it?.context.leader);
      const now = snapshot?.context.log.configurations.at(-1)?.[1];
      if (now !== undefined) {
        const [first = ''] = shuffled;
        const members = membersOf(now);
        const rest = now.voters.filter((id) => id !== first);
        const voters = members.includes(first) && rest.length > 0 ? rest : [...rest, first];
        return { voters, learners: [] };
      }
    }
    const count = random.uniform(1, nodes.length);
    const learners = random.below(nodes.length - count + 1);
    return {
      voters: shuffled.slice(0, count),
      learners: shuffled.slice(count, count + learners),
    };
  }

  #ask(request: AdminRequest): void {
    const { sim, random, nodes, oracle } = this.#world;
    const leader = nodes.find((name) => oracle.snapshotOf(name)?.context.leader);
    const to = leader === undefined || random.chance(1, 5) ? random.pick(nodes) : leader;
    const correlation = ++this.#correlation;
    this.#open.add(correlation);
    sim.sometimes(`raft: ${request.type} asked`);
    this.#endpoint.send({
      to,
      kind: 'raftAdmin',
      rpc: 'request',
      correlation,
      payload: encodeAdminRequest(request),
      timeoutMicros: 20_000 * MILLI,
    });
  }

  #hear(input: Input): void {
    if (input.type === 'noReply') this.#open.delete(input.correlation);
    if (input.type !== 'message') return;
    const { correlation, payload } = input.envelope;
    this.#open.delete(correlation);
    const outcome = decodeAdminResult(payload);
    this.#world.sim.sometimes(`raft: request ${outcome.ok ? 'done' : outcome.error}`);
  }
}
