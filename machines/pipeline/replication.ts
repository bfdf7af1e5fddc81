/**
 * The reducers of the pipeline: what changes when entries are proposed, stored and acknowledged.
 */
import type { Reduced } from '../reducer.js';
import type {
  Index,
  PipelineContext,
  PipelineEffect,
  PipelineEvent,
  Progress,
  ReplicaId,
} from './messages.js';

type Event<T extends PipelineEvent['type']> = Extract<PipelineEvent, { type: T }>;
type Result = Reduced<PipelineContext, PipelineEffect>;

/** A follower may lag this many entries behind what was sent before sending pauses. */
const WINDOW_ENTRIES = 16_384;

/** The leader appends, and replicates in parallel with its own disk write (thesis §10.2.1). */
export function propose(context: PipelineContext, event: Event<'propose'>): Result {
  const first = context.lastIndex + 1;
  const next = { ...context, lastIndex: context.lastIndex + event.count };
  const [sent, sends] = replicate(next);
  return [
    sent,
    [
      { type: 'persist', first, count: event.count, entries: event.entries },
      { type: 'admit', first, waiters: event.waiters },
      ...sends,
    ],
  ];
}

/** A follower appends what follows its log; anything else it answers with what it has. */
export function append(context: PipelineContext, event: Event<'append'>): Result {
  const { lastIndex } = context;
  const isNext = event.prevIndex === lastIndex && event.count > 0;
  const next = { ...context, lastIndex: isNext ? lastIndex + event.count : lastIndex };
  const effects: PipelineEffect[] = [];
  if (isNext) {
    const { count, entries } = event;
    effects.push({ type: 'persist', first: lastIndex + 1, count, entries });
  }
  effects.push({ type: 'acknowledge', to: event.from, matchIndex: next.lastIndex });
  // Never beyond what this message has verified (Raft §5.3, receiver rule 5).
  const verified = Math.min(event.commitIndex, event.prevIndex + event.count, next.lastIndex);
  const [applied, applies] = commitTo(next, verified);
  return [applied, [...effects, ...applies]];
}

/** The leader learns what a follower has on disk. */
export function countAcknowledgement(
  context: PipelineContext,
  { from, matchIndex }: Event<'appendResult'>,
): Result {
  const followers = context.followers.map(([id, progress]): readonly [ReplicaId, Progress] =>
    id === from && matchIndex > progress.matchIndex
      ? [id, { matchIndex, nextIndex: Math.max(progress.nextIndex, matchIndex + 1) }]
      : [id, progress],
  );
  const [committed, applies] = commitTo({ ...context, followers }, majorityIndex);
  const [sent, sends] = replicate(committed);
  return [sent, [...sends, ...applies]];
}

/** The leader counts itself only now. */
export function countOwnDisk(context: PipelineContext, { upTo }: Event<'persisted'>): Result {
  const durable = { ...context, durableIndex: upTo };
  return context.followers.length === 0 ? [durable, []] : commitTo(durable, majorityIndex);
}

/** Repeats all that is unacknowledged, and tells the commit index to followers that lag. */
export function beat(context: PipelineContext): Result {
  const followers = context.followers.map(([id, { matchIndex }]) => {
    return [id, { matchIndex, nextIndex: matchIndex + 1 }] as const;
  });
  const [sent, sends] = replicate({ ...context, followers }, { even: true });
  return [sent, [...sends, armHeartbeat(context)]];
}

export function armHeartbeat({ heartbeatMicros }: PipelineContext): PipelineEffect {
  return { type: 'setTimer', timer: 'heartbeat', micros: heartbeatMicros };
}

/** Sends each follower what it was not sent, within the window; `even` if that is nothing. */
function replicate(context: PipelineContext, { even = false } = {}): Result {
  const { lastIndex, commitIndex } = context;
  const effects: PipelineEffect[] = [];
  const followers = context.followers.map(([to, progress]): readonly [ReplicaId, Progress] => {
    const { matchIndex, nextIndex } = progress;
    const last = Math.min(lastIndex, matchIndex + WINDOW_ENTRIES);
    if (last < nextIndex && !even) return [to, progress];
    effects.push({ type: 'replicate', to, first: nextIndex, last, commitIndex });
    return [to, { matchIndex, nextIndex: Math.max(nextIndex, last + 1) }];
  });
  return effects.length === 0 ? [context, effects] : [{ ...context, followers }, effects];
}

function commitTo(
  context: PipelineContext,
  index: Index | ((context: PipelineContext) => Index),
): Result {
  const last = typeof index === 'number' ? index : index(context);
  if (last <= context.commitIndex) return [context, []];
  const first = context.commitIndex + 1;
  return [{ ...context, commitIndex: last }, [{ type: 'apply', first, last }]];
}

/** The highest index that a majority of the replicas, the leader among them, has on disk. */
function majorityIndex(context: PipelineContext): Index {
  const stored = [context.durableIndex, ...context.followers.map(([, p]) => p.matchIndex)];
  stored.sort((a, b) => b - a);
  return stored[Math.floor(stored.length / 2)] as Index;
}
