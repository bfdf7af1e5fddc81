import { test } from 'tap';
import type { MrWorkerEffect } from '../../../machines/mapreduce/effects.js';
import type { JobSpec, MapAttempt } from '../../../machines/mapreduce/job-spec.js';
import { type MrWorkerEvent, mrWorkerMachine } from '../../../machines/mapreduce/mr-worker.js';
import { TRIES_MAX } from '../../../machines/mapreduce/mr-worker-calls.js';
import { createStepper } from '../../../machines/step.js';

const TIMINGS = { beatMicros: 1_000, parkMicros: 5_000, callTimeoutMicros: 2_000 };
const COUNTERS = {
  bytesIn: 0,
  recordsIn: 0,
  pairsOut: 0,
  bytesOut: 0,
  spills: 0,
  cpuMicros: 0,
};

function attempt(id: string): MapAttempt {
  return { id, attempt: 1, task: { kind: 'map', index: 0, splits: [], bytes: 0 }, skip: [] };
}

/** A worker whose coordinator is the test. */
class Worker {
  readonly #stepper = createStepper(mrWorkerMachine);
  #state;
  #effects: readonly MrWorkerEffect[];

  constructor() {
    const input = { worker: 'w', incarnation: 1, coordinator: 'c' };
    [this.#state, this.#effects] = this.#stepper.initial(input);
  }

  get value(): unknown {
    return this.#state.value;
  }

  /** The calls that the last step made: kind, and number or attempt. */
  get calls() {
    return this.#effects.flatMap((it) => (it.type === 'call' ? [it] : []));
  }

  types(): readonly string[] {
    return this.#effects.map((it) => it.type);
  }

  step(event: MrWorkerEvent): this {
    [this.#state, this.#effects] = this.#stepper.step(this.#state, event);
    structuredClone(this.#state.context);
    return this;
  }

  configure(): this {
    return this.step({
      type: 'configReceived',
      result: { spec: {} as JobSpec, timings: TIMINGS },
    });
  }

  give(id: string, sequence: number, previous: 'none' | 'accepted' | 'rejected' = 'none'): this {
    return this.step({ type: 'taskGiven', sequence, previous, assignment: attempt(id) });
  }
}

test('mr-worker: reports what it ran with the next question, until that is answered', (t) => {
  const worker = new Worker();
  t.equal(worker.calls[0]?.call.kind, 'workerConfig');
  t.match(worker.configure().calls[0]?.call.body, { sequence: 1, previous: null });
  t.same(worker.give('m0.1', 1).types(), ['cancelTimer', 'startAttempt', 'setTimer']);
  worker.step({ type: 'attemptFinished', attempt: 'm0.1', files: [], counters: COUNTERS });
  const [asked] = worker.calls;
  t.match(asked?.call.body, { sequence: 2, previous: { type: 'finished', attempt: 'm0.1' } });
  const correlation = asked?.correlation ?? 0;
  worker.step({ type: 'callUnanswered', correlation }).step({ type: 'retryDue' });
  t.match(worker.calls[0]?.call.body, { sequence: 2, previous: { attempt: 'm0.1' } });
  t.not(worker.calls[0]?.correlation, correlation, 'a repeated call pairs with its own answer');
  t.same(worker.give('m1.1', 1).value, { asking: 'calling' }, 'a stale answer starts nothing');
  worker.give('m1.1', 2, 'rejected');
  t.ok(worker.types().includes('abortAttempt'), 'the files of what did not win go');
  t.equal(worker.value, 'running');
  t.end();
});

test('mr-worker: speaks of what it runs, one call at a time, and stops it when told', (t) => {
  const worker = new Worker().configure().give('m0.1', 1);
  worker.step({
    type: 'attemptProgress',
    attempt: 'm0.1',
    progress: { bytes: 7, records: 1, pairs: 2 },
  });
  worker.step({ type: 'beatDue' });
  t.match(worker.calls[0]?.call.body, { attempt: 'm0.1', progress: { bytes: 7 } });
  t.same(worker.step({ type: 'beatDue' }).calls, [], 'the last one is not answered yet');
  worker.step({ type: 'attemptContinued', attempt: 'm0.1' }).step({ type: 'beatDue' });
  t.equal(worker.calls.length, 1);
  worker.step({ type: 'attemptCancelled', attempt: 'm9.9' });
  t.equal(worker.value, 'running', 'an answer about another attempt says nothing');
  worker.step({ type: 'attemptCancelled', attempt: 'm0.1' });
  t.ok(worker.types().includes('abortAttempt'));
  t.match(worker.calls[0]?.call.body, { sequence: 2, previous: null });
  worker.step({ type: 'attemptFinished', attempt: 'm0.1', files: [], counters: COUNTERS });
  t.same(worker.value, { asking: 'calling' }, 'late news of it change nothing');
  t.end();
});

test('mr-worker: stops when sent home, and after so many calls without an answer', (t) => {
  const sent = new Worker().configure();
  sent.step({ type: 'terminateTold', sequence: 1, previous: 'none' });
  t.equal(sent.value, 'dismissed');
  for (const isRunning of [false, true]) {
    const alone = new Worker().configure();
    if (isRunning) alone.give('m0.1', 1).step({ type: 'beatDue' });
    let tries = 0;
    while (alone.value !== 'orphaned' && tries <= TRIES_MAX) {
      const correlation = alone.calls[0]?.correlation ?? 0;
      alone.step({ type: 'callUnanswered', correlation });
      tries++;
      if (alone.value !== 'orphaned') alone.step({ type: isRunning ? 'beatDue' : 'retryDue' });
    }
    t.equal(tries, TRIES_MAX);
    t.equal(alone.types().includes('abortAttempt'), isRunning);
    t.ok(alone.types().includes('log'));
  }
  t.end();
});
