/** The chart of one replica of the pipeline: roles are given, not won. */
import { setup } from 'xstate';
import { reducerFor } from '../reducer.js';
import type { PipelineContext, PipelineEffect, PipelineEvent, PipelineInput } from './messages.js';
import {
  append,
  armHeartbeat,
  beat,
  beginEpoch,
  countAcknowledgement,
  countOwnDisk,
  propose,
} from './replication.js';

const on = reducerFor<PipelineContext, PipelineEvent, PipelineEffect>();

export const pipelineMachine = setup({
  types: {} as {
    context: PipelineContext;
    events: PipelineEvent;
    emitted: PipelineEffect;
    input: PipelineInput;
  },
  guards: { isLeader: ({ context }) => context.followers.length > 0 },
  actions: {
    beginEpoch: on('*', beginEpoch),
    startHeartbeat: on('*', (context) => [context, [armHeartbeat(context)]]),
    propose: on('propose', propose),
    append: on('append', append),
    countAcknowledgement: on('appendResult', countAcknowledgement),
    countOwnDisk: on('persisted', countOwnDisk),
    beat: on('heartbeat', beat),
  },
}).createMachine({
  id: 'pipeline',
  description: 'One replica of a log that a fixed leader replicates.',
  context: ({ input }) => initialContext(input),
  initial: 'starting',
  states: {
    starting: {
      description: 'Takes the role that its configuration names.',
      always: [{ guard: 'isLeader', target: 'beginning' }, { target: 'follower' }],
    },
    beginning: {
      description: 'Writes down its new epoch before anybody hears of it.',
      meta: { source: 'Raft §5.1: a term is used once' },
      entry: 'beginEpoch',
      on: { persisted: { target: 'leader', actions: 'countOwnDisk' } },
    },
    leader: {
      description: 'Appends proposals and replicates them, in parallel with its own disk write.',
      meta: { source: 'Raft §5.3, thesis §10.2.1', timers: { heartbeat: 'heartbeatMicros' } },
      tags: 'acceptsProposals',
      entry: 'startHeartbeat',
      on: {
        propose: { actions: 'propose' },
        appendResult: { actions: 'countAcknowledgement' },
        persisted: { actions: 'countOwnDisk' },
        heartbeat: { actions: 'beat' },
      },
    },
    follower: {
      description: 'Appends what follows its log and acknowledges what is on its disk.',
      meta: { source: 'Raft §5.3' },
      on: {
        append: { actions: 'append' },
      },
    },
  },
});

function initialContext(input: PipelineInput): PipelineContext {
  const { id, leader, replicas, heartbeatMicros, lastIndex, bases } = input;
  const others = id === leader ? replicas.filter((replica) => replica !== id) : [];
  return {
    id,
    epoch: bases.at(-1)?.[0] ?? 0,
    bases,
    heartbeatMicros,
    lastIndex,
    writeCount: 0,
    durableIndex: lastIndex,
    commitIndex: 0,
    followers: others.map((other) => [
      other,
      { matchIndex: 0, nextIndex: lastIndex + 1, cut: null },
    ]),
  };
}
