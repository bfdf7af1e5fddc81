/**
 * MapReduce's messages as bytes: positional arrays, in which what is sent often (result files,
 * progress) is positional too. Decoders check what the machines rely on and throw on anything
 * else; an actor drops such a message with a log line.
 */
import type {
  Assignment,
  AttemptFailure,
  Counters,
  JobSpec,
  MapTask,
  Progress,
  RecordId,
  ReduceInput,
  ResultFile,
} from '../../machines/mapreduce/job-spec.js';
import type {
  ClientNews,
  JobStatusResult,
  NextTask,
  NextTaskResult,
  Report,
  TaskProgress,
  TaskProgressResult,
  WorkerConfig,
  WorkerConfigResult,
  WorkerLost,
  WorkerTimings,
} from '../../machines/mapreduce/messages.js';
import { array, count, MalformedMessage, text, unpack } from '../codec/fields.js';
import { type Encodable, encode } from '../codec/positional.js';
import type { Envelope, LoggerPort } from '../ports.js';

export { MalformedMessage };

/**
 * The events of a message, or none if it is malformed: then the operator reads so in the log.
 * What else `decodeEvents` throws goes through.
 */
export function eventsOfMessage<E>(
  envelope: Envelope,
  logger: LoggerPort,
  decodeEvents: (envelope: Envelope) => readonly E[],
): readonly E[] {
  try {
    return decodeEvents(envelope);
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
    const { from, kind } = envelope;
    logger.log('warn', `dropped a '${kind}' from '${from}': ${error.message}`);
    return [];
  }
}

export function encodeWorkerConfig({ worker, incarnation }: WorkerConfig): Uint8Array {
  return encode([worker, incarnation]);
}

export function decodeWorkerConfig(bytes: Uint8Array): WorkerConfig {
  const [worker, incarnation] = array(unpack(bytes), 2);
  return { worker: text(worker), incarnation: count(incarnation) };
}

export function encodeWorkerLost({ worker, incarnation }: WorkerLost): Uint8Array {
  return encode([worker, incarnation]);
}

export function decodeWorkerLost(bytes: Uint8Array): WorkerLost {
  return decodeWorkerConfig(bytes);
}

export function encodeWorkerConfigResult(result: WorkerConfigResult): Uint8Array {
  return encode([plain(result.spec), plain(result.timings)]);
}

export function decodeWorkerConfigResult(bytes: Uint8Array): WorkerConfigResult {
  const [spec, timings] = array(unpack(bytes), 2);
  return { spec: object<JobSpec>(spec), timings: object<WorkerTimings>(timings) };
}

export function encodeNextTask(call: NextTask): Uint8Array {
  const { worker, incarnation, sequence, previous } = call;
  return encode([worker, incarnation, sequence, previous === null ? null : fromReport(previous)]);
}

export function decodeNextTask(bytes: Uint8Array): NextTask {
  const [worker, incarnation, sequence, previous] = array(unpack(bytes), 4);
  return {
    worker: text(worker),
    incarnation: count(incarnation),
    sequence: count(sequence),
    previous: previous === null ? null : toReport(previous),
  };
}

function fromReport(report: Report): Encodable {
  if (report.type === 'failed') return ['failed', report.attempt, plain(report.failure)];
  return ['finished', report.attempt, report.files.map(fromFile), fromCounters(report.counters)];
}

function toReport(value: unknown): Report {
  const [type, attempt, third, counters] = array(value, 3);
  if (type === 'failed') {
    return { type, attempt: text(attempt), failure: object<AttemptFailure>(third) };
  }
  if (type !== 'finished') throw new MalformedMessage('a report of an unknown type');
  const files = array(third, 0).map(toFile);
  return { type, attempt: text(attempt), files, counters: toCounters(counters) };
}

export function encodeNextTaskResult({ sequence, previous, next }: NextTaskResult): Uint8Array {
  if (next.type === 'terminate') return encode([sequence, previous, next.type]);
  const detail = next.type === 'wait' ? next.micros : fromAssignment(next.assignment);
  return encode([sequence, previous, next.type, detail]);
}

export function decodeNextTaskResult(bytes: Uint8Array): NextTaskResult {
  const [sequence, previous, type, detail] = array(unpack(bytes), 3);
  const head = { sequence: count(sequence), previous: verdict(previous) };
  switch (type) {
    case 'terminate':
      return { ...head, next: { type } };
    case 'wait':
      return { ...head, next: { type, micros: count(detail) } };
    case 'task':
      return { ...head, next: { type, assignment: toAssignment(detail) } };
    default:
      throw new MalformedMessage('an answer of an unknown type');
  }
}

function verdict(value: unknown): NextTaskResult['previous'] {
  if (value === 'accepted' || value === 'rejected' || value === 'none') return value;
  throw new MalformedMessage('a verdict');
}

function fromAssignment(assignment: Assignment): Encodable {
  const { id, attempt, task } = assignment;
  if (task.kind === 'map') {
    const { skip } = assignment as Extract<Assignment, { task: { kind: 'map' } }>;
    return [id, attempt, 'map', plain(task), plain(skip)];
  }
  const { inputs } = assignment as Extract<Assignment, { task: { kind: 'reduce' } }>;
  const rows = inputs.map((input) => [input.map, input.attempt, fromFile(input.file)]);
  return [id, attempt, 'reduce', task.index, rows];
}

function toAssignment(value: unknown): Assignment {
  const [id, attempt, kind, task, rest] = array(value, 5);
  const head = { id: text(id), attempt: count(attempt) };
  if (kind === 'map') {
    return {
      ...head,
      task: object<MapTask>(task),
      skip: array(rest, 0).map((it) => object<RecordId>(it)),
    };
  }
  if (kind !== 'reduce') throw new MalformedMessage('a task of an unknown kind');
  return { ...head, task: { kind, index: count(task) }, inputs: array(rest, 0).map(toInput) };
}

function toInput(value: unknown): ReduceInput {
  const [map, attempt, file] = array(value, 3);
  return { map: count(map), attempt: text(attempt), file: toFile(file) };
}

export function encodeTaskProgress(call: TaskProgress): Uint8Array {
  const { worker, incarnation, attempt, progress } = call;
  const { bytes, records, pairs, record } = progress;
  const hand = record === undefined ? null : [record.input, record.offset];
  return encode([worker, incarnation, attempt, bytes, records, pairs, hand]);
}

export function decodeTaskProgress(payload: Uint8Array): TaskProgress {
  const [worker, incarnation, attempt, bytes, records, pairs, hand] = array(unpack(payload), 7);
  return {
    worker: text(worker),
    incarnation: count(incarnation),
    attempt: text(attempt),
    progress: {
      bytes: count(bytes),
      records: count(records),
      pairs: count(pairs),
      ...inHand(hand),
    },
  };
}

function inHand(value: unknown): Pick<Progress, 'record'> {
  if (value === null) return {};
  const [input, offset] = array(value, 2);
  return { record: { input: count(input), offset: count(offset) } };
}

export function encodeTaskProgressResult(result: TaskProgressResult): Uint8Array {
  return encode([result.attempt, result.verdict === 'abort']);
}

export function decodeTaskProgressResult(bytes: Uint8Array): TaskProgressResult {
  const [attempt, isAborted] = array(unpack(bytes), 2);
  return { attempt: text(attempt), verdict: isAborted === true ? 'abort' : 'continue' };
}

export function encodeClientNews(news: ClientNews): Uint8Array {
  return encode(news.type === 'commitFailed' ? [news.type, news.message] : [news.type]);
}

export function decodeClientNews(bytes: Uint8Array): ClientNews {
  const [type, message] = array(unpack(bytes), 1);
  if (type === 'none' || type === 'committed' || type === 'cancel') return { type };
  if (type === 'commitFailed') return { type, message: text(message) };
  throw new MalformedMessage('news of an unknown type');
}

export function encodeJobStatusResult(status: JobStatusResult): Uint8Array {
  return encode([plain(status)]);
}

export function decodeJobStatusResult(bytes: Uint8Array): JobStatusResult {
  const [status] = array(unpack(bytes), 1);
  return object<JobStatusResult>(status);
}

function fromFile({ partition, path, offset, bytes, records, checksum }: ResultFile): Encodable {
  return [partition, path, offset, bytes, records, checksum];
}

function toFile(value: unknown): ResultFile {
  const [partition, path, offset, bytes, records, checksum] = array(value, 6);
  return {
    partition: count(partition),
    path: text(path),
    offset: count(offset),
    bytes: count(bytes),
    records: count(records),
    checksum: count(checksum),
  };
}

function fromCounters(counters: Counters): Encodable {
  const { bytesIn, recordsIn, pairsOut, bytesOut, spills, cpuMicros } = counters;
  return [bytesIn, recordsIn, pairsOut, bytesOut, spills, cpuMicros];
}

function toCounters(value: unknown): Counters {
  const [bytesIn, recordsIn, pairsOut, bytesOut, spills, cpuMicros] = array(value, 6);
  return {
    bytesIn: count(bytesIn),
    recordsIn: count(recordsIn),
    pairsOut: count(pairsOut),
    bytesOut: count(bytesOut),
    spills: count(spills),
    cpuMicros: count(cpuMicros),
  };
}

/** Plain data as the codec's type; an interface has no index signature. */
function plain(value: object): Encodable {
  return value as unknown as Encodable;
}

/** A nested object; its sender is the same version of this program, so its fields are trusted. */
function object<T extends object>(value: unknown): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  throw new MalformedMessage('an object is expected');
}
