/**
 * S17: configurations follow each other so that quorums of neighbours meet, and a leader appends
 * one only when the one before and an entry of its own term are committed.
 */
import { type Configuration, isJoint, votersOf } from '../../../../machines/raft/configuration.js';
import { configurationIndex } from '../../../../machines/raft/log-metadata.js';
import type { RaftContext } from '../../../../machines/raft/state.js';

export function checkConfigurationSteps(
  before: RaftContext | undefined,
  after: RaftContext,
): string | undefined {
  const all = after.log.configurations;
  if (before?.log.configurations === all) return undefined;
  for (let at = 1; at < all.length; at++) {
    const [, from] = all[at - 1] as (typeof all)[number];
    const [index, to] = all[at] as (typeof all)[number];
    if (!meets(from, to)) {
      return `S17: ${index}: [${votersOf(from)}] and [${votersOf(to)}] have no quorum in common`;
    }
  }
  const { leader, commitIndex, log } = after;
  if (before === undefined || leader === null || before.leader === null) return undefined;
  const isNew = configurationIndex(log) > before.log.lastIndex;
  if (isNew && commitIndex < leader.startIndex) {
    return 'S17: a configuration before anything of the term was committed';
  }
  return undefined;
}

/** Old or new alone may decide nothing that the other could undo. */
function meets(from: Configuration, to: Configuration): boolean {
  // A node that joins knows nobody before the first configuration that it is sent.
  if (from.voters.length === 0) return true;
  const same = (a: readonly string[], b: readonly string[]) => a.join() === b.join();
  if (!isJoint(from) && !isJoint(to)) return same(from.voters, to.voters);
  if (!isJoint(from)) return same(from.voters, to.outgoing);
  if (!isJoint(to)) return same(from.voters, to.voters);
  return same(from.voters, to.voters) && same(from.outgoing, to.outgoing);
}
