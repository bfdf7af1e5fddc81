/** Runs the seeds that `conclave sim` was asked for, and says which of them failed and how. */
import { randomInt } from 'node:crypto';
import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Piscina } from 'piscina';
import { ConclaveError, messageOf } from '../errors.js';
import { findScenario, SCENARIOS, type Scenario } from '../sim/index.js';
import { TraceHash } from '../trace/hash.js';
import type { ExitCode } from './command.js';
import type { SeedRange, SimInvocation, SimValues } from './commands/sim.js';
import { hanging } from './hanging.js';
import type { Output } from './output.js';
import { formatCount, formatDuration, plural } from './quantities.js';
import { runSeeds, type SeedResult, SeedTotals } from './seed-runs.js';
import type { SeedOutcome, SeedTask } from './sim-worker.js';

const RANDOM_SEED_MAX = 2 ** 32;

export async function runSim(invocation: SimInvocation): Promise<ExitCode> {
  const { values, output, signal } = invocation;
  if (values.list) return list(output);
  const scenario = scenarioFor(values);
  const { first, last } = rangeOf(values, output);
  if (values.trace !== undefined) checkTrace(values.trace, first === last);
  const hunt = new Hunt(scenario, { first, last }, invocation);
  const pool = new Piscina<SeedTask, SeedOutcome>({
    filename: new URL('./sim-worker.js', import.meta.url).href,
    maxThreads: Math.min(values.jobs, last - first + 1),
    atomics: 'disabled',
  });
  const startedMs = performance.now();
  try {
    const plan = { first, last, jobs: values.jobs, signal };
    await runSeeds(plan, hunt.runner(pool, signal), (result) => hunt.add(result));
  } finally {
    await pool.destroy();
    output.close();
  }
  return hunt.finish((performance.now() - startedMs) / 1000);
}

/** One call of `conclave sim`: its failures, hash and totals so far. */
class Hunt {
  readonly #scenario: string;
  readonly #range: SeedRange;
  readonly #values: SimValues;
  readonly #output: Output;
  readonly #totals = new SeedTotals();
  readonly #hash = new TraceHash();
  readonly #failures: Failure[] = [];
  #lastHash = '';

  constructor(scenario: string, range: SeedRange, { values, output }: SimInvocation) {
    this.#scenario = scenario;
    this.#range = range;
    this.#values = values;
    this.#output = output;
  }

  runner(pool: Piscina<SeedTask, SeedOutcome>, signal: AbortSignal) {
    const { nodes, durationSeconds, zoo, trace } = this.#values;
    return async (seed: number): Promise<SeedResult> => {
      const task: SeedTask = {
        scenario: this.#scenario,
        seed,
        nodes,
        durationMicros: Math.round(durationSeconds * 1_000_000),
        bug: zoo,
        isTraced: trace !== undefined,
      };
      const outcome = await aborted(pool.run(task, { signal }), signal);
      if (trace !== undefined && outcome.trace !== undefined) writeTrace(trace, outcome.trace);
      return outcome.result;
    };
  }

  add(result: SeedResult): void {
    this.#totals.add(result);
    this.#hash.foldString(result.traceHash);
    this.#lastHash = result.traceHash;
    if (result.failure !== undefined) this.#report(result, result.failure);
    this.#output.progress().update({
      phase: 'sim',
      done: this.#totals.seeds,
      total: this.#range.last - this.#range.first + 1,
      unit: 'seeds',
      ...(this.#failures.length > 0 && { detail: plural(this.#failures.length, 'failure') }),
    });
  }

  #report(result: SeedResult, failure: NonNullable<SeedResult['failure']>): void {
    const { seed, scenario } = result;
    const { step, invariant, detail } = failure;
    const replay = replayOf(scenario, seed, this.#values);
    this.#failures.push({ seed, scenario, step, invariant, detail, replay });
    const line = `SEED=${seed} SCENARIO=${scenario} STEP=${step} INVARIANT=${invariant}`;
    this.#output.print(`${this.#output.colours.red(line)} ${replay}`);
    this.#output.note(`  ${detail}`);
  }

  finish(wallSeconds: number): ExitCode {
    const { seeds, simMicros } = this.#totals;
    const simSeconds = simMicros / 1_000_000;
    const ratio = simSeconds / wallSeconds;
    // A single seed keeps its own hash, so that it can be compared with the library's.
    const traceHash = seeds === 1 ? this.#lastHash : this.#hash.digest();
    const failures = this.#failures;
    const counters = this.#totals.counters();
    const { first: firstSeed, last: lastSeed } = this.#range;
    const range = { seeds, firstSeed, lastSeed };
    this.#output.report({ ...range, failures, simSeconds, ratio, traceHash, counters });
    for (const [name, count] of Object.entries(counters)) {
      this.#output.detail(`${name} ${formatCount(count)}`);
    }
    this.#output.print(
      `${plural(seeds, 'seed')}, ${plural(failures.length, 'failure')}; ` +
        `${formatCount(Math.round(simSeconds))} s simulated in ` +
        `${formatDuration(wallSeconds * 1000)} (${ratio.toFixed(1)} times real time); ` +
        `trace hash ${traceHash}`,
    );
    return failures.length === 0 ? 0 : 1;
  }
}

interface Failure {
  readonly seed: number;
  readonly scenario: string;
  readonly step: number;
  readonly invariant: string;
  readonly detail: string;
  /** The command that runs it again. */
  readonly replay: string;
}

/** With a zoo bug, the swarm is the scenario that has it. Throws `USAGE` on unknown names. */
function scenarioFor({ scenario, zoo }: SimValues): string {
  if (scenario !== 'swarm') findScenario(scenario);
  if (zoo === undefined) return scenario;
  const candidates = scenario === 'swarm' ? SCENARIOS : [findScenario(scenario)];
  const owner = candidates.find(({ bugs }) => Object.hasOwn(bugs, zoo));
  if (owner !== undefined) return owner.name;
  const known = candidates.flatMap(({ bugs }) => Object.keys(bugs)).join(', ') || 'none';
  throw new ConclaveError('USAGE', `--zoo: there is no bug '${zoo}' here; there are ${known}`);
}

function rangeOf(values: SimValues, output: Output): SeedRange {
  const { seed, seeds } = values;
  if (seed !== undefined && seeds !== undefined) {
    throw new ConclaveError('USAGE', '--seed and --seeds exclude each other; give one of them');
  }
  if (seeds !== undefined) return seeds;
  if (seed !== undefined) return { first: seed, last: seed };
  const drawn = randomInt(RANDOM_SEED_MAX);
  output.print(`seed ${drawn}`);
  return { first: drawn, last: drawn };
}

/** Before the run, because nobody wants to learn it afterwards. */
function checkTrace(file: string, isOneSeed: boolean): void {
  if (!isOneSeed) throw new ConclaveError('USAGE', '--trace needs one seed; give it with --seed');
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (cause) {
    throw traceError(file, cause);
  }
}

function writeTrace(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw traceError(file, cause);
  }
}

function traceError(file: string, cause: unknown): ConclaveError {
  const message = `the trace '${file}' cannot be written: ${messageOf(cause)}`;
  return new ConclaveError('OUTPUT', message, { cause });
}

function replayOf(scenario: string, seed: number, values: SimValues): string {
  const words = ['conclave sim', `--scenario ${scenario}`, `--seed ${seed}`];
  words.push(`--nodes ${values.nodes}`, `--duration ${values.durationSeconds}`);
  if (values.zoo !== undefined) words.push(`--zoo ${values.zoo}`);
  return words.join(' ');
}

/** Piscina rejects aborted tasks with an error of its own; the caller wants the signal's reason. */
async function aborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function list(output: Output): ExitCode {
  const describe = ({ name, description, bugs }: Scenario) => ({ name, description, bugs });
  output.report({ scenarios: SCENARIOS.map(describe) });
  const names = [...SCENARIOS.map(({ name }) => name), 'swarm'];
  const indent = Math.max(...names.map((name) => name.length)) + 2;
  const row = (head: string, text: string): void => {
    output.print(hanging(head.padEnd(indent), text, output.columns));
  };
  row('swarm', 'a scenario drawn by the seed');
  for (const { name, description, bugs } of SCENARIOS) {
    row(name, description);
    for (const [bug, text] of Object.entries(bugs)) row('', `--zoo ${bug}: ${text}`);
  }
  return 0;
}
