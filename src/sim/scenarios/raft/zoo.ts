/**
 * The zoo: wrong reducers and rows that the scenario can put in the place of right ones, a few
 * lines each, to prove that the invariants see them (CORRECTNESS § 2.0, § 7). They live here, so
 * that the product holds no trace of them.
 */
import { commandOf } from '../../../../actors/raft/entries.js';
import { splitHeader } from '../../../../actors/raft/framing.js';
import { defineRaftActor, type RaftPorts } from '../../../../actors/raft/raft-actor.js';
import { commitTo } from '../../../../machines/raft/append.js';
import type { RaftEffect } from '../../../../machines/raft/effects.js';
import { countAppendResult, quorumIndex } from '../../../../machines/raft/leadership.js';
import { effectiveConfiguration, logAfter } from '../../../../machines/raft/log-metadata.js';
import { createRaftMachine } from '../../../../machines/raft/machine.js';
import { RAFT_REDUCERS, type RaftReducers } from '../../../../machines/raft/reducers.js';
import { chain, type RaftContext, type Result } from '../../../../machines/raft/state.js';

type Definition = ReturnType<typeof defineRaftActor>;

interface Mutant {
  readonly what: string;
  /** What the scenario needs on so that the bug can show. */
  readonly needs?: 'snapshots' | 'membership' | 'leases' | 'transfers';
  readonly reducers?: Partial<RaftReducers>;
  readonly definition?: (right: Definition) => Definition;
}

const right = RAFT_REDUCERS;

/** Everything that a step sends leaves at once. */
function hasty([context, effects]: Result): Result {
  return [context, effects.map((it) => (it.type === 'send' ? { ...it, after: 'now' } : it))];
}

function withoutHardState([context, effects]: Result): Result {
  return [context, effects.filter(({ type }) => type !== 'persistHardState')];
}

function forgetVote(context: RaftContext): RaftContext {
  return { ...context, votedFor: null };
}

function withMatch(context: RaftContext, from: string, matchIndex: number): RaftContext {
  const { leader, log } = context;
  if (leader === null) return context;
  const reached = Math.min(matchIndex, log.lastIndex);
  const progress = leader.progress.map(([id, it]) => {
    if (id !== from || it.matchIndex >= reached) return [id, it] as const;
    return [
      id,
      { ...it, matchIndex: reached, nextIndex: Math.max(it.nextIndex, reached + 1) },
    ] as const;
  });
  return { ...context, leader: { ...leader, progress } };
}

export const RAFT_ZOO: Readonly<Record<string, Mutant>> = {
  'A1-vote-not-written': {
    what: 'a vote is given without being written',
    reducers: { answerVote: (c, e) => withoutHardState(right.answerVote(c, e)) },
  },
  'A3-vote-before-disk': {
    what: 'a vote leaves before it is on disk',
    reducers: { answerVote: (c, e) => hasty(right.answerVote(c, e)) },
  },
  'A4-vote-forgotten': {
    what: 'a message of the current leader clears the vote',
    reducers: {
      acceptAppend: (c, e) => {
        const [next, effects] = right.acceptAppend(c, e);
        return [forgetVote(next), effects];
      },
    },
  },
  'A6-votes-counted-twice': {
    what: 'a vote that comes twice counts twice',
    reducers: {
      countVote: (c, e) => {
        if (!e.isGranted || !c.votes.includes(e.from)) return right.countVote(c, e);
        const others = effectiveConfiguration(c.log).voters.filter((id) => !c.votes.includes(id));
        return [{ ...c, votes: [...c.votes, ...others.slice(0, 1)] }, []];
      },
    },
  },
  'A9-blank-restart': {
    what: 'a restarted node begins without its disk',
    definition: (it) => ({
      ...it,
      boot: (boot, ports) => it.boot({ ...boot, records: [] }, ports),
    }),
  },
  'B1-old-terms-by-counting': {
    what: 'entries of earlier terms are committed by counting (Figure 8)',
    reducers: {
      countAppendResult: (c, e) =>
        chain(countAppendResult(c, e), (next) => commitTo(next, quorumIndex(next))),
    },
  },
  'B2-truncates-always': {
    what: 'a message cuts the log behind its last entry, also when it is an old one',
    reducers: {
      acceptAppend: (c, e) => {
        const end = e.prevIndex + e.count;
        const [next, effects] = right.acceptAppend(c, e);
        const isStored = effects.some((it) => it.type === 'persistEntries');
        const cut = end < next.log.lastIndex && end >= next.commitIndex && !isStored && e.count > 0;
        if (!cut) return [next, effects];
        const first = e.prevIndex + 1;
        const token = next.writtenToken + 1;
        const { entries, runs } = e;
        const log = { ...next.log, lastIndex: end, runs: cutRuns(next, end) };
        const rewrite: RaftEffect = {
          type: 'persistEntries',
          first,
          runs,
          skip: 0,
          entries,
          token,
        };
        const durableIndex = Math.min(next.durableIndex, end);
        return [{ ...next, log, durableIndex, writtenToken: token }, [rewrite, ...effects]];
      },
    },
  },
  'B3-commits-unverified': {
    what: 'a follower commits up to its last entry, not up to what was verified',
    reducers: {
      acceptAppend: (c, e) =>
        chain(right.acceptAppend(c, e), (next) =>
          commitTo(next, Math.min(e.commitIndex, next.log.lastIndex)),
        ),
    },
  },
  'B5-match-from-last-index': {
    what: 'a follower acknowledges its last entry, not the last that was verified',
    reducers: {
      acceptAppend: (c, e) => {
        const [next, effects] = right.acceptAppend(c, e);
        const matchIndex = next.log.lastIndex;
        return [
          next,
          effects.map((it) =>
            it.type === 'send' && it.message.type === 'appendResult' && it.message.isSuccess
              ? { ...it, message: { ...it.message, matchIndex } }
              : it,
          ),
        ];
      },
      countAppendResult: (c, e) =>
        right.countAppendResult(c, { ...e, matchIndex: Math.min(e.matchIndex, c.log.lastIndex) }),
    },
  },
  'B12-own-disk-not-awaited': {
    what: 'the leader counts its own entries before they are on its disk',
    reducers: {
      countAppendResult: (c, e) =>
        right.countAppendResult({ ...c, durableIndex: c.log.lastIndex }, e),
    },
  },
  'B13-half-is-a-quorum': {
    what: 'the leader takes it that one more follower has what one has',
    reducers: {
      countAppendResult: (c, e) => {
        const other = c.leader?.progress.find(([id]) => id !== e.from)?.[0] ?? e.from;
        const guessed = e.isSuccess ? withMatch(c, other, e.matchIndex) : c;
        return right.countAppendResult(guessed, e);
      },
    },
  },
  'G1-acknowledges-before-disk': {
    what: 'entries are acknowledged before they are on disk',
    reducers: { acceptAppend: (c, e) => hasty(right.acceptAppend(c, e)) },
  },
  'D1-change-without-commit': {
    what: 'a change of membership begins before anything of the term is committed',
    needs: 'membership',
    reducers: {
      requestChange: (c, e) => {
        const { leader } = c;
        if (leader === null) return right.requestChange(c, e);
        const early = { ...c, leader: { ...leader, startIndex: 0 } };
        const [next, effects] = right.requestChange(early, e);
        if (next.leader === null) return [next, effects];
        return [{ ...next, leader: { ...next.leader, startIndex: leader.startIndex } }, effects];
      },
    },
  },
  'D5-no-rollback': {
    what: 'a configuration stays in force when its entry is truncated',
    needs: 'membership',
    reducers: {
      acceptAppend: (c, e) => {
        const [next, effects] = right.acceptAppend(c, e);
        if (next.log.configurations.length >= c.log.configurations.length) return [next, effects];
        if (next.log.snapshot !== c.log.snapshot) return [next, effects];
        const log = { ...next.log, configurations: c.log.configurations };
        return [{ ...next, log }, effects];
      },
    },
  },
  'D4-stale-membership': {
    what: 'an installed snapshot leaves the old membership in force',
    needs: 'snapshots',
    reducers: {
      acceptSnapshot: (c, e) => {
        const configuration = effectiveConfiguration(c.log);
        return right.acceptSnapshot(c, { ...e, configuration });
      },
    },
  },
  'D13-wiped-node-returns': {
    what: 'a node comes back under its name without its log',
    definition: (it) => ({
      ...it,
      boot: (boot, ports) => {
        const kept = [...boot.records].filter((record) => isHardState(record));
        return it.boot({ ...boot, records: kept }, ports);
      },
    }),
  },
  'F1-snapshot-drops-suffix': {
    what: 'an installed snapshot drops the entries behind it',
    needs: 'snapshots',
    reducers: {
      acceptSnapshot: (c, e) => {
        // As if the log did not have the snapshot's last entry.
        const { log } = c;
        if (e.lastIndex <= c.commitIndex || !e.isLast) return right.acceptSnapshot(c, e);
        const base = { ...log.snapshot };
        const empty = { ...logAfter(base), lastIndex: base.index };
        return right.acceptSnapshot({ ...c, log: empty, durableIndex: base.index }, e);
      },
    },
  },
  'F4-applied-goes-back': {
    what: 'an old snapshot is installed over a newer state',
    needs: 'snapshots',
    reducers: {
      acceptSnapshot: (c, e) => {
        const commitIndex = Math.min(c.commitIndex, Math.max(e.lastIndex - 1, 0));
        return right.acceptSnapshot({ ...c, commitIndex }, e);
      },
    },
  },
  'F5-snapshot-off-by-one': {
    what: 'a snapshot is filed one entry too early',
    needs: 'snapshots',
    reducers: {
      takeSnapshot: (c, e) => right.takeSnapshot(c, { ...e, index: e.index - 1 }),
    },
  },
  'H1-read-without-round': {
    what: 'a leader answers reads without asking whether it still leads',
    reducers: {
      askReads: (c, { waiters }) => [
        c,
        [{ type: 'answerReads', index: c.commitIndex, waiters, by: 'lease' }],
      ],
    },
  },
  'H2-read-before-first-commit': {
    what: 'a new leader reads at its commit index before it has committed anything',
    reducers: {
      askReads: (c, e) => {
        const { leader } = c;
        if (leader === null) return right.askReads(c, e);
        const [next, effects] = right.askReads({ ...c, leader: { ...leader, startIndex: 0 } }, e);
        if (next.leader === null) return [next, effects];
        return [{ ...next, leader: { ...next.leader, startIndex: leader.startIndex } }, effects];
      },
    },
  },
  'H3-any-answer-confirms': {
    what: 'an answer to an earlier round confirms a read',
    reducers: {
      countAppendResult: (c, e) =>
        right.countAppendResult(c, { ...e, round: c.leader?.round ?? 0 }),
    },
  },
  'H4-lease-too-long': {
    what: 'a lease outlives the promise that it rests on',
    needs: 'leases',
    reducers: {
      beat: (c, e) => {
        const [next, effects] = right.beat(c, e);
        const { leader } = next;
        if (leader === null || leader.leaseFrom === null) return [next, effects];
        return [{ ...next, leader: { ...leader, leaseFrom: e.now } }, effects];
      },
    },
  },
  'S11-applies-twice': {
    what: 'the first entry of every batch is applied twice',
    definition: (it) => ({
      ...it,
      perform: {
        ...it.perform,
        apply: (effect: Extract<RaftEffect, { type: 'apply' }>, ports: RaftPorts) => {
          it.perform.apply(effect, ports);
          const term = (effect.runs[0] as readonly [number, number])[0];
          ports.log.forEach(effect.first, effect.first, (index, entry) => {
            if (effect.last > effect.first + 3) ports.service.apply(index, term, commandOf(entry));
          });
        },
      },
    }),
  },
};

function cutRuns({ log }: RaftContext, end: number): RaftContext['log']['runs'] {
  return log.runs.filter(([, from]) => from <= end);
}

/** Term and vote, which a wiped node would not have: its log alone is gone. */
function isHardState(record: Uint8Array): boolean {
  return (splitHeader(record).fields as readonly unknown[])[0] === 0;
}

/** The node's definition with that bug; the right one without. */
export function raftDefinition(bug: string | undefined): Definition {
  const mutant = bug === undefined ? undefined : RAFT_ZOO[bug];
  const reducers = { ...RAFT_REDUCERS, ...mutant?.reducers };
  const definition = defineRaftActor(createRaftMachine(reducers));
  return mutant?.definition === undefined ? definition : mutant.definition(definition);
}
