/**
 * The reducers of the pipeline: what changes when entries are proposed, stored and acknowledged.
 */
import type { Reduced } from '../reducer.js';
import type {
  Epoch,
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

/**
 * A new life of the leader. What an earlier one sent and did not get to its disk may be in the logs
 * of followers: the epoch tells those entries apart.
 */
export function beginEpoch(context: PipelineContext): Result {
  const { lastIndex } = context;
  const epoch = context.epoch + 1;
  const bases = [...context.bases, [epoch, lastIndex] as const];
  const entries = new Uint8Array(0);
  const token = lastIndex + 1;
  return [
    { ...context, epoch, bases },
    [{ type: 'persist', epoch, first: lastIndex + 1, count: 0, entries, token }],
  ];
}

/** The leader appends, and replicates in parallel with its own disk write (thesis §10.2.1). */
export function propose(context: PipelineContext, event: Event<'propose'>): Result {
  const first = context.lastIndex + 1;
  const lastIndex = context.lastIndex + event.count;
  const { epoch } = context;
  const { count, entries } = event;
  const next = { ...context, lastIndex };
  const [sent, sends] = replicate(next);
  return [
    sent,
    [
      { type: 'persist', epoch, first, count, entries, token: lastIndex + 1 },
      { type: 'admit', first, waiters: event.waiters },
      ...sends,
    ],
  ];
}

/**
 * A follower appends what follows its log; anything else it answers with what it has. From another
 * epoch it takes nothing before it has cut off what may differ from the leader's log.
 */
export function append(context: PipelineContext, event: Event<'append'>): Result {
  if (event.epoch < context.epoch) return [context, []];
  const [current, isCut] = follow(context, event);
  if (current.epoch !== event.epoch) return [current, [acknowledgement(current, event.from)]];
  const { prevIndex } = event;
  const isNext = prevIndex === current.lastIndex && event.count > 0;
  const count = isNext ? event.count : 0;
  const first = current.lastIndex + 1;
  const writeCount = current.writeCount + (isNext || isCut ? 1 : 0);
  const next = { ...current, lastIndex: current.lastIndex + count, writeCount };
  const effects: PipelineEffect[] = [];
  if (isNext || isCut) {
    const entries = isNext ? event.entries : new Uint8Array(0);
    const { epoch } = event;
    effects.push({ type: 'persist', epoch, first, count, entries, token: writeCount });
  }
  effects.push(acknowledgement(next, event.from));
  // Never beyond what this message has verified (Raft §5.3, receiver rule 5).
  const verified = Math.min(event.commitIndex, prevIndex + event.count, next.lastIndex);
  const [applied, applies] = commitTo(next, verified);
  return [applied, [...effects, ...applies]];
}

/** Comes along to the message's epoch, if the message says how. Whether it did. */
function follow(context: PipelineContext, event: Event<'append'>): [PipelineContext, boolean] {
  const { epoch, cut } = event;
  if (epoch === context.epoch || cut?.since !== context.epoch) return [context, false];
  const lastIndex = Math.min(context.lastIndex, cut.index);
  if (lastIndex < context.commitIndex) {
    throw new Error(`a cut behind ${lastIndex} would undo commit ${context.commitIndex}`);
  }
  return [{ ...context, epoch, lastIndex }, true];
}

function acknowledgement({ epoch, lastIndex }: PipelineContext, to: ReplicaId): PipelineEffect {
  return { type: 'acknowledge', to, epoch, matchIndex: lastIndex };
}

/** The leader learns what a follower has on disk. */
export function countAcknowledgement(
  context: PipelineContext,
  { from, epoch, matchIndex }: Event<'appendResult'>,
): Result {
  const followers = context.followers.map(([id, progress]): readonly [ReplicaId, Progress] => {
    if (id !== from) return [id, progress];
    if (epoch < context.epoch) return [id, outdated(context, progress, epoch, matchIndex)];
    const match = Math.max(progress.matchIndex, matchIndex);
    return [
      id,
      { matchIndex: match, nextIndex: Math.max(progress.nextIndex, match + 1), cut: null },
    ];
  });
  const [committed, applies] = commitTo({ ...context, followers }, majorityIndex);
  const [sent, sends] = replicate(committed);
  return [sent, [...sends, ...applies]];
}

/**
 * A follower of an earlier epoch has a prefix of that epoch's log. The leader began the next epoch
 * with what its disk had of it: up to there both are the same. How far the follower says it is
 * does not limit the cut: it may have got more of the earlier epoch meanwhile, and committed it.
 */
function outdated(
  { bases }: PipelineContext,
  progress: Progress,
  since: Epoch,
  lastIndex: Index,
): Progress {
  // A late answer, from before the follower came along.
  if (progress.matchIndex > 0) return progress;
  const next = bases.find(([epoch]) => epoch > since);
  const index = next?.[1] ?? 0;
  return { matchIndex: 0, nextIndex: Math.min(lastIndex, index) + 1, cut: { since, index } };
}

/** The leader counts itself only now. */
export function countOwnDisk(context: PipelineContext, { upTo }: Event<'persisted'>): Result {
  const durable = { ...context, durableIndex: upTo - 1 };
  return context.followers.length === 0 ? [durable, []] : commitTo(durable, majorityIndex);
}

/** Repeats all that is unacknowledged, and tells the commit index to followers that lag. */
export function beat(context: PipelineContext): Result {
  const followers = context.followers.map(([id, { matchIndex, cut }]) => {
    const nextIndex = Math.max(matchIndex, cut?.index ?? 0) + 1;
    return [id, { matchIndex, nextIndex, cut }] as const;
  });
  const [sent, sends] = replicate({ ...context, followers }, { even: true });
  return [sent, [...sends, armHeartbeat(context)]];
}

export function armHeartbeat({ heartbeatMicros }: PipelineContext): PipelineEffect {
  return { type: 'setTimer', timer: 'heartbeat', micros: heartbeatMicros };
}

/** Sends each follower what it was not sent, within the window; `even` if that is nothing. */
function replicate(context: PipelineContext, { even = false } = {}): Result {
  const { epoch, lastIndex, commitIndex } = context;
  const effects: PipelineEffect[] = [];
  const followers = context.followers.map(([to, progress]): readonly [ReplicaId, Progress] => {
    const { matchIndex, nextIndex, cut } = progress;
    const acknowledged = Math.max(matchIndex, cut?.index ?? 0);
    const last = Math.min(lastIndex, acknowledged + WINDOW_ENTRIES);
    if (last < nextIndex && !even) return [to, progress];
    effects.push({ type: 'replicate', to, epoch, cut, first: nextIndex, last, commitIndex });
    return [to, { matchIndex, nextIndex: Math.max(nextIndex, last + 1), cut }];
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

/**
 * The highest index that a majority of the replicas has on disk, the leader always among them.
 * Differs from Raft, where a majority without the leader will do: here no other replica can ever
 * lead, so what is committed must come back with the leader's own log.
 */
function majorityIndex({ durableIndex, followers }: PipelineContext): Index {
  const stored = [durableIndex, ...followers.map(([, { matchIndex }]) => matchIndex)];
  stored.sort((a, b) => b - a);
  return Math.min(durableIndex, stored[Math.floor(stored.length / 2)] as Index);
}
