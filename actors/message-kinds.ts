/**
 * Every kind of message that passes the router. The position in this list is the kind's code on
 * the wire and in recordings: append, never reorder. Counters, traces and drawings use the names.
 */
export const MESSAGE_KINDS = [
  /** A message of a user's own protocol, or of a test. */
  'custom',
  // The replicated-log pipeline (`bench pipeline`).
  'propose',
  'proposeResult',
  'append',
  'appendResult',
  // MapReduce: the workers' calls (ARCHITECTURE: MapReduce).
  'workerConfig',
  'workerConfigResult',
  'nextTask',
  'nextTaskResult',
  'taskProgress',
  'taskProgressResult',
  'jobStatus',
  'jobStatusResult',
  'workerLost',
  // Raft: the peers' messages, then what its clients ask for (DESIGN § 4).
  'raftPreVote',
  'raftPreVoteResult',
  'raftVote',
  'raftVoteResult',
  'raftAppend',
  'raftAppendResult',
  'raftSnapshot',
  'raftSnapshotResult',
  'raftTimeoutNow',
  'raftPropose',
  'raftProposeResult',
  'raftRead',
  'raftReadResult',
  'raftAdmin',
  'raftAdminResult',
] as const;

export type MessageKind = (typeof MESSAGE_KINDS)[number];

const CODES: ReadonlyMap<string, number> = new Map(MESSAGE_KINDS.map((kind, code) => [kind, code]));

/** The wire code of a kind, 0 … 255. */
export function codeOfKind(kind: MessageKind): number {
  return CODES.get(kind) as number;
}

/** The kind of a wire code; throws on a code that this version does not know. */
export function kindOfCode(code: number): MessageKind {
  const kind = MESSAGE_KINDS[code];
  if (kind === undefined) throw new RangeError(`unknown message kind ${code}`);
  return kind;
}
