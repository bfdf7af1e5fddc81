/**
 * The `tasks` port of a simulated worker: runs map and reduce at once and lets virtual time pass,
 * with a fate drawn for each attempt. What an attempt does dies with its worker's life; the files
 * that it made stay.
 */
import {
  TASKS_PORT,
  type TaskAttempt,
  type TaskEvent,
  type TasksPort,
} from '../../../actors/mapreduce/tasks-port.js';
import type {
  AttemptFailure,
  MapAttempt,
  Progress,
  ReduceAttempt,
  ResultFile,
} from '../../../machines/mapreduce/job-spec.js';
import type { Prng } from '../../random/prng.js';
import type { SimPortContext } from '../actor-life.js';
import { linesOf, mapLine, outputOf, partitionOf, type SimJob } from './mapreduce-app.js';
import type { SimFiles } from './mapreduce-files.js';

/** What all workers of a run share. */
export interface SimTaskWorld {
  readonly job: SimJob;
  readonly files: SimFiles;
  /** How bad attempts are, drawn per seed; zero once the faults have stopped. */
  readonly troubles: { failPpm: number; hangPpm: number; slowPpm: number };
  readonly meanMicros: number;
  /** How bad records kill: by an exception, or by an endless loop. */
  readonly badRecordHangs: boolean;
  /** Readers do not look whether what they read is whole (a bug of the zoo). */
  readonly readsUnchecked: boolean;
  /** Results are reported before their last byte is written (a bug of the zoo). */
  readonly reportsEarly: boolean;
  /** Attempts that wrote all their files and have not yet said so. */
  readonly unreported: Map<string, string>;
  sometimes(what: string): void;
}

type Outcome =
  | { readonly type: 'finished'; readonly outputs: readonly string[] }
  | { readonly type: 'failed'; readonly failure: AttemptFailure }
  | { readonly type: 'hangs'; readonly progress: Progress };

const STEPS = 4;

export function simTasks(context: SimPortContext, world: SimTaskWorld): TasksPort {
  const random = context.stream('tasks');
  const runs = new Map<string, Run>();
  for (const [attempt, worker] of world.unreported) {
    if (worker !== context.name) continue;
    world.unreported.delete(attempt);
    world.sometimes('mapreduce: worker died between write and report');
  }
  return {
    start: (attempt) => {
      const run = new Run(context, world, random, attempt);
      runs.set(attempt.id, run);
      run.start();
    },
    abort: (id) => {
      const run = runs.get(id);
      runs.delete(id);
      run?.abort();
    },
  };
}

class Run {
  readonly #context: SimPortContext;
  readonly #world: SimTaskWorld;
  readonly #random: Prng;
  readonly #attempt: TaskAttempt;
  readonly #cancels: (() => void)[] = [];

  constructor(context: SimPortContext, world: SimTaskWorld, random: Prng, attempt: TaskAttempt) {
    this.#context = context;
    this.#world = world;
    this.#random = random;
    this.#attempt = attempt;
  }

  /** Decides what will happen, and lets it happen step by step. */
  start(): void {
    const { troubles, meanMicros } = this.#world;
    const factor = this.#random.chance(troubles.slowPpm, 1_000_000) ? 20 : 1;
    const duration = factor * this.#random.uniform(Math.trunc(meanMicros / 4), 2 * meanMicros);
    const outcome = this.#fate();
    const steps = outcome.type === 'finished' ? STEPS : this.#random.uniform(1, STEPS);
    for (let step = 1; step <= steps; step++) {
      const at = Math.trunc((duration * step) / (STEPS + 1));
      this.#after(at, () => this.#tell({ type: 'attemptProgress', progress: this.#at(step) }));
    }
    const end = Math.trunc((duration * (steps + 1)) / (STEPS + 1));
    this.#after(end, () => this.#end(outcome));
  }

  abort(): void {
    for (const cancel of this.#cancels) cancel();
    this.#world.unreported.delete(this.#attempt.id);
    this.#world.files.removeAttempt(this.#attempt.job.directory, this.#attempt.id);
  }

  /** Chance first, then what the code itself does with its input. */
  #fate(): Outcome {
    const { troubles } = this.#world;
    if (this.#random.chance(troubles.hangPpm, 1_000_000)) {
      return { type: 'hangs', progress: this.#at(0) };
    }
    if (this.#random.chance(troubles.failPpm, 1_000_000)) {
      const kind = this.#random.pick(['exception', 'exit', 'memory', 'io'] as const);
      return { type: 'failed', failure: { kind, message: `chance: ${kind}` } };
    }
    return isMap(this.#attempt) ? this.#map(this.#attempt) : { type: 'finished', outputs: [] };
  }

  #end(outcome: Outcome): void {
    switch (outcome.type) {
      case 'hangs':
        this.#tell({ type: 'attemptProgress', progress: outcome.progress });
        break;
      case 'failed':
        this.#tear();
        this.#tell({ type: 'attemptFailed', failure: outcome.failure });
        break;
      case 'finished': {
        // What a reduce reads is read at its end, when it may be gone.
        const attempt = this.#attempt;
        const final = isMap(attempt) ? outcome : this.#reduce(attempt);
        if (final.type === 'finished') this.#write(final.outputs);
        else this.#end(final);
      }
    }
  }

  /** A crash in the middle of writing leaves a part of a file. */
  #tear(): void {
    const contents = 'a part of what it should have been\n';
    const length = this.#random.below(contents.length);
    this.#world.files.writePart(this.#pathOf(0), contents, length);
  }

  #write(outputs: readonly string[]): void {
    const { files, unreported } = this.#world;
    const { id, task } = this.#attempt;
    const partition = (i: number) => (task.kind === 'map' ? i : task.index);
    const results = outputs.map((it, i) => files.write(this.#pathOf(i), partition(i), it));
    unreported.set(id, this.#context.name);
    const counters = this.#counters(results);
    if (this.#world.reportsEarly) for (const { path } of results) files.damage(path);
    this.#after(this.#random.uniform(0, this.#world.meanMicros), () => {
      unreported.delete(id);
      this.#tell({ type: 'attemptFinished', files: results, counters });
    });
  }

  #counters(results: readonly ResultFile[]) {
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    return {
      bytesIn: this.#bytes(),
      recordsIn: 1,
      pairsOut: sum(results.map((file) => file.records)),
      bytesOut: sum(results.map((file) => file.bytes)),
      spills: 0,
      cpuMicros: 1,
    };
  }

  #pathOf(part: number): string {
    return `${this.#attempt.job.directory}/${this.#attempt.id}/${part}`;
  }

  #bytes(): number {
    const { task } = this.#attempt;
    return task.kind === 'map' ? task.bytes : STEPS;
  }

  #at(step: number): Progress {
    return { bytes: Math.trunc((this.#bytes() * step) / STEPS), records: step, pairs: step };
  }

  #map(attempt: MapAttempt): Outcome {
    const { job, badRecordHangs } = this.#world;
    const parts = Array.from({ length: job.reduces }, () => [] as string[]);
    const tag = job.twist === 'nondeterministic' ? attempt.id : undefined;
    for (const { input, start, end } of attempt.task.splits) {
      for (const line of linesOf(job.inputs[input] as string, start, end)) {
        const record = { input, offset: line.offset };
        if (attempt.skip.some((it) => it.input === input && it.offset === line.offset)) continue;
        if (line.isBad) {
          if (badRecordHangs) return { type: 'hangs', progress: { ...this.#at(STEPS), record } };
          return { type: 'failed', failure: { kind: 'exception', message: 'bad line', record } };
        }
        for (const [key, value] of mapLine(line.text, attempt.task.index, tag)) {
          parts[partitionOf(key, job.reduces)]?.push(`${key}\t${value}\n`);
        }
      }
    }
    return { type: 'finished', outputs: parts.map((lines) => lines.join('')) };
  }

  #reduce(attempt: ReduceAttempt): Outcome {
    const { files, readsUnchecked } = this.#world;
    const groups = new Map<string, string[]>();
    for (const { file, attempt: lostMap } of attempt.inputs) {
      const contents = files.read(file);
      if (contents === undefined && !readsUnchecked) {
        const message = `${file.path} is missing or damaged`;
        return { type: 'failed', failure: { kind: 'inputLost', message, lostMap } };
      }
      for (const line of (contents ?? '').split('\n').slice(0, -1)) {
        const [key = '', value = ''] = line.split('\t');
        groups.set(key, [...(groups.get(key) ?? []), value]);
      }
    }
    return { type: 'finished', outputs: [outputOf([...groups])] };
  }

  #after(micros: number, run: () => void): void {
    this.#cancels.push(this.#context.after(micros, run));
  }

  /** An event about this attempt. */
  #tell(event: WithoutAttempt<TaskEvent>): void {
    this.#context.complete(TASKS_PORT, { ...event, attempt: this.#attempt.id });
  }
}

type WithoutAttempt<E> = E extends TaskEvent ? Omit<E, 'attempt'> : never;

function isMap(attempt: TaskAttempt): attempt is TaskAttempt & MapAttempt {
  return attempt.task.kind === 'map';
}
