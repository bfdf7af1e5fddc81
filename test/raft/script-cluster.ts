/**
 * A cluster at a table, for scripts: machines without hosts, whose messages wait until the script
 * delivers, drops or keeps them. Disks are at once, unless the script holds one.
 */
import type { Configuration } from '../../machines/raft/configuration.js';
import type { RaftEffect } from '../../machines/raft/effects.js';
import { checkDelta, checkState, roleOf } from '../../machines/raft/invariants.js';
import { appendTo, type LogMetadata, logAfter, runsOf } from '../../machines/raft/log-metadata.js';
import { raftMachine } from '../../machines/raft/machine.js';
import type { RaftEvent, RaftMessage } from '../../machines/raft/messages.js';
import { DEFAULT_OPTIONS } from '../../machines/raft/state.js';
import { createStepper } from '../../machines/step.js';

const MILLI = 1000;

type State = ReturnType<ReturnType<typeof createStepper<typeof raftMachine>>['initial']>[0];

interface Node {
  state: State;
  isHeld: boolean;
  /** What waits for the disk. */
  held: Message[];
  written: number;
}

/** How a node begins. */
export interface Start {
  readonly terms: readonly number[];
  readonly term: number;
  readonly appendBytesMax?: number;
}

interface Message {
  readonly from: string;
  readonly to: string;
  readonly event: RaftMessage;
}

export class ScriptCluster {
  readonly #stepper = createStepper(raftMachine);
  readonly #nodes = new Map<string, Node>();
  readonly #cuts = new Set<string>();
  #wire: Message[] = [];
  #now = 0;
  #out: string[] = [];

  /** What has happened since the last call, a line each. */
  takeOutput(): string[] {
    return this.#out.splice(0);
  }

  /** `terms` is the log that it has, `[1, 1, 4]`; none of it is known to be committed. */
  add(name: string, configuration: Configuration, start: Start): void {
    const { terms, term, ...options } = start;
    let log: LogMetadata = logAfter({ index: 0, term: 0, configuration });
    for (const [at, it] of terms.entries()) {
      log = appendTo(log, { first: at + 1, runs: [[it, 1]], configurations: [], sizeBytes: 1 });
    }
    const [state, effects] = this.#stepper.initial({
      id: name,
      options: { ...DEFAULT_OPTIONS, ...options },
      currentTerm: term,
      votedFor: null,
      log,
      now: this.#now,
      draw: 0,
    });
    this.#nodes.set(name, { state, isHeld: false, held: [], written: 0 });
    this.#perform(name, effects);
  }

  /** It loses its volatile state; the disk has what it had written, unless that was held. */
  restart(name: string): void {
    const { context } = this.#of(name).state;
    const { log, currentTerm, votedFor, options } = context;
    const [state, effects] = this.#stepper.initial({
      id: name,
      options,
      currentTerm,
      votedFor,
      log,
      now: this.#now,
      draw: 0,
    });
    this.#nodes.set(name, { state, isHeld: false, held: [], written: 0 });
    this.#perform(name, effects);
  }

  /** Time passes for everybody; no timer fires by itself. */
  pass(millis: number): void {
    this.#now += millis * MILLI;
  }

  campaign(name: string): void {
    const { electionDeadline } = this.#of(name).state.context;
    this.#now = Math.max(this.#now, electionDeadline);
    this.step(name, { type: 'electionTimer', now: this.#now, draw: 0 });
  }

  beat(name: string): void {
    this.step(name, { type: 'heartbeatTimer', now: this.#now });
  }

  propose(name: string, count: number): void {
    const entries = new Uint8Array(count);
    const waiters = Array<number>(count).fill(0);
    this.step(name, { type: 'propose', now: this.#now, count, entries, waiters });
  }

  read(name: string): void {
    this.step(name, { type: 'readsRequested', now: this.#now, waiters: ['reader'] });
  }

  transfer(name: string, target: string): void {
    this.step(name, { type: 'transferRequested', now: this.#now, target, waiter: 'operator' });
  }

  change(name: string, voters: readonly string[]): void {
    const membership = { voters, learners: [] };
    this.step(name, { type: 'changeRequested', now: this.#now, membership, waiter: 'operator' });
  }

  /** From now on its disk takes what it is given, and answers nothing. */
  hold(name: string): void {
    this.#of(name).isHeld = true;
  }

  sync(name: string): void {
    const node = this.#of(name);
    node.isHeld = false;
    this.#settle(name, node);
  }

  cut(from: string, to: string): void {
    this.#cuts.add(`${from}->${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Delivers what waits on these links (all, when none is named), once. */
  deliver(links: readonly string[]): void {
    const isMeant = ({ from, to }: Message) => {
      return links.length === 0 || links.includes(`${from}->${to}`);
    };
    const now = this.#wire.filter(isMeant);
    this.#wire = this.#wire.filter((message) => !isMeant(message));
    for (const message of now) this.#arrive(message);
  }

  drop(links: readonly string[]): void {
    this.#wire = this.#wire.filter(({ from, to }) => !links.includes(`${from}->${to}`));
  }

  /** Delivers until nobody has anything to say. */
  stabilize(): void {
    for (let round = 0; this.#wire.length > 0; round++) {
      if (round > 200) throw new Error('the cluster does not come to rest');
      this.deliver([]);
    }
  }

  status(names: readonly string[]): void {
    for (const [name, { state }] of this.#nodes) {
      if (names.length > 0 && !names.includes(name)) continue;
      const { currentTerm, commitIndex, log } = state.context;
      const runs = runsOf(log, log.firstIndex, log.lastIndex);
      const terms = runs.map(([term, count]) => `${term}x${count}`).join(' ');
      const members = log.configurations.at(-1)?.[1];
      const after = members?.outgoing.length ? ` after ${members.outgoing.join('+')}` : '';
      this.#out.push(
        `${name} ${roleOf(state)} T${currentTerm} commit ${commitIndex} log [${terms}] ` +
          `members ${members?.voters.join('+')}${after}`,
      );
    }
  }

  step(name: string, event: RaftEvent): void {
    const node = this.#of(name);
    const before = node.state;
    const [after, effects] = this.#stepper.step(before, event);
    node.state = after;
    const wrong = checkState(after) ?? checkDelta(before, after);
    if (wrong !== undefined) throw new Error(`${name}: ${wrong}`);
    if (roleOf(before) !== roleOf(after)) {
      this.#out.push(
        `${name}: ${roleOf(before)} -> ${roleOf(after)} T${after.context.currentTerm}`,
      );
    }
    this.#perform(name, effects);
  }

  #of(name: string): Node {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new Error(`there is no node '${name}'`);
    return node;
  }

  #arrive({ from, to, event }: Message): void {
    if (this.#cuts.has(`${from}->${to}`) || !this.#nodes.has(to)) return;
    this.#out.push(`${from}->${to} ${describe(event)}`);
    this.step(to, { ...event, now: this.#now });
  }

  #perform(name: string, effects: readonly RaftEffect[]): void {
    const node = this.#of(name);
    const waiting: Message[] = [];
    for (const effect of effects) {
      if ('token' in effect) node.written = effect.token;
      const message = this.#messageOf(name, effect);
      if (message === undefined) this.#tell(name, effect);
      else if (effect.type === 'send' && effect.after === 'durable') waiting.push(message);
      else this.#wire.push(message);
    }
    node.held.push(...waiting);
    if (!node.isHeld) this.#settle(name, node);
  }

  #settle(name: string, node: Node): void {
    this.#wire.push(...node.held.splice(0));
    const upTo = node.written;
    if (upTo === 0) return;
    node.written = 0;
    this.step(name, { type: 'persisted', now: this.#now, upTo });
  }

  #messageOf(from: string, effect: RaftEffect): Message | undefined {
    const head = { from, now: this.#now };
    if (effect.type === 'send') {
      const event = { ...effect.message, ...head } as RaftMessage;
      return { from, to: effect.to, event };
    }
    if (effect.type !== 'replicate') return undefined;
    const { to, first, last, type: _, ...fields } = effect;
    const count = Math.max(0, last - first + 1);
    const { configurations: all } = this.#of(from).state.context.log;
    const configurations = all.filter(([index]) => index >= first && index <= last && index > 0);
    const entries = new Uint8Array(count);
    const event = { ...fields, ...head, type: 'appendEntries', count, entries, configurations };
    return { from, to, event: event as RaftMessage };
  }

  #tell(name: string, effect: RaftEffect): void {
    if (effect.type === 'apply') this.#out.push(`${name} applies ${effect.first}-${effect.last}`);
    if (effect.type === 'refuse') this.#out.push(`${name} refuses: ${effect.error}`);
    if (effect.type === 'answerReads') this.#out.push(`${name} reads at ${effect.index}`);
    if (effect.type === 'answerAdmin') {
      const { outcome } = effect;
      this.#out.push(
        `${name} answers: ${outcome.ok ? 'done' : `${outcome.error}, ${outcome.detail}`}`,
      );
    }
  }
}

function describe(event: RaftMessage): string {
  switch (event.type) {
    case 'appendEntries': {
      const { term, prevIndex, prevTerm, count, commitIndex } = event;
      return `append T${term} after ${prevIndex}@${prevTerm} n=${count} commit ${commitIndex}`;
    }
    case 'appendResult': {
      const { term, isSuccess, matchIndex, conflictIndex, conflictTerm } = event;
      if (isSuccess) return `has ${matchIndex} T${term}`;
      return `rejects T${term}, look at ${conflictIndex}@${conflictTerm}`;
    }
    case 'preVote':
    case 'requestVote':
      return `${event.type} T${event.term} log ${event.lastIndex}@${event.lastTerm}`;
    case 'preVoteResult':
    case 'voteResult':
      return `${event.type} T${event.term} ${event.isGranted ? 'granted' : 'refused'}`;
    default:
      return `${event.type} T${event.term}`;
  }
}
