import { test } from 'tap';
import type { Answer, JobEffect } from '../../../machines/mapreduce/effects.js';
import { checkDelta, checkState } from '../../../machines/mapreduce/invariants.js';
import { jobMachine } from '../../../machines/mapreduce/job.js';
import type {
  AttemptFailure,
  Counters,
  JobSpec,
  Progress,
  RecordId,
  ResultFile,
} from '../../../machines/mapreduce/job-spec.js';
import type { JobContext, JobEvent } from '../../../machines/mapreduce/job-state.js';
import { reportOf, statusOf } from '../../../machines/mapreduce/job-status.js';
import type { NextTaskResult, Report } from '../../../machines/mapreduce/messages.js';
import { createStepper } from '../../../machines/step.js';

const SECOND = 1_000_000;

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
  taskTimeoutMicros: 10 * SECOND,
  memoryBytes: 1 << 20,
  directory: '/nowhere',
};

const COUNTERS: Counters = {
  bytesIn: 100,
  recordsIn: 10,
  pairsOut: 20,
  bytesOut: 50,
  spills: 0,
  cpuMicros: 7,
};

const EXCEPTION: AttemptFailure = { kind: 'exception', message: 'boom', file: 'f0.txt' };

/** A coordinator at a table: calls go in, answers come out, every step is checked. */
class Table {
  now = 0;
  readonly #stepper = createStepper(jobMachine);
  #state;
  #sequences = new Map<string, number>();
  #correlation = 0;

  constructor(spec: Partial<JobSpec> = {}, maps = 2) {
    const plan = Array.from({ length: maps }, (_, index) => ({
      kind: 'map' as const,
      index,
      splits: [{ input: index, file: `f${index}.txt`, path: `/f${index}`, start: 0, end: 100 }],
      bytes: 100,
    }));
    [this.#state] = this.#stepper.initial({ spec: { ...SPEC, ...spec }, plan, now: 0 });
  }

  get context(): JobContext {
    return this.#state.context;
  }

  get phase(): string {
    return statusOf(this.context).phase;
  }

  step(event: JobEvent): readonly JobEffect[] {
    const before = this.#state;
    const [after, effects] = this.#stepper.step(before, event);
    this.#state = after;
    const wrong = checkState(after) ?? checkDelta(before, after);
    if (wrong !== undefined) throw new Error(wrong);
    structuredClone(after.context);
    return effects;
  }

  /** Returns the answers by the address that they go to. */
  answers(event: JobEvent): Record<string, Answer> {
    const replies = this.step(event).flatMap((it) => (it.type === 'reply' ? [it] : []));
    return Object.fromEntries(replies.map((it) => [it.replyTo.address, it.answer]));
  }

  call(worker: string, previous: Report | null, life = 1, sequence?: number) {
    const key = `${worker}#${life}`;
    const next = sequence ?? (this.#sequences.get(key) ?? 0) + 1;
    this.#sequences.set(key, next);
    const call = { worker, incarnation: life, sequence: next, previous };
    const replyTo = { address: worker, correlation: ++this.#correlation };
    return this.answers({ type: 'taskAsked', now: this.now, replyTo, call });
  }

  /** The answer to a worker's `nextTask`, in short: an attempt's id, `wait`, `parked`… */
  ask(worker: string, previous: Report | null = null, life = 1, sequence?: number): string {
    return short(this.call(worker, previous, life, sequence)[worker]);
  }

  progress(worker: string, attempt: string, bytes = 0, record?: RecordId): string {
    const inHand = record === undefined ? {} : { record };
    const progress: Progress = { bytes, records: 0, pairs: 0, ...inHand };
    const call = { worker, incarnation: 1, attempt, progress };
    const replyTo = { address: worker, correlation: ++this.#correlation };
    const answer = this.answers({ type: 'progressReported', now: this.now, replyTo, call })[worker];
    return answer?.kind === 'taskProgressResult' ? answer.body.verdict : 'nothing';
  }

  /** Lets time pass; returns who was answered what. */
  pass(micros: number): Record<string, string> {
    this.now += micros;
    const answers = this.answers({ type: 'sweepDue', now: this.now });
    return Object.fromEntries(Object.entries(answers).map(([name, it]) => [name, short(it)]));
  }
}

function short(answer: Answer | undefined): string {
  if (answer === undefined) return 'parked';
  if (answer.kind !== 'nextTaskResult') return answer.kind;
  const { previous, next } = answer.body as NextTaskResult;
  const told = next.type === 'task' ? next.assignment.id : next.type;
  return previous === 'none' ? told : `${previous}, ${told}`;
}

function finished(attempt: string, checksum = 1): Report {
  const file = (partition: number): ResultFile => ({
    partition,
    path: `/${attempt}/${partition}`,
    offset: 0,
    bytes: 10,
    records: 2,
    checksum,
  });
  const isMap = attempt.startsWith('m');
  const files = isMap ? [file(0), file(1)] : [file(Number(attempt[1]))];
  return { type: 'finished', attempt, files, counters: COUNTERS };
}

function failed(attempt: string, failure: AttemptFailure = EXCEPTION): Report {
  return { type: 'failed', attempt, failure };
}

test('job: map, reduce, commit, and only then the workers are sent home', (t) => {
  const table = new Table();
  t.equal(table.ask('a'), 'm0.1');
  t.equal(table.ask('b'), 'm1.1');
  t.equal(table.ask('a', finished('m0.1')), 'parked', 'reduces wait for all maps (K11)');
  t.same(
    Object.entries(table.call('b', finished('m1.1'))).map(([name, it]) => [name, short(it)]),
    [
      ['a', 'accepted, r0.1'],
      ['b', 'accepted, r1.1'],
    ],
    'who waits is served at once when the phase changes',
  );
  t.equal(table.ask('a', finished('r0.1')), 'parked');
  t.equal(table.ask('b', finished('r1.1')), 'parked');
  t.equal(table.phase, 'commit');
  t.same(
    statusOf(table.context).results.map((it) => it.path),
    ['/r0.1/0', '/r1.1/1'],
  );
  const told = table.answers({ type: 'outputCommitted', now: table.now });
  t.equal(short(told['a']), 'accepted, terminate');
  t.equal(short(told['b']), 'accepted, terminate');
  t.equal(table.ask('c'), 'terminate', 'who joins late is sent home');
  t.equal(table.phase, 'succeeded');
  const { map, reduce } = reportOf(table.context);
  t.match(map, { tasks: 2, attempts: 2, retries: 0, backups: 0, recordsIn: 20 });
  t.match(reduce, { tasks: 2, attempts: 2, retries: 0, backups: 0, cpuMicros: 14 });
  t.end();
});

test('job: a repeated call is answered again and counts once (K7)', (t) => {
  const table = new Table();
  t.equal(table.ask('a'), 'm0.1');
  t.equal(table.ask('a', null, 1, 1), 'm0.1', 'the same attempt, not another one');
  t.equal(table.ask('a', finished('m0.1')), 'accepted, m1.1');
  t.equal(table.ask('a', finished('m0.1'), 1, 2), 'accepted, m1.1');
  t.equal(table.context.mapsDone, 1);
  t.equal(table.ask('a', null, 1, 1), 'parked', 'a call that was overtaken is not answered');
  t.equal(table.context.workers['a']?.parked, null);
  t.end();
});

test('job: only the worker on record reports an attempt', (t) => {
  const table = new Table();
  t.equal(table.ask('a'), 'm0.1');
  t.equal(table.ask('b', finished('m0.1')), 'rejected, m1.1');
  t.equal(table.context.mapsDone, 0);
  t.equal(table.ask('a', null, 2), 'm0.2', 'a new life frees what the last one had');
  t.equal(table.ask('a', finished('m0.1'), 1), 'parked', 'the dead life is not answered');
  t.equal(table.ask('a', finished('m0.1'), 2), 'rejected, m0.3');
  t.end();
});

test('job: without progress for the time-out the task is given to another worker too (§3.3)', (t) => {
  const table = new Table({}, 1);
  t.equal(table.ask('a'), 'm0.1');
  t.same(table.pass(9 * SECOND), {});
  t.equal(table.ask('b'), 'parked');
  t.equal(table.progress('a', 'm0.1', 5), 'continue', 'progress moves the time-out');
  t.same(table.pass(2 * SECOND), { b: 'wait' });
  table.ask('b');
  t.same(table.pass(9 * SECOND), { b: 'm0.2' });
  t.equal(table.ask('c'), 'parked', 'never a third one');
  t.equal(table.ask('b', finished('m0.2')).startsWith('accepted'), true);
  t.equal(table.progress('a', 'm0.1', 9), 'abort', 'the one that was outrun is told so');
  t.equal(table.ask('a', finished('m0.1')), 'parked');
  t.equal(table.context.workers['a']?.verdict, 'rejected');
  t.match(table.context.tally, { reissues: 1, backupsWon: 1, rejectedReports: 1 });
  t.end();
});

test('job: after twice the time-out an attempt ends, and counts unless its worker was silent', (t) => {
  const table = new Table({ maxAttempts: 2 }, 1);
  t.equal(table.ask('a'), 'm0.1');
  table.pass(20 * SECOND);
  t.match(table.context.maps[0]?.context, { failuresCount: 0, live: [] });
  t.equal(table.ask('b'), 'm0.2');
  for (let i = 0; i < 19; i++) {
    table.pass(SECOND);
    t.equal(table.progress('b', 'm0.2'), 'continue');
  }
  table.pass(SECOND);
  t.equal(table.context.maps[0]?.context.failuresCount, 1);
  t.match(table.context.tally, { silences: 1, timeouts: 1, failures: 1 });
  t.equal(table.progress('b', 'm0.2'), 'abort');
  t.end();
});

test('job: fails for good after max attempts, naming task, input, cause and what to do', (t) => {
  const table = new Table({ maxAttempts: 3 });
  table.ask('a');
  t.equal(table.ask('a', failed('m0.1')), 'accepted, m0.2');
  t.equal(table.ask('a', failed('m0.2')), 'accepted, m0.3');
  t.equal(table.ask('a', failed('m0.3')), 'accepted, terminate');
  t.equal(table.phase, 'failed');
  t.equal(table.context.failure?.message, 'map task 0 (f0.txt) failed 3 times: boom');
  const slow = new Table({ maxAttempts: 1 });
  slow.ask('a');
  for (let i = 0; i < 21; i++) {
    slow.progress('a', 'm0.1');
    slow.pass(SECOND);
  }
  t.match(
    slow.context.failure?.message,
    /map task 0 \(f0.txt\) failed: no progress.*--task-timeout/,
  );
  const output = new Table();
  output.ask('a');
  output.ask('a', failed('m0.1', { kind: 'badOutput', message: 'a key has a line feed' }));
  t.equal(output.phase, 'failed', 'what no attempt can mend fails at once');
  t.end();
});

test('job: a lost map output runs that map again; reduces restart only if it differs (K5, K6)', (t) => {
  for (const isSame of [true, false]) {
    const table = new Table({}, 1);
    table.ask('a');
    t.equal(table.ask('a', finished('m0.1')), 'accepted, r0.1');
    t.equal(table.ask('b'), 'r1.1');
    t.equal(table.ask('a', finished('r0.1')), 'parked');
    const failure = { kind: 'inputLost', message: 'gone', lostMap: 'm0.1' } as const;
    const told = table.call('b', failed('r1.1', failure));
    t.equal(short(told['a']), 'accepted, m0.2');
    t.equal(table.phase, 'map');
    t.equal(table.context.reduces[1]?.context.failuresCount, 0, 'not the reduce is to blame');
    table.ask('a', finished('m0.2', isSame ? 1 : 2));
    t.equal(table.context.reducesDone, isSame ? 1 : 0);
    t.match(table.context.tally, { mapsLost: 1, reducesReset: isSame ? 0 : 1 });
    t.equal(table.phase, 'reduce');
  }
  t.end();
});

test('job: a slow attempt gets one backup near the end of the phase, no storm (§3.6, K10)', (t) => {
  const table = new Table({}, 3);
  for (const worker of ['a', 'b', 'c']) table.ask(worker);
  table.pass(SECOND);
  t.equal(table.ask('a', finished('m0.1')), 'parked');
  t.equal(table.ask('b', finished('m1.1')), 'parked');
  table.progress('c', 'm2.1', 10);
  t.same(table.pass(SECOND), { a: 'accepted, wait', b: 'accepted, wait' }, 'not slow yet');
  table.ask('a');
  t.same(table.pass(SECOND / 2), { a: 'm2.2' }, 'over twice the median, and 90 % is to come');
  t.equal(table.ask('b'), 'parked', 'one backup is enough');
  t.match(table.context.tally, { backups: 1, attempts: 4 });
  const steady = new Table({}, 2);
  for (const worker of ['a', 'b']) steady.ask(worker);
  steady.pass(2 * SECOND);
  steady.ask('a', finished('m0.1'));
  steady.pass(3 * SECOND);
  steady.ask('a');
  t.match(steady.context.tally, { backups: 0 }, 'says nothing of its pace: not before 0.6 T');
  steady.progress('b', 'm1.1', 100);
  t.same(steady.pass(SECOND - 1), {});
  t.same(steady.pass(1), { a: 'm1.2' });
  t.end();
});

test('job: a record that killed three attempts is left out and reported (§4.6)', (t) => {
  const table = new Table({ skipBadRecords: true, maxAttempts: 4 }, 1);
  const failure = { ...EXCEPTION, record: { input: 0, offset: 40 } };
  table.ask('a');
  for (const attempt of ['m0.1', 'm0.2']) table.ask('a', failed(attempt, failure));
  const told = table.call('a', failed('m0.3', failure))['a'];
  const next = told?.kind === 'nextTaskResult' ? told.body.next : undefined;
  t.match(next, { assignment: { id: 'm0.4', skip: [{ input: 0, offset: 40 }] } });
  t.same(reportOf(table.context).skipped, [
    { input: 0, offset: 40, file: 'f0.txt', message: 'boom' },
  ]);
  t.equal(table.context.maps[0]?.context.failuresCount, 0, 'their cause is gone');
  t.end();
});

test('job: a record in which three attempts hang is the one that was told last, and left out', (t) => {
  const table = new Table({ skipBadRecords: true, maxAttempts: 4 }, 1);
  for (const attempt of ['m0.1', 'm0.2', 'm0.3']) {
    t.equal(table.ask('a'), attempt);
    table.progress('a', attempt, 100, { input: 0, offset: 30 });
    // The next record has begun and nothing else has changed: no progress.
    table.progress('a', attempt, 100, { input: 0, offset: 40 });
    // Reports overtake each other.
    table.progress('a', attempt, 100, { input: 0, offset: 30 });
    table.pass(15 * SECOND);
    t.equal(table.progress('a', attempt, 100, { input: 0, offset: 40 }), 'continue');
    table.pass(5 * SECOND);
    t.equal(table.progress('a', attempt, 100, { input: 0, offset: 40 }), 'abort');
  }
  t.match(reportOf(table.context).skipped, [{ input: 0, offset: 40, file: 'f0.txt' }]);
  t.equal(table.context.tally.timeouts, 3);
  t.end();
});

test('job: what a worker had is given again as soon as its death is told', (t) => {
  const table = new Table({}, 1);
  const lost = (worker: string, incarnation = 1) => {
    const answers = table.answers({
      type: 'workerLost',
      now: table.now,
      worker: { worker, incarnation },
    });
    return Object.fromEntries(Object.entries(answers).map(([to, it]) => [to, short(it)]));
  };
  t.equal(table.ask('a'), 'm0.1');
  t.equal(table.ask('b'), 'parked');
  t.same(lost('a'), { b: 'm0.2' }, 'to the worker that waits, at once');
  t.same(lost('a'), {}, 'told twice');
  t.match(table.context.tally, { lostWorkers: 1, revocations: 1, staleCalls: 0 });
  t.equal(table.ask('a', finished('m0.1')), 'parked', 'no answer to a late call of the dead life');
  t.equal(table.progress('a', 'm0.1', 5), 'nothing');
  t.equal(table.context.tally.staleCalls, 2);
  t.equal(table.ask('a', null, 2), 'parked', 'its next life is another matter');
  t.same(lost('a', 1), {}, 'late news of an earlier life');
  t.same(lost('b'), { a: 'm0.3' });
  t.same(lost('c'), {}, 'a worker that had not called yet');
  t.equal(table.ask('c'), 'parked', 'no answer either');
  t.equal(table.context.tally.staleCalls, 3);
  t.equal(table.context.maps[0]?.context.failuresCount, 0, 'nobody’s failure');
  t.end();
});

test('job: a cancelled job aborts what runs and sends everyone home', (t) => {
  const table = new Table();
  table.ask('a');
  table.answers({ type: 'jobCancelled', now: 1 });
  t.equal(table.progress('a', 'm0.1', 5), 'abort');
  t.equal(table.ask('a', finished('m0.1')), 'rejected, terminate');
  t.equal(table.phase, 'cancelled');
  t.end();
});
