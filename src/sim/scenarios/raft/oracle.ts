/**
 * The oracle of the Raft scenarios: it stands outside the system, sees every message that leaves,
 * every record that becomes durable and every entry that is applied, and keeps one ledger of what
 * is committed. Each check names its invariant (CORRECTNESS § 3.1).
 */

import type { Envelope } from '../../../../actors/ports.js';
import { decodeReadResult } from '../../../../actors/raft/clients.js';
import { decodeMessage } from '../../../../actors/raft/wire.js';
import { isQuorum, votersOf } from '../../../../machines/raft/configuration.js';
import {
  checkDelta,
  checkState,
  type RaftSnapshot,
  roleOf,
} from '../../../../machines/raft/invariants.js';
import { termAt } from '../../../../machines/raft/log-metadata.js';
import { holdsLease } from '../../../../machines/raft/reads.js';
import type { RaftContext } from '../../../../machines/raft/state.js';
import type { Simulation } from '../../simulation.js';
import { checkConfigurationSteps } from './configuration-steps.js';
import { type DurableEntry, DurableView, type DurableWatcher } from './durable-view.js';
import { countRareStates } from './rare-states.js';
import { foldEntry } from './state-hash.js';

/** An entry that was committed: what every node must have applied at its index. */
interface LedgerEntry {
  readonly term: number;
  /** Of the state after it. */
  readonly state: number;
}

interface Watched {
  readonly view: DurableView;
  incarnation: number;
  snapshot: RaftSnapshot | undefined;
  applied: number;
  state: number;
}

export class RaftOracle implements DurableWatcher {
  readonly #sim: Simulation;
  readonly #nodes = new Map<string, Watched>();
  /** Index → the entry; the ledger has no holes up to `#committed`. */
  readonly #ledger = new Map<number, LedgerEntry>();
  #committed = 0;
  /** What stands at an index in a term, wherever it was seen first (S3). */
  readonly #entries = new Map<string, DurableEntry & { readonly prevTerm: number | undefined }>();
  readonly #leaders = new Map<number, string>();
  readonly #votes = new Map<string, string>();
  /** Reads under way: what was committed when they were asked for. */
  readonly #reads = new Map<string, number>();
  #wrong: string | undefined;
  readonly #sometimes: (what: string) => void;

  constructor(sim: Simulation, names: readonly string[]) {
    this.#sim = sim;
    this.#sometimes = (what) => sim.sometimes(`raft: ${what}`);
    for (const name of names) {
      const view = new DurableView(name);
      const watched = { view, incarnation: 0, snapshot: undefined, applied: 0, state: 0 };
      this.#nodes.set(name, watched);
    }
    sim.watchSends((envelope) => this.#sent(envelope));
    sim.invariant('raft', () => this.#check());
  }

  /** Looks at the disk of a node that has just been spawned. */
  watchDisk(name: string): void {
    const { view } = this.#of(name);
    this.#sim.disk(name).watch((record) => view.take(record, this));
  }

  /** The highest index that anybody has committed. */
  get committed(): number {
    return this.#committed;
  }

  ledgerAt(index: number): LedgerEntry | undefined {
    return this.#ledger.get(index);
  }

  stateOf(name: string): { readonly applied: number; readonly state: number } {
    return this.#of(name);
  }

  snapshotOf(name: string): RaftSnapshot | undefined {
    return this.#sim.state<RaftSnapshot>(name);
  }

  // ---- what the services report

  /** A life applies an entry (S5, S11, S19). */
  applied(
    name: string,
    incarnation: number,
    entry: { readonly index: number; readonly term: number; readonly command: Uint8Array | null },
  ): void {
    const node = this.#life(name, incarnation);
    const { index, term, command } = entry;
    if (index !== node.applied + 1) {
      this.#fail('S11', `${name} applied ${index} after ${node.applied}`);
    }
    node.applied = index;
    node.state = foldEntry(node.state, index, command);
    this.#commit(name, index, { term, state: node.state });
  }

  /** A life takes a snapshot's state, or begins with it (S18). */
  restored(name: string, incarnation: number, index: number, state: number): void {
    const node = this.#life(name, incarnation);
    if (index < node.applied) this.#fail('S11', `${name} went from ${node.applied} to ${index}`);
    const known = this.#ledger.get(index);
    if (known?.state !== state) {
      this.#fail('S18', `the snapshot at ${index} that ${name} restored is another state`);
    }
    node.applied = index;
    node.state = state;
  }

  #life(name: string, incarnation: number): Watched {
    const node = this.#of(name);
    if (node.incarnation !== incarnation) {
      node.incarnation = incarnation;
      node.applied = 0;
      node.state = 0;
    }
    return node;
  }

  #commit(name: string, index: number, entry: LedgerEntry): void {
    const known = this.#ledger.get(index);
    if (known === undefined) {
      if (index !== this.#committed + 1) this.#fail('S5', `${name} left out ${index - 1}`);
      this.#ledger.set(index, entry);
      this.#committed = index;
      this.#checkQuorumHolds(name, index, entry.term);
      this.#checkLeadersHave(index, entry.term);
      return;
    }
    if (known.term !== entry.term || known.state !== entry.state) {
      this.#fail('S5', `${name} applied another entry at ${index} than was committed`);
    }
  }

  /** Some quorum has it on disk, by the disks themselves (S6). */
  #checkQuorumHolds(name: string, index: number, term: number): void {
    const context = this.#sim.state<RaftSnapshot>(name)?.context;
    // The state is the one before the turn; a life that has just begun has none.
    if (context === undefined) return;
    const configurations = context.log.configurations.map(([, configuration]) => configuration);
    const holds = (id: string) => this.#nodes.get(id)?.view.holds(index, term) === true;
    if (configurations.some((configuration) => isQuorum(configuration, holds))) return;
    const last = configurations.at(-1);
    const who = last === undefined ? [] : votersOf(last).filter(holds);
    this.#pending = { index, term, text: `${name} committed ${index}; only [${who}] have it` };
  }

  /** A configuration that the same turn appended may make it right: judged after the turn. */
  #pending: { readonly index: number; readonly term: number; readonly text: string } | undefined;

  #checkPending(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const holds = (id: string) =>
      this.#nodes.get(id)?.view.holds(pending.index, pending.term) === true;
    for (const [name] of this.#nodes) {
      const context = this.#sim.state<RaftSnapshot>(name)?.context;
      for (const [, configuration] of context?.log.configurations ?? []) {
        if (isQuorum(configuration, holds)) return;
      }
    }
    this.#fail('S6', pending.text);
  }

  /** Leaders of later terms have what is committed (S4). */
  #checkLeadersHave(index: number, term: number): void {
    for (const [name] of this.#nodes) {
      const context = this.#sim.state<RaftSnapshot>(name)?.context;
      if (context === undefined || context.leader === null || context.currentTerm <= term) continue;
      this.#checkHas(context, index, term);
    }
  }

  #checkHas({ id, log, currentTerm }: RaftContext, index: number, term: number): void {
    if (index <= log.snapshot.index || termAt(log, index) === term) return;
    this.#fail('S4', `${id} leads term ${currentTerm} without entry ${index} of term ${term}`);
  }

  // ---- what reaches a disk

  stored(node: string, index: number, entry: DurableEntry, prevTerm: number | undefined): void {
    const key = `${index}.${entry.term}`;
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { ...entry, prevTerm });
      return;
    }
    const isOther =
      known.prevTerm !== undefined && prevTerm !== undefined && known.prevTerm !== prevTerm;
    if (known.hash !== entry.hash || isOther) {
      this.#fail('S3', `${node} has another entry ${index} of term ${entry.term} than others`);
    }
  }

  replaced(node: string, index: number, old: DurableEntry): void {
    this.#sim.sometimes('raft: entry replaced on disk');
    if (this.#ledger.get(index)?.term === old.term) {
      this.#fail('S6b', `${node} replaced the committed entry ${index} of term ${old.term}`);
    }
  }

  hardState(node: string, term: number, votedFor: string | null, before: DurableView): void {
    if (term < before.currentTerm) {
      this.#fail('S7', `${node} wrote term ${term} after ${before.currentTerm}`);
    }
    const isChanged = before.votedFor !== null && before.votedFor !== votedFor;
    if (term === before.currentTerm && isChanged) {
      this.#fail('S8', `${node} wrote another vote in term ${term}`);
    }
  }

  snapshot(node: string, index: number, term: number): void {
    const known = this.#ledger.get(index);
    if (known?.term !== term)
      this.#fail('S18', `${node} wrote a snapshot at ${index}, uncommitted`);
  }

  // ---- what is sent

  #sent(envelope: Envelope): void {
    const { from, to, kind, payload } = envelope;
    if (kind === 'raftReadResult') this.#readAnswered(envelope);
    const node = this.#nodes.get(from);
    if (node === undefined) return;
    const message = decodeMessage({ kind, from, payload }, 0);
    if (message === undefined) return;
    const { view } = node;
    const { type, term } = message;
    const isFuture = type === 'preVote' || (type === 'preVoteResult' && message.isGranted);
    if (term > view.currentTerm + (isFuture ? 1_000_000 : 0)) {
      this.#fail('S30', `${from} sent ${type} of term ${term}, its disk has ${view.currentTerm}`);
    }
    if (type === 'requestVote') this.#noteVote(from, term, from);
    if (type === 'voteResult' && message.isGranted) {
      this.#noteVote(from, term, to);
      const isOnDisk = view.currentTerm === term && view.votedFor === to;
      if (!isOnDisk && view.currentTerm <= term) {
        this.#fail('S12', `${from} granted a vote of term ${term} that is not on its disk`);
      }
    }
    if (type === 'appendEntries' || type === 'installSnapshot') this.#noteLeader(term, from);
    // What an older term's answer promises may have been replaced since, by a newer leader.
    if (term < view.currentTerm) return;
    if (type === 'appendResult' && message.isSuccess && view.lastIndex < message.matchIndex) {
      this.#fail('S12', `${from} acknowledged ${message.matchIndex}, it has ${view.lastIndex}`);
    }
    if (type === 'snapshotResult' && message.isDone && view.lastIndex < message.lastIndex) {
      this.#fail('S12', `${from} acknowledged a snapshot at ${message.lastIndex} too early`);
    }
  }

  #noteVote(node: string, term: number, candidate: string): void {
    const key = `${node}.${term}`;
    const before = this.#votes.get(key);
    if (before !== undefined && before !== candidate) {
      this.#fail('S8', `${node} voted for ${before} and ${candidate} in term ${term}`);
    }
    this.#votes.set(key, candidate);
  }

  #noteLeader(term: number, name: string): void {
    const before = this.#leaders.get(term);
    if (before === undefined) {
      this.#leaders.set(term, name);
      this.#sim.sometimes('raft: leader elected');
    } else if (before !== name) {
      this.#fail('S1', `${before} and ${name} both lead term ${term}`);
    }
  }

  /** A client asks for a read: it must not see less than is committed now (S16). */
  readAsked(client: string, correlation: number): void {
    this.#reads.set(`${client}.${correlation}`, this.#committed);
  }

  #readAnswered({ to, correlation, payload }: Envelope): void {
    const key = `${to}.${correlation}`;
    const floor = this.#reads.get(key);
    this.#reads.delete(key);
    const result = decodeReadResult(payload);
    if (!result.ok || floor === undefined) return;
    this.#sim.sometimes('raft: linearizable read');
    if (result.index < floor) {
      this.#fail('S16', `a read at ${result.index} was answered, ${floor} was committed before`);
    }
  }

  // ---- after every event

  #check(): string | undefined {
    this.#checkPending();
    let leases = 0;
    for (const [name, node] of this.#nodes) {
      const snapshot = this.#sim.state<RaftSnapshot>(name);
      if (snapshot === undefined) {
        node.snapshot = undefined;
        continue;
      }
      const { context } = snapshot;
      if (context.options.leaseReads && context.leader !== null) {
        if (holdsLease(context, this.#sim.actor(name).clock.now())) leases++;
      }
      if (node.snapshot === snapshot) continue;
      const wrong = this.#changed(node, snapshot);
      node.snapshot = snapshot;
      if (wrong !== undefined) this.#wrong ??= `${wrong} (${name})`;
    }
    if (leases > 1) this.#fail('S29', `${leases} nodes hold a lease`);
    return this.#report();
  }

  /** A violation has the name of its invariant: `raft.S6`. */
  #report(): undefined {
    if (this.#wrong === undefined) return undefined;
    const [, id = 'S28', detail = this.#wrong] = /^(S\d+b?): (.*)$/.exec(this.#wrong) ?? [];
    this.#wrong = undefined;
    this.#sim.violate(`raft.${id}`, detail);
    return undefined;
  }

  #changed(node: Watched, snapshot: RaftSnapshot): string | undefined {
    const { context } = snapshot;
    const before = node.snapshot;
    const wrong =
      checkState(snapshot) ??
      (before === undefined ? undefined : checkDelta(before, snapshot)) ??
      checkConfigurationSteps(before?.context, context);
    if (wrong !== undefined) return wrong;
    if (before === undefined && context.log.lastIndex < node.view.lastIndex) {
      return `S13: it begins with ${context.log.lastIndex}, its disk has ${node.view.lastIndex}`;
    }
    if (context.currentTerm < node.view.currentTerm) {
      return `S7: it is in term ${context.currentTerm}, its disk in ${node.view.currentTerm}`;
    }
    if (roleOf(snapshot) === 'leader') this.#checkLeader(context, before?.context);
    if (before !== undefined) countRareStates(before, snapshot, this.#sometimes);
    return undefined;
  }

  #checkLeader(context: RaftContext, before: RaftContext | undefined): void {
    const isNew = before?.leader == null || before.currentTerm !== context.currentTerm;
    if (isNew) {
      this.#noteLeader(context.currentTerm, context.id);
      const last = this.#ledger.get(this.#committed);
      if (last !== undefined && last.term < context.currentTerm) {
        this.#checkHas(context, this.#committed, last.term);
      }
    }
    for (const [id, { matchIndex }] of context.leader?.progress ?? []) {
      const view = this.#nodes.get(id)?.view;
      if (matchIndex === 0 || view === undefined || matchIndex <= view.snapshotIndex) continue;
      const term = termAt(context.log, matchIndex);
      if (term !== undefined && view.termAt(matchIndex) !== term) {
        this.#fail('S27', `${context.id} takes it that ${id} has ${matchIndex} of term ${term}`);
      }
    }
  }

  #of(name: string): Watched {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`'${name}' is not watched`);
    return node;
  }

  #fail(invariant: string, detail: string): void {
    this.#wrong ??= `${invariant}: ${detail}`;
  }
}
