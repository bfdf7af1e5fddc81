/**
 * The table of all reducers, by the name of their action in the chart. A machine is built from a
 * table, so that the simulator can put a wrong one in the place of a right one and see whether the
 * invariants notice; the product is built from this one, and holds no trace of the others.
 */
import { acceptAppend, failOnSecondLeader, rejectStaleAppend } from './append.js';
import {
  adoptTerm,
  answerPreVote,
  answerVote,
  askPreVotes,
  campaign,
  countPreVote,
  countVote,
  refuseVote,
} from './election.js';
import { beat, countAppendResult, countOwnDisk, resign, takeOffice } from './leadership.js';
import { requestChange } from './membership.js';
import type { EventOf } from './messages.js';
import { noteDurable } from './persistence.js';
import { askReads } from './reads.js';
import { propose, refuse } from './replication.js';
import {
  acceptSnapshot,
  countSnapshotResult,
  rejectStaleSnapshot,
  takeSnapshot,
} from './snapshot.js';
import { configurationOf, type RaftContext, type Result } from './state.js';
import { dropElectionTimer, follow, rearmElection, redraw } from './timing.js';
import { beginTransfer, refuseAdmin, refuseTransfer } from './transfer.js';

function tellStatus(context: RaftContext, { waiter }: EventOf<'statusRequested'>): Result {
  const { id, currentTerm, leader, leaderId, commitIndex, log } = context;
  const status = {
    id,
    currentTerm,
    isLeader: leader !== null,
    leader: leaderId,
    commitIndex,
    lastIndex: log.lastIndex,
    firstIndex: log.firstIndex,
    snapshotIndex: log.snapshot.index,
    configuration: configurationOf(context),
  };
  return [context, [{ type: 'answerStatus', waiter, status }]];
}

export const RAFT_REDUCERS = {
  acceptAppend,
  acceptSnapshot,
  adoptTerm,
  answerPreVote,
  answerVote,
  askPreVotes,
  askReads,
  beat,
  beginTransfer,
  campaign,
  countAppendResult,
  countOwnDisk,
  countPreVote,
  countSnapshotResult,
  countVote,
  dropElectionTimer,
  failOnSecondLeader,
  follow,
  noteDurable,
  propose,
  rearmElection,
  redraw,
  refuse,
  refuseAdmin,
  refuseTransfer,
  refuseVote,
  rejectStaleAppend,
  rejectStaleSnapshot,
  requestChange,
  resign,
  takeOffice,
  takeSnapshot,
  tellStatus,
};

export type RaftReducers = typeof RAFT_REDUCERS;
