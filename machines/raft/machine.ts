/**
 * The chart of a Raft node: which role hears what. Beside the roles stand what has a life of its
 * own: the membership, which is joint for a while, and the receiving of a snapshot. Both follow
 * from the log and from messages, in whatever role the node is.
 */
import { setup } from 'xstate';
import { reducerFor } from '../reducer.js';
import { isJoint } from './configuration.js';
import type { RaftEffect } from './effects.js';
import { canCampaign, hasVotes, isLoyal } from './election.js';
import { lacksQuorum } from './leadership.js';
import { isCatchingUp, isRemoved } from './membership.js';
import type { EventOf, RaftEvent } from './messages.js';
import { RAFT_REDUCERS, type RaftReducers } from './reducers.js';
import { configurationOf, initialContext, type RaftContext, type RaftInput } from './state.js';
import { isTransferOver, mayTransfer } from './transfer.js';

interface RaftTypes {
  context: RaftContext;
  events: RaftEvent;
  emitted: RaftEffect;
  input: RaftInput;
  tags: 'leads' | 'acceptsProposals';
}

interface Guarded {
  readonly context: RaftContext;
  readonly event: RaftEvent;
}

const on = reducerFor<RaftContext, RaftEvent, RaftEffect>();

function termOf(event: RaftEvent): number {
  return (event as { term: number }).term;
}

function isNewer({ context, event }: Guarded): boolean {
  return termOf(event) > context.currentTerm;
}

function isDue({ context, event }: Guarded): boolean {
  const { now } = event as EventOf<'electionTimer'>;
  return now >= context.electionDeadline && canCampaign(context);
}

const GUARDS = {
  isNewerTerm: isNewer,
  isStaleTerm: ({ context, event }: Guarded) => termOf(event) < context.currentTerm,
  /** Answers to pre-votes name the term that was asked for: only a refusal's is a real one. */
  isNewerRefusal: (it: Guarded) => {
    return !(it.event as EventOf<'preVoteResult'>).isGranted && isNewer(it);
  },
  isDisloyal: ({ context, event }: Guarded) => {
    const { isTransfer, now } = event as EventOf<'requestVote'>;
    return !isTransfer && isLoyal(context, now);
  },
  isElectionDue: isDue,
  isPreVoteDue: (it: Guarded) => isDue(it) && it.context.options.preVote,
  mayTakeOver: ({ context, event }: Guarded) => {
    return termOf(event) === context.currentTerm && canCampaign(context);
  },
  hasVotes: ({ context }: Guarded) => hasVotes(context),
  lacksQuorum: ({ context, event }: Guarded) => {
    return lacksQuorum(context, (event as EventOf<'heartbeatTimer'>).now);
  },
  isRemoved: ({ context }: Guarded) => isRemoved(context),
  mayTransfer: ({ context, event }: Guarded) => {
    return mayTransfer(context, event as EventOf<'transferRequested'>);
  },
  isTransferOver: ({ context }: Guarded) => isTransferOver(context),
  isJoint: ({ context }: Guarded) => isJoint(configurationOf(context)),
  isSimple: ({ context }: Guarded) => !isJoint(configurationOf(context)),
  isCatchingUp: ({ context }: Guarded) => isCatchingUp(context),
  hasCaughtUp: ({ context }: Guarded) => !isCatchingUp(context),
  isReceiving: ({ context }: Guarded) => context.incoming !== null,
  isNotReceiving: ({ context }: Guarded) => context.incoming === null,
};

function actionsOf(r: RaftReducers) {
  return {
    acceptAppend: on('appendEntries', r.acceptAppend),
    acceptSnapshot: on('installSnapshot', r.acceptSnapshot),
    adoptTerm: on(['voteResult', 'preVoteResult', 'appendResult', 'snapshotResult'], r.adoptTerm),
    answerPreVote: on('preVote', r.answerPreVote),
    answerVote: on('requestVote', r.answerVote),
    askPreVotes: on('*', r.askPreVotes),
    askReads: on('readsRequested', r.askReads),
    beat: on('heartbeatTimer', r.beat),
    beginTransfer: on('transferRequested', r.beginTransfer),
    campaign: on('*', r.campaign),
    countAppendResult: on('appendResult', r.countAppendResult),
    countOwnDisk: on('persisted', r.countOwnDisk),
    countPreVote: on('preVoteResult', r.countPreVote),
    countSnapshotResult: on('snapshotResult', r.countSnapshotResult),
    countVote: on('voteResult', r.countVote),
    dropElectionTimer: on('electionTimer', r.dropElectionTimer),
    failOnSecondLeader: on(['appendEntries', 'installSnapshot'], r.failOnSecondLeader),
    follow: on('*', r.follow),
    noteDurable: on('persisted', r.noteDurable),
    propose: on('propose', r.propose),
    rearmElection: on('electionTimer', r.rearmElection),
    redraw: on('electionTimer', r.redraw),
    refuse: on(['propose', 'readsRequested'], r.refuse),
    refuseAdmin: on(['transferRequested', 'changeRequested'], r.refuseAdmin),
    refuseTransfer: on('transferRequested', r.refuseTransfer),
    refuseVote: on('requestVote', r.refuseVote),
    rejectStaleAppend: on('appendEntries', r.rejectStaleAppend),
    rejectStaleSnapshot: on('installSnapshot', r.rejectStaleSnapshot),
    requestChange: on('changeRequested', r.requestChange),
    resign: on('*', r.resign),
    takeOffice: on('*', r.takeOffice),
    takeSnapshot: on('snapshotTaken', r.takeSnapshot),
    tellStatus: on('statusRequested', r.tellStatus),
  };
}

const leads = [
  { guard: 'isStaleTerm', actions: 'rejectStaleAppend' },
  { target: 'follower', actions: 'acceptAppend' },
] as const;
const sends = [
  { guard: 'isStaleTerm', actions: 'rejectStaleSnapshot' },
  { target: 'follower', actions: 'acceptSnapshot' },
] as const;
const nextCampaign = [
  { guard: 'isPreVoteDue', target: 'preCandidate', reenter: true, actions: 'redraw' },
  { guard: 'isElectionDue', target: 'candidate', reenter: true, actions: 'redraw' },
  { actions: 'rearmElection' },
] as const;

export const raftMachine = setup({
  types: {} as RaftTypes,
  guards: GUARDS,
  actions: actionsOf(RAFT_REDUCERS),
}).createMachine({
  id: 'raft',
  description: 'One server of a replicated log.',
  type: 'parallel',
  context: ({ input }) => initialContext(input),
  states: {
    role: {
      description: 'What the server is to the others.',
      initial: 'follower',
      on: {
        preVote: { actions: 'answerPreVote' },
        requestVote: [
          { guard: 'isDisloyal', actions: 'refuseVote' },
          { guard: 'isNewerTerm', target: '.follower', actions: 'answerVote' },
          { actions: 'answerVote' },
        ],
        preVoteResult: { guard: 'isNewerRefusal', target: '.follower', actions: 'adoptTerm' },
        voteResult: { guard: 'isNewerTerm', target: '.follower', actions: 'adoptTerm' },
        appendResult: { guard: 'isNewerTerm', target: '.follower', actions: 'adoptTerm' },
        snapshotResult: { guard: 'isNewerTerm', target: '.follower', actions: 'adoptTerm' },
        persisted: { actions: 'noteDurable' },
        snapshotTaken: { actions: 'takeSnapshot' },
        statusRequested: { actions: 'tellStatus' },
        propose: { actions: 'refuse' },
        readsRequested: { actions: 'refuse' },
        transferRequested: { actions: 'refuseAdmin' },
        changeRequested: { actions: 'refuseAdmin' },
        electionTimer: nextCampaign.map((it) => {
          return 'target' in it ? { ...it, target: `.${it.target}` as const } : it;
        }),
      },
      states: {
        follower: {
          description: 'Takes what the leader sends; waits for its silence.',
          meta: { source: 'Raft §5.1-5.3', timers: { election: 'T..2T' } },
          entry: 'follow',
          on: {
            appendEntries: [
              { guard: 'isStaleTerm', actions: 'rejectStaleAppend' },
              { actions: 'acceptAppend' },
            ],
            installSnapshot: [
              { guard: 'isStaleTerm', actions: 'rejectStaleSnapshot' },
              { actions: 'acceptSnapshot' },
            ],
            timeoutNow: { guard: 'mayTakeOver', target: 'candidate' },
          },
        },
        preCandidate: {
          description: 'Asks whether an election could be won, in a term that nobody enters.',
          meta: { source: 'thesis §9.6', timers: { election: 'T..2T' } },
          entry: 'askPreVotes',
          always: { guard: 'hasVotes', target: 'candidate' },
          on: {
            appendEntries: leads,
            installSnapshot: sends,
            timeoutNow: { guard: 'mayTakeOver', target: 'candidate' },
            preVoteResult: [
              { guard: 'isNewerRefusal', target: 'follower', actions: 'adoptTerm' },
              { actions: 'countPreVote' },
            ],
          },
        },
        candidate: {
          description: 'Has voted for itself in a new term and asks the others.',
          meta: { source: 'Raft §5.2', timers: { election: 'T..2T' } },
          entry: 'campaign',
          always: { guard: 'hasVotes', target: 'leader' },
          on: {
            appendEntries: leads,
            installSnapshot: sends,
            voteResult: [
              { guard: 'isNewerTerm', target: 'follower', actions: 'adoptTerm' },
              { actions: 'countVote' },
            ],
          },
        },
        leader: {
          description: 'Appends and replicates, and counts what is on disk.',
          meta: { source: 'Raft §5.3-5.4, §8', timers: { heartbeat: 'H' } },
          tags: 'leads',
          initial: 'serving',
          entry: 'takeOffice',
          exit: 'resign',
          always: { guard: 'isRemoved', target: 'follower' },
          on: {
            appendEntries: [
              { guard: 'isStaleTerm', actions: 'rejectStaleAppend' },
              { guard: 'isNewerTerm', target: 'follower', actions: 'acceptAppend' },
              { actions: 'failOnSecondLeader' },
            ],
            installSnapshot: [
              { guard: 'isStaleTerm', actions: 'rejectStaleSnapshot' },
              { guard: 'isNewerTerm', target: 'follower', actions: 'acceptSnapshot' },
              { actions: 'failOnSecondLeader' },
            ],
            appendResult: [
              { guard: 'isNewerTerm', target: 'follower', actions: 'adoptTerm' },
              { actions: 'countAppendResult' },
            ],
            snapshotResult: [
              { guard: 'isNewerTerm', target: 'follower', actions: 'adoptTerm' },
              { actions: 'countSnapshotResult' },
            ],
            persisted: { actions: ['noteDurable', 'countOwnDisk'] },
            heartbeatTimer: [{ guard: 'lacksQuorum', target: 'follower' }, { actions: 'beat' }],
            readsRequested: { actions: 'askReads' },
            electionTimer: { actions: 'dropElectionTimer' },
          },
          states: {
            serving: {
              description: 'Takes proposals.',
              meta: { source: 'Raft §5.3' },
              tags: 'acceptsProposals',
              on: {
                propose: { actions: 'propose' },
                changeRequested: { actions: 'requestChange' },
                transferRequested: [
                  { guard: 'mayTransfer', target: 'transferring', actions: 'beginTransfer' },
                  { actions: 'refuseTransfer' },
                ],
              },
            },
            transferring: {
              description: 'Hands its office to another server, and takes no proposals.',
              meta: { source: 'thesis §3.10' },
              always: { guard: 'isTransferOver', target: 'serving' },
            },
          },
        },
      },
    },
    membership: {
      description: 'Whose agreement counts.',
      initial: 'settled',
      states: {
        settled: {
          description: 'One set of voters, and nobody asked this leader for another.',
          meta: { source: 'Raft §6' },
          always: [
            { guard: 'isJoint', target: 'joint' },
            { guard: 'isCatchingUp', target: 'catchingUp' },
          ],
        },
        catchingUp: {
          description: 'New voters learn the log before they count.',
          meta: { source: 'thesis §4.2.1' },
          always: [
            { guard: 'isJoint', target: 'joint' },
            { guard: 'hasCaughtUp', target: 'settled' },
          ],
        },
        joint: {
          description: 'The old and the new voters must both agree.',
          meta: { source: 'Raft §6' },
          always: { guard: 'isSimple', target: 'settled' },
        },
      },
    },
    snapshot: {
      description: 'Whether a snapshot is on its way to this server.',
      initial: 'none',
      states: {
        none: {
          description: 'The log goes on where it ends.',
          meta: { source: 'Raft §7' },
          always: { guard: 'isReceiving', target: 'receiving' },
        },
        receiving: {
          description: 'Pieces of a snapshot have come, and some are missing.',
          meta: { source: 'Raft §7' },
          always: { guard: 'isNotReceiving', target: 'none' },
        },
      },
    },
  },
});

/** The same chart with other reducers: how the simulator breaks a rule to see it noticed. */
export function createRaftMachine(reducers: RaftReducers): typeof raftMachine {
  return raftMachine.provide({ actions: actionsOf(reducers) });
}
