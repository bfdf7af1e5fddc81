/**
 * Scenario `raft`: a system of up to as many nodes as it is given, under every fault, while clients
 * propose and read and an operator moves the leadership and changes the members. After each event
 * the oracle checks the safety of Raft; when the faults have stopped, a leader must come and stay,
 * and everybody must have the same log (CORRECTNESS § 3).
 */
import { NO_MEMBERS, simpleConfiguration } from '../../../../machines/raft/configuration.js';
import { roleOf } from '../../../../machines/raft/invariants.js';
import {
  configurationOf,
  DEFAULT_OPTIONS,
  type RaftOptions,
} from '../../../../machines/raft/state.js';
import type { Scenario, ScenarioRun, World } from '../../scenario.js';
import { type LoadPlan, RaftClient, RaftOperator } from './clients.js';
import { RaftOracle } from './oracle.js';
import { oracleService, type ServicePlan } from './service.js';
import { RAFT_ZOO, raftDefinition } from './zoo.js';

const MILLI = 1000;
const SECOND = 1_000_000;
/** The leader must then keep its office for that many election time-outs (L2). */
const STABLE_TIMEOUTS = 50;
/** What was sent before the faults stopped may arrive until then. */
const GHOST_MICROS = 25 * SECOND;
/** Faults stop; within this many election time-outs everything is well again (L1, L3, L4, L6). */
const RECOVERY_TIMEOUTS = 60;

export const raftScenario: Scenario = {
  name: 'raft',
  description: 'Raft under all faults, with changes of members, transfers, reads and snapshots.',
  defaultNodes: 5,
  bugs: Object.fromEntries(Object.entries(RAFT_ZOO).map(([name, { what }]) => [name, what])),
  start: (world) => new RaftRun(world).run(),
};

class RaftRun {
  readonly #world: World;
  readonly #names: readonly string[];
  readonly #oracle: RaftOracle;
  readonly #options: RaftOptions;
  readonly #service: ServicePlan;
  readonly #load: LoadPlan;
  readonly #clients: RaftClient[] = [];
  #operator: RaftOperator | undefined;
  #lost: ReadonlySet<string> = new Set();
  /** When everything was well for the first time since the faults stopped, and in which term. */
  #well: { readonly at: number; readonly term: number } | undefined;
  #healedAt = 0;
  #askedAt = 0;
  #doneBefore = -1;

  constructor(world: World) {
    this.#world = world;
    this.#names = Array.from({ length: world.nodes }, (_, i) => `n${i + 1}`);
    const bug = Object.keys(RAFT_ZOO).find((name) => world.hasBug(name));
    const needs = bug === undefined ? undefined : RAFT_ZOO[bug]?.needs;
    this.#oracle = new RaftOracle(world.sim, this.#names);
    this.#options = this.#drawOptions(needs === 'leases');
    this.#service = this.#drawService(needs === 'snapshots');
    this.#load = this.#drawLoad(needs === 'membership' || bug === 'D4-stale-membership');
    world.sim.mark(JSON.stringify({ ...this.#options, ...this.#service, ...this.#load }));
    this.#spawn(bug);
  }

  run(): ScenarioRun {
    const { sim, random } = this.#world;
    const parts = { sim, oracle: this.#oracle, nodes: this.#names, random };
    for (const name of ['client-1', 'client-2']) {
      this.#clients.push(new RaftClient(name, parts, this.#load));
    }
    const { transfers, membership } = this.#load;
    if (transfers || membership) this.#operator = new RaftOperator(parts, this.#load);
    const minority = Math.floor((this.#names.length - 1) / 2);
    const timeout = this.#options.electionMaxMicros;
    // Who is needed when the members change is known only later; and without pre-vote and
    // check-quorum one bad peer may block all others (CORRECTNESS C8).
    const isDispensable = !membership && this.#options.preVote;
    return {
      faults: {
        actors: this.#names,
        network: this.#names,
        expendable: isDispensable ? this.#names.slice(0, minority) : [],
      },
      heal: (lost) => this.#heal(lost),
      livenessMicros: (RECOVERY_TIMEOUTS + STABLE_TIMEOUTS) * timeout + 65 * SECOND,
      isDone: () => this.#isDone(),
      describe: () => this.#describe(),
      check: () => this.#finalCheck(),
      counters: () => this.#counters(),
    };
  }

  #drawOptions(leases: boolean): RaftOptions {
    const { random } = this.#world;
    const electionMinMicros = random.pick([100, 150, 300, 1000] as const) * MILLI;
    const checkQuorum = leases || random.chance(9, 10);
    return {
      ...DEFAULT_OPTIONS,
      electionMinMicros,
      electionMaxMicros: electionMinMicros * 2,
      heartbeatMicros: Math.floor(electionMinMicros / random.uniform(3, 8)),
      preVote: checkQuorum && random.chance(9, 10),
      checkQuorum,
      leaseReads: checkQuorum && (leases || random.chance(1, 3)),
      clockDriftPpm: 50_000,
      windowEntries: random.pick([1, 3, 16, 65_536] as const),
      windowBytes: random.pick([100, 4096, 8 << 20] as const),
      appendBytesMax: random.pick([1, 200, 1 << 20] as const),
      keepEntries: random.pick([0, 0, 3, 20] as const),
      catchUpEntries: random.pick([0, 8, 64] as const),
    };
  }

  #drawService(isNeeded: boolean): ServicePlan {
    const { random } = this.#world;
    const isOn = random.chance(7, 10) || isNeeded;
    const snapshotEvery = random.uniform(1, 50);
    const snapshotBytes = random.pick([0, 100, 300_000] as const);
    return { snapshotEvery: isOn ? snapshotEvery : 0, snapshotBytes };
  }

  #drawLoad(membership: boolean): LoadPlan {
    const { random } = this.#world;
    return {
      paceMicros: random.pick([20, 50, 200] as const) * MILLI,
      readsPercent: random.pick([0, 20, 50] as const),
      transfers: random.chance(1, 2),
      membership: random.chance(1, 2) || membership,
      commandBytes: random.pick([0, 50, 2000] as const),
    };
  }

  #spawn(bug: string | undefined): void {
    const { sim, random } = this.#world;
    const count = random.chance(1, 2) ? this.#names.length : random.uniform(1, this.#names.length);
    const members = this.#names.slice(0, this.#load.membership ? count : this.#names.length);
    const configuration = simpleConfiguration({ voters: members, learners: [] });
    const definition = raftDefinition(bug);
    const ports = oracleService(this.#oracle, this.#service);
    for (const name of this.#names) {
      const own = members.includes(name) ? configuration : NO_MEMBERS;
      sim.spawn(
        name,
        { definition },
        {
          input: { options: this.#options, configuration: own },
          ports,
        },
      );
      this.#oracle.watchDisk(name);
    }
  }

  #heal(lost: readonly string[]): void {
    this.#lost = new Set(lost);
    this.#healedAt = this.#world.sim.now;
    this.#operator?.stop();
    for (const client of this.#clients) client.stop();
  }

  /** A leader that everybody follows, one log, all answered; then the same leader for a while. */
  #isDone(): boolean {
    const { sim } = this.#world;
    const term = this.#settledTerm();
    const timeout = this.#options.electionMaxMicros;
    if (this.#well === undefined) {
      if (term === undefined) {
        this.#poke(sim.now);
        return false;
      }
      this.#well = { at: sim.now, term };
      return false;
    }
    // Without pre-vote and check-quorum a server that is cut off may depose any leader (C1).
    if (!this.#options.preVote) return true;
    const isOver = sim.now - this.#well.at >= STABLE_TIMEOUTS * timeout;
    if (term !== undefined && term !== this.#well.term) {
      const { at } = this.#well;
      // A message from before may still ask somebody to campaign.
      if (sim.now - this.#healedAt < GHOST_MICROS) this.#well = { at: sim.now, term };
      else sim.violate('raft.L2', `the term went from ${this.#well.term} to ${term} after ${at}`);
      return false;
    }
    return isOver && term !== undefined;
  }

  /** From time to time a proposal: progress is what must come true (L3). */
  #poke(now: number): void {
    if (now - this.#askedAt < this.#options.electionMinMicros) return;
    this.#askedAt = now;
    for (const client of this.#clients) client.settle();
    const done = this.#clients.reduce((sum, it) => sum + it.done, 0);
    if (this.#doneBefore < 0) this.#doneBefore = done;
    if (done === this.#doneBefore) this.#clients[0]?.propose();
  }

  /** The term, when all is well; undefined otherwise. */
  #settledTerm(): number | undefined {
    const contexts = this.#live().map((name) => this.#oracle.snapshotOf(name)?.context);
    const leader = contexts.find((it) => it?.leader != null);
    if (leader === undefined || leader.leader === null) return undefined;
    const { currentTerm, log, commitIndex } = leader;
    const configuration = log.configurations.at(-1)?.[1];
    if (configuration === undefined || configuration.outgoing.length > 0) return undefined;
    if (commitIndex < log.lastIndex) return undefined;
    const done = this.#clients.reduce((sum, it) => sum + it.done, 0);
    if (this.#doneBefore < 0 || done === this.#doneBefore) return undefined;
    if (this.#clients.some((it) => it.openCount > 0)) return undefined;
    const members = [...configuration.voters, ...configuration.learners];
    for (const context of contexts) {
      if (context === undefined || !members.includes(context.id)) continue;
      if (context.leaderId !== leader.id || context.currentTerm !== currentTerm) return undefined;
      if (context.commitIndex !== commitIndex || context.log.lastIndex !== log.lastIndex) {
        return undefined;
      }
    }
    return currentTerm;
  }

  #live(): readonly string[] {
    return this.#names.filter((name) => !this.#lost.has(name));
  }

  #describe(): string {
    return this.#live()
      .map((name) => {
        const snapshot = this.#oracle.snapshotOf(name);
        if (snapshot === undefined) return `${name} dead`;
        const { currentTerm, commitIndex, log, leaderId } = snapshot.context;
        const at = `${roleOf(snapshot)} ${currentTerm} of ${leaderId ?? '-'}`;
        const { voters, outgoing } = configurationOf(snapshot.context);
        const members = [voters, outgoing].map((it) => it.join('+')).join(' after ');
        return `${name} ${at} ${commitIndex}/${log.lastIndex} [${members}]`;
      })
      .join(', ');
  }

  /** Equal logs are equal states (S19), and what was done is in the ledger for good (S13). */
  #finalCheck(): string | undefined {
    for (const name of this.#live()) {
      const { applied, state } = this.#oracle.stateOf(name);
      const entry = this.#oracle.ledgerAt(applied);
      if (applied > 0 && entry !== undefined && entry.state !== state) {
        return `S19: ${name} has another state after ${applied} entries`;
      }
    }
    return undefined;
  }

  #counters(): Readonly<Record<string, number>> {
    for (const client of this.#clients) client.settle();
    return {
      'raft.committed': this.#oracle.committed,
      'raft.proposals': this.#clients.reduce((sum, it) => sum + it.proposals, 0),
      'raft.done': this.#clients.reduce((sum, it) => sum + it.done, 0),
    };
  }
}
