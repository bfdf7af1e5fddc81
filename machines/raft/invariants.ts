/**
 * What must hold of a node's state at any time, and of any steps of one life. The simulator runs
 * both after every event; each returns what is wrong with the invariant's number (CORRECTNESS
 * § 3.1), or undefined.
 */
import { membersOf } from './configuration.js';
import { configurationIndex, lastTerm, type TermRun, termAt } from './log-metadata.js';
import { progressOf } from './replication.js';
import { configurationOf, type LeaderState, type RaftContext } from './state.js';

/** Terms since the last snapshot, and writes that wait for the disk: neither grows for ever. */
const RUNS_MAX = 100_000;
const SIZES_MAX = 512;

/** The machine's snapshot as the host sees it. */
export interface RaftSnapshot {
  readonly value: unknown;
  readonly context: RaftContext;
}

export function roleOf({ value }: RaftSnapshot): string {
  const role = (value as { role: string | Readonly<Record<string, string>> }).role;
  return typeof role === 'string' ? role : (Object.keys(role)[0] as string);
}

/** Checks one state. */
export function checkState(snapshot: RaftSnapshot): string | undefined {
  const { context } = snapshot;
  return (
    checkOrder(context) ??
    checkRuns(context) ??
    checkConfigurations(context) ??
    checkRole(snapshot) ??
    (context.leader === null ? undefined : checkLeader(context, context.leader))
  );
}

/** Checks what steps of one life have changed. */
export function checkDelta(before: RaftSnapshot, after: RaftSnapshot): string | undefined {
  const [a, b] = [before.context, after.context];
  if (b.currentTerm < a.currentTerm) {
    return `S7: the term went from ${a.currentTerm} back to ${b.currentTerm}`;
  }
  const isSameTerm = a.currentTerm === b.currentTerm;
  if (isSameTerm && a.votedFor !== null && a.votedFor !== b.votedFor) {
    return `S8: the vote of term ${a.currentTerm} went from ${a.votedFor} to ${b.votedFor}`;
  }
  if (b.commitIndex < a.commitIndex) {
    return `S9: the commit index went from ${a.commitIndex} back to ${b.commitIndex}`;
  }
  if (b.log.snapshot.index < a.log.snapshot.index) {
    return `S10: the snapshot went from ${a.log.snapshot.index} back to ${b.log.snapshot.index}`;
  }
  if (isSameTerm && a.leader !== null && b.leader !== null) {
    return checkTenure(a, b, a.leader, b.leader);
  }
  return undefined;
}

/** purged ≤ snapshot ≤ commit ≤ last (S10); the commit index is not beyond the log (S9). */
function checkOrder({ log, commitIndex, durableIndex }: RaftContext): string | undefined {
  const purged = log.firstIndex - 1;
  const isOrdered =
    0 <= purged &&
    purged <= log.snapshot.index &&
    log.snapshot.index <= commitIndex &&
    commitIndex <= log.lastIndex &&
    durableIndex <= log.lastIndex;
  if (isOrdered) return undefined;
  return (
    `S10: purged ${purged}, snapshot ${log.snapshot.index}, commit ${commitIndex}, ` +
    `durable ${durableIndex}, last ${log.lastIndex}`
  );
}

/** Terms never go down along the log, and the runs cover it (S3, S26). */
function checkRuns({ log, currentTerm }: RaftContext): string | undefined {
  if (log.runs.length > RUNS_MAX) return `S26: ${log.runs.length} runs of terms`;
  if (log.sizes.length > SIZES_MAX) return `S26: ${log.sizes.length} marks of sizes`;
  let [term, from]: TermRun = [log.baseTerm, log.firstIndex - 1];
  for (const [at, run] of log.runs.entries()) {
    if (at === 0 ? run[1] !== log.firstIndex : run[1] <= from) return 'S3: the runs have a hole';
    if (at === 0 ? run[0] < term : run[0] <= term) return 'S3: terms go down along the log';
    [term, from] = run;
  }
  if (from > log.lastIndex) return 'S3: a run begins behind the log';
  if (log.runs.length === 0 && log.lastIndex >= log.firstIndex) return 'S3: entries without term';
  return term > currentTerm ? `S7: the log has term ${term}, the node ${currentTerm}` : undefined;
}

/** Every configuration is sound, and they stand in the log in order (S17). */
function checkConfigurations({ log }: RaftContext): string | undefined {
  let before = -1;
  for (const [index, configuration] of log.configurations) {
    if (index <= before) return 'S17: configurations out of order';
    if (index > log.lastIndex) return `S17: a configuration at ${index}, behind the log`;
    before = index;
    const { voters, outgoing, learners, learnersNext } = configuration;
    const votes = [...voters, ...outgoing];
    if (learners.some((id) => votes.includes(id))) return 'S17: a voter is a learner too';
    if (learnersNext.some((id) => !outgoing.includes(id))) return 'S17: a learner from nowhere';
  }
  return undefined;
}

function checkRole(snapshot: RaftSnapshot): string | undefined {
  const { context } = snapshot;
  const role = roleOf(snapshot);
  if ((role === 'leader') !== (context.leader !== null)) return `S28: ${role}, and its office`;
  const stands = role === 'candidate' || role === 'leader';
  if (stands && context.votedFor !== context.id) return `S8: a ${role} that voted for another`;
  if (role === 'leader' && context.leaderId !== context.id) return 'S28: a leader follows another';
  return undefined;
}

function checkLeader(context: RaftContext, leader: LeaderState): string | undefined {
  const { log } = context;
  if (lastTerm(log) !== context.currentTerm) return 'S2: a leader without an entry of its term';
  const members = membersOf(configurationOf(context)).filter((id) => id !== context.id);
  if (members.join() !== leader.progress.map(([id]) => id).join()) {
    return 'S17: a leader replicates to others than its configuration names';
  }
  const uncommitted = log.configurations.filter(([index]) => index > context.commitIndex);
  if (uncommitted.length > 1 && configurationIndex(log) >= leader.startIndex) {
    const own = uncommitted.filter(([index]) => index >= leader.startIndex);
    if (own.length > 0) return 'S17: two configurations are on their way';
  }
  for (const [id, { matchIndex, nextIndex, mode, transfer }] of leader.progress) {
    if (matchIndex >= nextIndex) return `S27: ${id} matches ${matchIndex}, next is ${nextIndex}`;
    if (nextIndex > log.lastIndex + 1) return `S27: ${id} is sent ${nextIndex}, which is not there`;
    if ((mode === 'snapshot') !== (transfer !== null)) return `S28: ${id} is ${mode}`;
  }
  return undefined;
}

/** Within one tenure the log only grows (S2), and nobody's match goes back (S27). */
function checkTenure(
  a: RaftContext,
  b: RaftContext,
  before: LeaderState,
  after: LeaderState,
): string | undefined {
  const { lastIndex } = a.log;
  if (b.log.lastIndex < lastIndex) return `S2: the leader dropped entries from ${lastIndex} on`;
  const wasTerm = termAt(a.log, lastIndex);
  const isTerm = termAt(b.log, lastIndex);
  if (isTerm !== undefined && isTerm !== wasTerm) return `S2: the leader replaced ${lastIndex}`;
  for (const [id, { matchIndex }] of before.progress) {
    const now = progressOf(after, id);
    if (now !== undefined && now.matchIndex < matchIndex && now.matchIndex > 0) {
      return `S27: the match of ${id} went from ${matchIndex} back to ${now.matchIndex}`;
    }
  }
  return undefined;
}
