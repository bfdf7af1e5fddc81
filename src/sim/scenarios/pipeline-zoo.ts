/** Bugs of the replicated log that the scenario `pipeline` must see: one rule broken in each. */

import { encode } from '../../../actors/codec/positional.js';
import { replicaActor } from '../../../actors/pipeline/replica-actor.js';
import { pipelineMachine } from '../../../machines/pipeline/machine.js';
import type {
  PipelineContext,
  PipelineEffect,
  PipelineEvent,
} from '../../../machines/pipeline/messages.js';
import { append, propose } from '../../../machines/pipeline/replication.js';
import { reducerFor } from '../../../machines/reducer.js';

export const BUGS = {
  'counts-early': 'the leader counts its own disk before the sync has ended',
  'acknowledges-early': 'a follower acknowledges entries before they are on its disk',
  'commits-unverified': 'a follower commits up to what it is told, in a log that may differ',
  'keeps-tail': 'a follower comes along to a new epoch with all that it has',
} as const;

const on = reducerFor<PipelineContext, PipelineEvent, PipelineEffect>();

const countsEarly = pipelineMachine.provide({
  actions: {
    propose: on('propose', (context, event) => {
      const [next, effects] = propose(context, event);
      return [{ ...next, durableIndex: next.lastIndex }, effects];
    }),
  },
});

const commitsUnverified = pipelineMachine.provide({
  actions: {
    append: on('append', (context, event) => {
      const [next, effects] = append(context, event);
      const last = Math.min(event.commitIndex, next.lastIndex);
      if (last <= next.commitIndex) return [next, effects];
      const first = next.commitIndex + 1;
      return [{ ...next, commitIndex: last }, [...effects, { type: 'apply', first, last }]];
    }),
  },
});

const keepsTail = pipelineMachine.provide({
  actions: {
    append: on('append', (context, event) => {
      const cut = event.cut && { ...event.cut, index: context.lastIndex };
      return append(context, { ...event, cut });
    }),
  },
});

/** The replica, with that bug. */
export function definitionWith(bug: string | undefined): typeof replicaActor {
  switch (bug) {
    case 'counts-early':
      return { ...replicaActor, machine: countsEarly };
    case 'acknowledges-early':
      return {
        ...replicaActor,
        perform: {
          ...replicaActor.perform,
          acknowledge: ({ to, epoch, matchIndex }, { router }) => {
            router.send({ to, kind: 'appendResult', payload: encode([epoch, matchIndex]) });
          },
        },
      };
    case 'commits-unverified':
      return { ...replicaActor, machine: commitsUnverified };
    case 'keeps-tail':
      return { ...replicaActor, machine: keepsTail };
    default:
      return replicaActor;
  }
}
