import { test } from 'tap';
import type { PipelineContext, PipelineEvent } from '../../../machines/pipeline/messages.js';
import {
  append,
  beginEpoch,
  countAcknowledgement,
  countOwnDisk,
  propose,
} from '../../../machines/pipeline/replication.js';

const ENTRIES = new Uint8Array(0);

function replica(more: Partial<PipelineContext>): PipelineContext {
  return {
    id: 'a',
    epoch: 1,
    bases: [[1, 0]],
    heartbeatMicros: 100,
    lastIndex: 0,
    writeCount: 0,
    durableIndex: 0,
    commitIndex: 0,
    followers: [],
    ...more,
  };
}

function leader(more: Partial<PipelineContext> = {}): PipelineContext {
  const progress = { matchIndex: 0, nextIndex: 1 + (more.lastIndex ?? 0), cut: null };
  const followers = ['b', 'c'].map((id) => [id, progress] as const);
  return replica({ followers, ...more });
}

function appendOf(more: Partial<Extract<PipelineEvent, { type: 'append' }>>) {
  const none = { epoch: 1, cut: null, prevIndex: 0, count: 0, commitIndex: 0 };
  return { type: 'append', from: 'a', entries: ENTRIES, ...none, ...more } as const;
}

test('pipeline: nothing is committed before the leader itself has it on disk', (t) => {
  let [context] = propose(leader(), { type: 'propose', count: 2, entries: ENTRIES, waiters: [] });
  for (const from of ['b', 'c']) {
    const result = { type: 'appendResult', from, epoch: 1, matchIndex: 2 } as const;
    [context] = countAcknowledgement(context, result);
    t.equal(context.commitIndex, 0, 'the followers alone are a majority');
  }
  [context] = countOwnDisk(context, { type: 'persisted', upTo: 2 });
  t.equal(context.commitIndex, 1);
  [context] = countOwnDisk(context, { type: 'persisted', upTo: 3 });
  t.equal(context.commitIndex, 2);
  t.end();
});

test('pipeline: a new life of the leader begins an epoch at the end of its log', (t) => {
  const [context, effects] = beginEpoch(leader({ lastIndex: 7 }));
  t.match(context, {
    epoch: 2,
    bases: [
      [1, 0],
      [2, 7],
    ],
  });
  t.match(effects, [{ type: 'persist', epoch: 2, first: 8, count: 0, token: 8 }]);
  t.end();
});

test('pipeline: a follower of an earlier epoch cuts what the leader’s disk never had', (t) => {
  const bases = [
    [1, 0],
    [2, 4],
    [3, 9],
  ] as const;
  const old = { type: 'appendResult', from: 'b', epoch: 1, matchIndex: 6 } as const;
  const [, effects] = countAcknowledgement(leader({ epoch: 3, bases, lastIndex: 9 }), old);
  t.match(effects, [
    { type: 'replicate', to: 'b', cut: { since: 1, index: 4 }, first: 5, last: 9 },
  ]);

  const follower = replica({ id: 'b', lastIndex: 6, commitIndex: 3 });
  const told = appendOf({ epoch: 3, prevIndex: 9, commitIndex: 5 });
  const [kept, refusal] = append(follower, told);
  t.match(kept, { epoch: 1, lastIndex: 6, commitIndex: 3 }, 'it is not told how to come along');
  t.same(refusal, [{ type: 'acknowledge', to: 'a', epoch: 1, matchIndex: 6 }]);
  const [cut, answer] = append(follower, { ...told, cut: { since: 1, index: 4 } });
  t.match(cut, { epoch: 3, lastIndex: 4, commitIndex: 4 });
  t.match(answer, [
    { type: 'persist', epoch: 3, first: 5, count: 0 },
    { type: 'acknowledge', epoch: 3, matchIndex: 4 },
    { type: 'apply', first: 4, last: 4 },
  ]);
  const [stale, silence] = append(cut, appendOf({ prevIndex: 4, count: 1 }));
  t.same([stale, silence], [cut, []], 'the earlier epoch is over');
  const undone = appendOf({ epoch: 3, cut: { since: 1, index: 2 } });
  t.throws(() => append(follower, undone), /would undo commit 3/);
  t.end();
});
