/**
 * MapReduce under chaos: one coordinator, workers that crash, stall and are cut off, attempts that
 * throw, hang and tear their files, map output that gets lost, and a client that commits. Whatever
 * happens, the output is that of a sequential run, byte for byte, and nobody sees part of it.
 */

import type { Observation } from '../../../actors/actor.js';
import { coordinatorActor } from '../../../actors/mapreduce/coordinator-actor.js';
import { mrWorkerActor } from '../../../actors/mapreduce/mr-worker-actor.js';
import {
  decodeJobStatusResult,
  encodeClientNews,
  encodeWorkerLost,
} from '../../../actors/mapreduce/wire.js';
import type { Input } from '../../../actors/ports.js';
import {
  checkDelta,
  checkState,
  type JobSnapshot,
} from '../../../machines/mapreduce/invariants.js';
import type { JobSpec, ResultFile } from '../../../machines/mapreduce/job-spec.js';
import type { ClientNews, JobStatusResult, Tally } from '../../../machines/mapreduce/messages.js';
import type { Prng } from '../../random/prng.js';
import type { Scenario, ScenarioRun, World } from '../scenario.js';
import type { Endpoint } from '../simulation.js';
import { badRecords, drawJob, type SimJob, sequentialRun } from './mapreduce-app.js';
import { SimFiles } from './mapreduce-files.js';
import { type SimTaskWorld, simTasks } from './mapreduce-tasks.js';

const COORDINATOR = 'coordinator';
const CLIENT = 'client';
const SECOND = 1_000_000;
const POLL_MICROS = 200_000;
/** Chance alone must not make the job fail; a seed with a poisoned record reaches it anyway. */
const MAX_ATTEMPTS = 30;

export const mapReduceScenario: Scenario = {
  name: 'mapreduce',
  description: 'A MapReduce job whose workers, network, attempts and map output fail.',
  defaultNodes: 5,
  bugs: {
    'reads-unchecked': 'a reduce takes map output that is missing or damaged for empty',
    'reports-before-rename': 'a worker reports its files before they are whole',
    'commits-early': 'the client commits what it has when it first hears of the reduce phase',
  },
  start: (world) => new MapReduceRun(world).run(),
};

/** What a tally entry shows when it is above zero. */
const SOMETIMES: Readonly<Partial<Record<keyof Tally, string>>> = {
  reissues: 'task given again after the time-out',
  backups: 'backup task given',
  backupsWon: 'second attempt won',
  backupsLost: 'second attempt lost',
  timeouts: 'attempt hung for twice the time-out',
  lostWorkers: 'death of a worker told',
  silences: 'worker silent for the time-out',
  revocations: 'attempt taken back',
  rejectedReports: 'late or duplicate completion',
  repeatedCalls: 'repeated call',
  staleCalls: 'overtaken call',
  mapsLost: 'map output lost',
  reducesReset: 'reduce restarted for a new generation of a map',
};

class MapReduceRun {
  readonly #world: World;
  readonly #random: Prng;
  readonly #job: SimJob;
  readonly #spec: JobSpec;
  readonly #files = new SimFiles();
  readonly #tasks: SimTaskWorld;
  readonly #workers: string[] = [];
  readonly #client: Endpoint;
  /** The lives of workers whose end the coordinator was told. */
  readonly #told = new Map<string, number>();
  #correlation = 0;
  #news: ClientNews = { type: 'none' };
  #status: JobStatusResult | undefined;
  /** What stands under the final names. */
  #committed: readonly string[] | undefined;
  #last: JobSnapshot | undefined;
  #isHealed = false;
  /** Workers that are frozen, deaf or mute for ever: nobody can dismiss them. */
  #lost: ReadonlySet<string> = new Set();

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random;
    const { random } = world;
    this.#job = drawJob(random);
    this.#spec = this.#drawSpec();
    this.#tasks = {
      job: this.#job,
      files: this.#files,
      troubles: {
        failPpm: random.chance(1, 2) ? 0 : random.uniform(0, 500_000),
        hangPpm: random.chance(1, 2) ? 0 : random.uniform(0, 100_000),
        slowPpm: random.chance(1, 2) ? 0 : random.uniform(0, 200_000),
      },
      meanMicros: random.uniform(SECOND / 10, 3 * SECOND),
      badRecordHangs: random.chance(1, 3),
      readsUnchecked: world.hasBug('reads-unchecked'),
      reportsEarly: world.hasBug('reports-before-rename'),
      unreported: new Map(),
      sometimes: (what) => world.sim.sometimes(what),
    };
    this.#client = world.sim.endpoint(CLIENT, (input) => this.#hear(input));
  }

  run(): ScenarioRun {
    const { sim, nodes } = this.#world;
    const input = { spec: this.#spec, plan: this.#job.plan };
    const observe = ({ before, after }: Observation) => this.#checkStep(before, after);
    sim.spawn(COORDINATOR, { definition: coordinatorActor }, { input, observe });
    const workers = Array.from({ length: Math.max(2, nodes - 1) }, (_, i) => `mr-worker-${i + 1}`);
    for (const name of workers) this.#spawnWorker(name);
    sim.invariant('mapreduce.early-exit', () => this.#checkExits());
    this.#poll();
    this.#loseOutput();
    // A stream of its own: whether deaths are told changes nothing else that the seed decides.
    const deaths = sim.stream('mapreduce.deaths');
    if (deaths.chance(2, 3)) this.#watchWorkers(deaths.uniform(1, SECOND));
    sim.after(this.#random.uniform(SECOND, 20 * SECOND), () => {
      this.#spawnWorker('mr-worker-late');
      sim.sometimes('mapreduce: worker joined late');
    });
    return {
      faults: {
        actors: workers,
        network: [COORDINATOR, CLIENT, ...workers],
        expendable: workers.slice(1),
      },
      heal: (lost) => this.#heal(lost),
      livenessMicros: 900 * SECOND,
      isDone: () => this.#isDone(),
      describe: () => this.#describe(),
      check: () => this.#check(),
      counters: () => ({ 'mapreduce.attempts': this.#last?.context.tally.attempts ?? 0 }),
    };
  }

  #drawSpec(): JobSpec {
    const { twist, reduces } = this.#job;
    return {
      jobId: 'sim',
      app: { type: 'builtin', name: 'wc' },
      options: {},
      reduces,
      partitioning: { type: 'hash' },
      format: 'text',
      combine: false,
      splittable: true,
      skipBadRecords: twist === 'badRecords',
      maxAttempts: twist === 'poison' ? this.#random.uniform(1, 10) : MAX_ATTEMPTS,
      taskTimeoutMicros: this.#random.uniform(SECOND, 10 * SECOND),
      memoryBytes: 1 << 20,
      directory: 'job',
    };
  }

  #spawnWorker(name: string): void {
    this.#workers.push(name);
    this.#world.sim.spawn(
      name,
      { definition: mrWorkerActor },
      {
        input: { coordinator: COORDINATOR },
        ports: (context) => ({ tasks: simTasks(context, this.#tasks) }),
      },
    );
  }

  /** Tells the coordinator of deaths, over the same network; a fast restart goes unnoticed. */
  #watchWorkers(periodMicros: number): void {
    const { sim } = this.#world;
    for (const worker of this.#workers) {
      const { isAlive, incarnation } = sim.actor(worker);
      if (isAlive || this.#told.get(worker) === incarnation) continue;
      this.#told.set(worker, incarnation);
      const payload = encodeWorkerLost({ worker, incarnation });
      this.#client.send({ to: COORDINATOR, kind: 'workerLost', payload });
    }
    sim.after(periodMicros, () => this.#watchWorkers(periodMicros));
  }

  /** The client asks how it stands, for ever: answers get lost. */
  #poll(): void {
    this.#client.send({
      to: COORDINATOR,
      kind: 'jobStatus',
      rpc: 'request',
      correlation: ++this.#correlation,
      timeoutMicros: SECOND,
      payload: encodeClientNews(this.#news),
    });
    this.#world.sim.after(POLL_MICROS, () => {
      if (this.#status?.report === null || this.#status === undefined) this.#poll();
    });
  }

  #hear(input: Input): void {
    if (input.type !== 'message') return;
    const status = decodeJobStatusResult(input.envelope.payload);
    const wasEnded = (this.#status?.report ?? null) !== null;
    if (wasEnded) return;
    this.#status = status;
    const isEarly = this.#world.hasBug('commits-early') && status.phase === 'reduce';
    if ((status.phase === 'commit' || isEarly) && this.#committed === undefined) {
      this.#commit(isEarly ? this.#resultsSoFar() : status.results);
    }
  }

  #resultsSoFar(): readonly ResultFile[] {
    const reduces = this.#last?.context.reduces ?? [];
    return reduces.flatMap((task) => task.context.winner?.files ?? []);
  }

  /** Gives the results their final names. What is not whole must not be seen (S25). */
  #commit(results: readonly ResultFile[]): void {
    const { sim } = this.#world;
    const contents = results.map((file) => this.#files.read(file));
    const missing = contents.indexOf(undefined);
    if (missing >= 0) sim.violate('mapreduce.partial-output', `${results[missing]?.path}`);
    this.#committed = contents.map((text) => text ?? '');
    this.#news = { type: 'committed' };
  }

  /** Map output that a reduce may still want disappears, or loses its end. */
  #loseOutput(): void {
    const { sim } = this.#world;
    if (this.#random.chance(1, 2)) return;
    const mean = this.#random.uniform(SECOND, 10 * SECOND);
    const strike = () => {
      if (this.#isHealed) return;
      const maps = this.#last?.context.maps ?? [];
      const files = maps.flatMap((task) => task.context.winner?.files ?? []);
      if (files.length > 0) {
        const { path } = this.#random.pick(files);
        if (this.#random.chance(1, 2)) this.#files.remove(path);
        else this.#files.damage(path);
        sim.mark(`lost: ${path}`);
      }
      sim.after(1 + this.#random.exponential(mean), strike);
    };
    sim.after(1 + this.#random.exponential(mean), strike);
  }

  #heal(lost: readonly string[]): void {
    this.#isHealed = true;
    this.#lost = new Set(lost);
    Object.assign(this.#tasks.troubles, { failPpm: 0, hangPpm: 0, slowPpm: 0 });
    this.#restartOrphans();
  }

  /** A call that was lost under faults may be a worker's last one, and fail after them. */
  #restartOrphans(): void {
    const { sim } = this.#world;
    for (const name of this.#workers) {
      if (this.#lost.has(name) || !this.#hasGivenUp(name)) continue;
      sim.sometimes('mapreduce: worker gave the coordinator up');
      sim.restart(name);
    }
    sim.after(SECOND, () => this.#restartOrphans());
  }

  #worker(name: string): { value: unknown } | undefined {
    return this.#world.sim.state(name);
  }

  #hasGivenUp(name: string): boolean {
    return this.#worker(name)?.value === 'orphaned';
  }

  /** After every step, not after every turn: what one step gave out, the next may have lost. */
  #checkStep(before: unknown, after: unknown): void {
    const state = after as JobSnapshot;
    this.#last = state;
    const delta = before === undefined ? undefined : checkDelta(before as JobSnapshot, state);
    const wrong = checkState(state) ?? delta;
    if (wrong !== undefined) this.#world.sim.violate('mapreduce.coordinator', wrong);
  }

  /** Nobody is sent home before the output stands under its final names, or the job has failed. */
  #checkExits(): string | undefined {
    if (this.#committed !== undefined || this.#last?.context.ended === 'failed') return undefined;
    const gone = this.#workers.find((name) => this.#worker(name)?.value === 'dismissed');
    return gone === undefined ? undefined : `${gone} has gone home`;
  }

  #isDone(): boolean {
    if ((this.#status?.report ?? null) === null) return false;
    const stateOf = (name: string) => this.#worker(name)?.value ?? 'dismissed';
    return this.#workers.every((name) => this.#lost.has(name) || stateOf(name) === 'dismissed');
  }

  #describe(): string {
    const workers = this.#workers.map((it) => `${it} ${JSON.stringify(this.#worker(it)?.value)}`);
    const { maps, reduces, phase } = this.#status ?? {};
    const tasks = `maps ${maps?.done}/${maps?.total}, reduces ${reduces?.done}/${reduces?.total}`;
    return [`the client knows of phase ${phase}`, tasks, ...workers].join(', ');
  }

  #check(): string | undefined {
    const status = this.#status as JobStatusResult;
    this.#countRareStates(status);
    const isPoisoned = this.#job.twist === 'poison';
    if (status.phase === 'failed') {
      this.#world.sim.sometimes('mapreduce: job failed for good');
      if (!isPoisoned) return `the job failed: ${status.failure?.message}`;
      return /^(map|reduce) task \d+/.test(status.failure?.message ?? '')
        ? undefined
        : 'the failure names no task';
    }
    if (isPoisoned) return `the job ended as ${status.phase} in spite of a poisoned record`;
    return this.#checkSkipped(status) ?? this.#checkOutput();
  }

  #checkSkipped(status: JobStatusResult): string | undefined {
    const told = status.report?.skipped.map((it) => `${it.input}:${it.offset}`).sort();
    const expected = badRecords(this.#job).map((it) => `${it.input}:${it.offset}`);
    if (expected.length > 0) this.#world.sim.sometimes('mapreduce: bad record skipped');
    return told?.join() === expected.sort().join() ? undefined : `skipped ${told}, not ${expected}`;
  }

  /** S24: byte for byte; with a map that is not deterministic, all of one generation. */
  #checkOutput(): string | undefined {
    const committed = this.#committed ?? [];
    const tags = new Map<string, string>();
    const plain = committed.map((text) =>
      text.replaceAll(/ (\d+)=(\S+)/g, (_, map: string, tag: string) => {
        tags.set(`${map}=${tag}`, map);
        return '';
      }),
    );
    const maps = [...tags.values()];
    if (new Set(maps).size < maps.length) {
      return `the output is made of two generations of a map: ${[...tags.keys()].sort().join()}`;
    }
    const expected = sequentialRun(this.#job);
    const words = (texts: readonly string[]) =>
      texts.map((text) => text.replaceAll(/^\S+ 0\n/gm, ''));
    const wrong = expected.findIndex((text, i) => text !== words(plain)[i]);
    if (wrong < 0 && committed.length === expected.length) return undefined;
    return `mr-out-${wrong} is not what a sequential run makes: ${plain[wrong]}`;
  }

  #countRareStates({ tally }: JobStatusResult): void {
    const { sim } = this.#world;
    const now = this.#last?.context.tally ?? tally;
    for (const [name, what] of Object.entries(SOMETIMES)) {
      if (now[name as keyof Tally] > 0) sim.sometimes(`mapreduce: ${what}`);
    }
    const lives = this.#workers.filter((name) => this.#worker(name) !== undefined).length;
    if (now.terminations > lives) sim.sometimes('mapreduce: terminate repeated');
  }
}
