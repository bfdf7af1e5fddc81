/** States that a batch of seeds should reach sometimes (CORRECTNESS § 4.9). */
import { isVoter } from '../../../../machines/raft/configuration.js';
import { type RaftSnapshot, roleOf } from '../../../../machines/raft/invariants.js';
import { configurationOf, type RaftContext } from '../../../../machines/raft/state.js';

type Count = (what: string) => void;

/** Looks at what steps of one life have changed. */
export function countRareStates(before: RaftSnapshot, after: RaftSnapshot, count: Count): void {
  countRoles(before, after, count);
  countLog(before.context, after.context, count);
  countMembership(before, after, count);
  countTransfers(before.context, after.context, count);
}

function countRoles(before: RaftSnapshot, after: RaftSnapshot, count: Count): void {
  const [a, b] = [before.context, after.context];
  const [was, is] = [roleOf(before), roleOf(after)];
  if (was === 'leader' && is !== 'leader' && a.currentTerm === b.currentTerm) {
    count('leader gave up in its term');
  }
  const hasOldTail = a.log.runs.filter(([, from]) => from > a.commitIndex).length >= 2;
  if (was !== 'leader' && is === 'leader' && hasOldTail) {
    count('elected with a tail of two older terms');
  }
  if (was === 'preCandidate' && b.currentTerm > a.currentTerm) count('pre-candidate caught up');
  if (was === 'candidate' && is === 'candidate' && b.currentTerm > a.currentTerm) {
    count('vote split');
  }
}

function countLog(a: RaftContext, b: RaftContext, count: Count): void {
  if (b.log.lastIndex < a.log.lastIndex) count('log truncated');
  if (b.log.snapshot.index > a.log.snapshot.index) {
    const isOwn = b.log.snapshot.index <= a.commitIndex;
    count(isOwn ? 'snapshot taken' : 'snapshot installed');
    if (!isOwn && b.log.lastIndex > b.log.snapshot.index) count('snapshot kept a suffix');
  }
  if (b.incoming !== null && a.incoming === null) count('snapshot begun');
}

function countMembership(before: RaftSnapshot, after: RaftSnapshot, count: Count): void {
  const [a, b] = [before.context, after.context];
  const [was, is] = [roleOf(before), roleOf(after)];
  const isJoint = (it: RaftContext) => configurationOf(it).outgoing.length > 0;
  if (isJoint(b) && !isJoint(a)) count('joint configuration entered');
  if (isJoint(b) && was !== 'leader' && is === 'leader') count('elected in a joint configuration');
  if (was === 'leader' && is !== 'leader' && !isVoter(configurationOf(b), b.id)) {
    count('leader removed itself');
  }
  const isGone = b.log.configurations.length < a.log.configurations.length;
  if (isGone && b.log.snapshot === a.log.snapshot) count('configuration truncated');
  if (b.leader?.change != null && a.leader?.change == null) count('change waits for learners');
}

function countTransfers(
  { leader: a }: RaftContext,
  { leader: b }: RaftContext,
  count: Count,
): void {
  if (b?.transfer != null && a?.transfer == null) count('transfer begun');
  if (b !== null && b.transfer === null && a?.transfer != null) count('transfer given up');
}
