import { type Test, test } from 'tap';
import { decode, encode } from '../../actors/codec/positional.js';
import { coordinatorActor } from '../../actors/mapreduce/coordinator-actor.js';
import { mrWorkerActor } from '../../actors/mapreduce/mr-worker-actor.js';
import * as wire from '../../actors/mapreduce/wire.js';
import type { MessageKind } from '../../actors/message-kinds.js';
import type { Input, Rpc } from '../../actors/ports.js';
import type { Assignment, JobSpec, ResultFile } from '../../machines/mapreduce/job-spec.js';
import type { ClientNews, NextTask, NextTaskResult } from '../../machines/mapreduce/messages.js';
import { Prng } from '../../src/random/prng.js';

const SPEC: JobSpec = {
  jobId: 'j',
  app: { type: 'builtin', name: 'wc' },
  options: {},
  reduces: 2,
  partitioning: { type: 'hash' },
  format: 'text',
  combine: false,
  splittable: true,
  skipBadRecords: false,
  maxAttempts: 3,
  taskTimeoutMicros: 10_000_000,
  memoryBytes: 1 << 20,
  directory: '/nowhere',
};
const TIMINGS = { beatMicros: 1, parkMicros: 2, callTimeoutMicros: 64 };
const FILE: ResultFile = {
  partition: 1,
  path: '/tmp/m0.1',
  offset: 64,
  bytes: 2 ** 40,
  records: 7,
  checksum: 0xdeadbeef,
};
const COUNTERS = { bytesIn: 1, recordsIn: 2, pairsOut: 3, bytesOut: 4, spills: 5, cpuMicros: 6 };
const CALL = { worker: 'w', incarnation: 2, sequence: 9 };
const SPLIT = { input: 0, file: 'a.txt', path: '/a.txt', start: 0, end: 64 };
const MAP: Assignment = {
  id: 'm0.1',
  attempt: 1,
  task: { kind: 'map', index: 0, splits: [SPLIT], bytes: 64 },
  skip: [{ input: 0, offset: 32 }],
};
const REDUCE: Assignment = {
  id: 'r1.2',
  attempt: 2,
  task: { kind: 'reduce', index: 1 },
  inputs: [{ map: 0, attempt: 'm0.1', file: FILE }],
};
const REPORTS: readonly NextTask['previous'][] = [
  null,
  {
    type: 'finished',
    attempt: 'm0.1',
    files: [FILE, { ...FILE, partition: 0 }],
    counters: COUNTERS,
  },
  { type: 'failed', attempt: 'm0.1', failure: { kind: 'exception', message: 'boom', file: 'a' } },
];
const ANSWERS: readonly NextTaskResult['next'][] = [
  { type: 'terminate' },
  { type: 'wait', micros: 64 },
  { type: 'task', assignment: MAP },
  { type: 'task', assignment: REDUCE },
];
const NEWS: readonly ClientNews[] = [
  { type: 'none' },
  { type: 'committed' },
  { type: 'cancel' },
  { type: 'commitFailed', message: 'no' },
];
const PROGRESS = { bytes: 1, records: 2, pairs: 3 };

interface Sample {
  readonly kind: MessageKind;
  readonly value: unknown;
  readonly bytes: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

function sample<T>(
  kind: MessageKind,
  value: T,
  encodeIt: (value: T) => Uint8Array,
  decodeIt: (bytes: Uint8Array) => T,
): Sample {
  return { kind, value, bytes: encodeIt(value), decode: decodeIt };
}

const SAMPLES: readonly Sample[] = [
  sample(
    'workerConfig',
    { worker: 'w', incarnation: 64 },
    wire.encodeWorkerConfig,
    wire.decodeWorkerConfig,
  ),
  sample(
    'workerConfigResult',
    { spec: SPEC, timings: TIMINGS },
    wire.encodeWorkerConfigResult,
    wire.decodeWorkerConfigResult,
  ),
  ...REPORTS.map((previous) =>
    sample('nextTask', { ...CALL, previous }, wire.encodeNextTask, wire.decodeNextTask),
  ),
  ...ANSWERS.map((next) =>
    sample(
      'nextTaskResult',
      { sequence: 9, previous: 'accepted', next },
      wire.encodeNextTaskResult,
      wire.decodeNextTaskResult,
    ),
  ),
  ...[PROGRESS, { ...PROGRESS, record: { input: 0, offset: 64 } }].map((progress) =>
    sample(
      'taskProgress',
      { worker: 'w', incarnation: 1, attempt: 'm0.1', progress },
      wire.encodeTaskProgress,
      wire.decodeTaskProgress,
    ),
  ),
  ...(['abort', 'continue'] as const).map((verdict) =>
    sample(
      'taskProgressResult',
      { attempt: 'm0.1', verdict },
      wire.encodeTaskProgressResult,
      wire.decodeTaskProgressResult,
    ),
  ),
  ...NEWS.map((news) => sample('jobStatus', news, wire.encodeClientNews, wire.decodeClientNews)),
];

/** Of a message: every beginning of it, every byte changed in three ways. */
function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length++) yield bytes.slice(0, length);
  for (let at = 0; at < bytes.length; at++) {
    for (const change of [0x01, 0x80, 0xff]) {
      const copy = bytes.slice();
      copy[at] = (copy[at] as number) ^ change;
      yield copy;
    }
  }
}

/** Text in the place of each number and the other way round, and objects that cannot be shown. */
function* mistyped(bytes: Uint8Array): Generator<Uint8Array> {
  const fields = decode(bytes) as unknown[];
  for (const [at] of fields.entries()) {
    for (const wrong of [-1, 0.5, 'x', null, [], { toString: 1 }, [[[]]]]) {
      yield encode(fields.with(at, wrong) as never);
    }
  }
}

test('mapreduce wire: every message comes out as it went in', (t) => {
  for (const { kind, value, bytes, decode: decodeIt } of SAMPLES)
    t.same(decodeIt(bytes), value, kind);
  t.end();
});

test('mapreduce wire: damaged bytes are malformed or another message, never another error', (t) => {
  let malformed = 0;
  for (const { kind, bytes, decode: decodeIt } of SAMPLES) {
    for (const bad of [...damaged(bytes), ...mistyped(bytes)]) {
      try {
        decodeIt(bad);
      } catch (error) {
        malformed++;
        if (!(error instanceof wire.MalformedMessage)) t.fail(`${kind}: ${String(error)}`);
      }
    }
  }
  t.ok(malformed > 1000, `${malformed} were malformed`);
  t.end();
});

function message(kind: MessageKind, rpc: Rpc, payload: Uint8Array): Input {
  const envelope = { from: 'x', to: 'y', kind, rpc, correlation: 1, incarnation: 1, payload };
  return { type: 'message', envelope };
}

function receivesNothing(
  t: Test,
  actor: Pick<typeof coordinatorActor | typeof mrWorkerActor, 'receive'>,
  input: Input,
): void {
  const lines: string[] = [];
  const logger = { log: (level: string, text: string) => void lines.push(`${level} ${text}`) };
  t.same(actor.receive([input], { now: 0, draw: () => 0 }, { logger }), []);
  t.same(lines.length, 1);
  t.match(lines[0], /^warn dropped a '\w+' from 'x': malformed message/);
}

test('mapreduce: an actor drops a malformed message with a log line', (t) => {
  const bytes = Uint8Array.of(0x92, 0xc0);
  receivesNothing(t, coordinatorActor, message('nextTask', 'request', bytes));
  receivesNothing(t, mrWorkerActor, message('nextTaskResult', 'reply', bytes));
  t.end();
});

test('codec: hostile bytes leave the decoder as it was', (t) => {
  const value = [64, 127, { b: 2 }, 'text', [32]];
  const bytes = encode(value);
  // The definition of a record 0x40, which a decoder with shared structures would keep: 64 after.
  const definition = Uint8Array.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x05);
  const random = new Prng([1, 2, 3, 4]);
  const hostile = Array.from({ length: 20_000 }, (_, n) => {
    const noise = Uint8Array.from({ length: 1 + random.below(24) }, () => random.below(256));
    return n % 4 === 0 ? Uint8Array.from([...definition, ...noise]) : noise;
  });
  for (const bad of [definition, ...hostile]) {
    try {
      decode(bad);
    } catch (error) {
      if (!(error instanceof Error)) t.fail('what was thrown is no error');
    }
  }
  t.same(decode(bytes), value);
  t.throws(() => decode(new Uint8Array(100_000).fill(0x91)), RangeError, 'nested without end');
  t.throws(() => decode(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff)), /end of MessagePack/);
  t.same(decode(bytes), value);
  t.end();
});
