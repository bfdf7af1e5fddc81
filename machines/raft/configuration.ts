/**
 * Who the members are, and what a majority of them is. During a change of membership both the old
 * and the new voters must agree to everything (joint consensus, Raft §6).
 */

/** The name of a node; the actor's address. */
export type NodeId = string;

/**
 * Sorted lists without repetitions; no node votes and learns at once (CORRECTNESS D16). It is
 * joint while `outgoing` has members.
 */
export interface Configuration {
  /** The voters; in a joint configuration, those of the new one. */
  readonly voters: readonly NodeId[];
  /** The voters of the old configuration while it is joint; else none. */
  readonly outgoing: readonly NodeId[];
  /** Receive the log and do not count (thesis §4.2.1). */
  readonly learners: readonly NodeId[];
  /** Voters of the old configuration that become learners when the joint one is left. */
  readonly learnersNext: readonly NodeId[];
}

/** What a caller wants the members to be. */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

/** Of a node that waits to be told: it has no members and cannot campaign. */
export const NO_MEMBERS: Configuration = simpleConfiguration({ voters: [], learners: [] });

/** More members than this are refused: quorums of so many are slow and nobody meant it. */
export const MEMBERS_MAX = 31;

export function simpleConfiguration({ voters, learners }: Membership): Configuration {
  return { voters: sorted(voters), outgoing: [], learners: sorted(learners), learnersNext: [] };
}

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** `C_old,new`: decisions need a majority of both (Raft §6). */
export function jointConfiguration(from: Configuration, to: Membership): Configuration {
  const becomes = (id: NodeId) => to.learners.includes(id);
  return {
    voters: sorted(to.voters),
    outgoing: from.voters,
    learners: sorted(to.learners.filter((id) => !from.voters.includes(id))),
    learnersNext: from.voters.filter(becomes),
  };
}

/** `C_new`: what is in force when the joint configuration has been left. */
export function afterJoint({ voters, learners, learnersNext }: Configuration): Configuration {
  return simpleConfiguration({ voters, learners: [...learners, ...learnersNext] });
}

/** Everybody that receives the log, sorted. */
export function membersOf(configuration: Configuration): readonly NodeId[] {
  const { voters, outgoing, learners } = configuration;
  return sorted([...voters, ...outgoing, ...learners]);
}

export function isVoter({ voters, outgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || outgoing.includes(id);
}

/** Everybody whose vote counts, sorted. */
export function votersOf({ voters, outgoing }: Configuration): readonly NodeId[] {
  return outgoing.length === 0 ? voters : sorted([...voters, ...outgoing]);
}

/** Whether those for whom `agrees` holds are a quorum; a node without members never is one. */
export function isQuorum(configuration: Configuration, agrees: (id: NodeId) => boolean): boolean {
  const { voters, outgoing } = configuration;
  return isMajority(voters, agrees) && (outgoing.length === 0 || isMajority(outgoing, agrees));
}

function isMajority(voters: readonly NodeId[], agrees: (id: NodeId) => boolean): boolean {
  let count = 0;
  for (const id of voters) if (agrees(id)) count++;
  return count > voters.length / 2;
}

/** The largest number that a quorum has reached; 0 without members. */
export function quorumValue(configuration: Configuration, reached: (id: NodeId) => number): number {
  const { voters, outgoing } = configuration;
  const value = majorityValue(voters, reached);
  return outgoing.length === 0 ? value : Math.min(value, majorityValue(outgoing, reached));
}

function majorityValue(voters: readonly NodeId[], reached: (id: NodeId) => number): number {
  if (voters.length === 0) return 0;
  const values = voters.map(reached).sort((a, b) => b - a);
  return values[Math.floor(values.length / 2)] as number;
}

export function isSameConfiguration(a: Configuration, b: Configuration): boolean {
  return (
    isSame(a.voters, b.voters) &&
    isSame(a.outgoing, b.outgoing) &&
    isSame(a.learners, b.learners) &&
    isSame(a.learnersNext, b.learnersNext)
  );
}

/** What is wrong with the membership that a caller wants, or undefined. */
export function membershipProblem({ voters, learners }: Membership): string | undefined {
  const all = [...voters, ...learners];
  if (voters.length === 0) return 'a membership needs at least one voter';
  if (all.length > MEMBERS_MAX) return `a membership has at most ${MEMBERS_MAX} members`;
  if (new Set(all).size < all.length) return 'a member is named twice';
  return undefined;
}

function sorted(ids: readonly NodeId[]): readonly NodeId[] {
  return [...new Set(ids)].sort();
}

function isSame(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
