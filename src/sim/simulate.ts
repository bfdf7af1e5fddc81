/**
 * `simulate()`: one seed of one scenario, from start to verdict, synchronously. First faults while
 * the invariants are checked after every event (safety); then the faults stop, and what the
 * scenario promises must come true in its time (liveness).
 */
import type { Micros } from '../../actors/ports.js';
import { parseSeed, type Seed, stream } from '../random/prng.js';
import type { Crc32 } from '../storage/crc32.js';
import { MemoryRecorder, TRACE_VERSION } from '../trace/record.js';
import type { Trace } from '../trace/trace-file.js';
import { Chaos } from './chaos.js';
import type { Violation, Watchdogs } from './kernel.js';
import type { FaultClass, Scenario, ScenarioRun, World } from './scenario.js';
import { findScenario, SCENARIOS } from './scenarios/index.js';
import { Simulation } from './simulation.js';

export const DEFAULT_DURATION_MICROS = 30_000_000;

export interface SimulateOptions {
  /** A scenario or its name; `swarm` (the default) lets the seed choose one. */
  readonly scenario?: string | Scenario;
  readonly seed: Seed;
  /** Default: the scenario's. */
  readonly nodes?: number;
  /** How long the faults last. Default 30 s. */
  readonly durationMicros?: Micros;
  /** A bug of the scenario's zoo, to see it caught. */
  readonly bug?: string | undefined;
  /** Record the run: the result has a `trace`. Costs time and memory. */
  readonly isTraced?: boolean;
  /** Default: what the seed draws, random in four seeds of five. */
  readonly order?: 'random' | 'fifo';
  /** No faults at all. */
  readonly isCalm?: boolean;
  readonly watchdogs?: Partial<Watchdogs>;
  /** The checksum of the logs, where the host has a faster one; must give the same numbers. */
  readonly crc?: Crc32;
}

export interface SimulationResult {
  readonly scenario: string;
  /** Decimal. */
  readonly seed: string;
  readonly nodes: number;
  readonly durationMicros: Micros;
  /** Empty when all went well; the run ends at the first. */
  readonly violations: readonly Violation[];
  /** 16 hexadecimal digits; the same seed and options give the same on any machine. */
  readonly traceHash: string;
  /** Virtual time that passed. */
  readonly simMicros: Micros;
  /** Events handled. */
  readonly steps: number;
  readonly faults: readonly FaultClass[];
  /** Messages, figures of the scenario, and how often each rare state was reached; sorted. */
  readonly counters: Readonly<Record<string, number>>;
  readonly trace?: Trace;
}

/** Runs one seed. Throws a RangeError on options that make no sense. */
export function simulate(options: SimulateOptions): SimulationResult {
  const seed = parseSeed(options.seed);
  const scenario = chooseScenario(options.scenario ?? 'swarm', seed);
  const nodes = options.nodes ?? scenario.defaultNodes;
  const durationMicros = options.durationMicros ?? DEFAULT_DURATION_MICROS;
  checkOptions(scenario, nodes, durationMicros, options.bug);
  const recorder = options.isTraced === true ? new MemoryRecorder() : undefined;
  const sim = new Simulation({
    seed,
    order: options.order ?? (stream(seed, 'order').chance(1, 5) ? 'fifo' : 'random'),
    recorder,
    crc: options.crc,
    ...(options.watchdogs && { watchdogs: options.watchdogs }),
    capacity: Math.max(64, 4 * nodes),
  });
  const world: World = {
    sim,
    nodes,
    durationMicros,
    random: sim.stream('scenario'),
    hasBug: (name) => {
      if (!Object.hasOwn(scenario.bugs, name)) throw new RangeError(`no bug '${name}' is declared`);
      return options.bug === name;
    },
  };
  const run = scenario.start(world);
  const faults = live(sim, run, durationMicros, options.isCalm === true);
  const result: SimulationResult = {
    scenario: scenario.name,
    seed: seed.toString(),
    nodes,
    durationMicros,
    violations: sim.violations,
    traceHash: sim.traceHash(),
    simMicros: sim.now,
    steps: sim.kernel.steps,
    faults,
    counters: countersOf(sim, run),
  };
  if (recorder === undefined) return result;
  const header = {
    trace: 'conclave',
    version: TRACE_VERSION,
    host: 'sim',
    seed: result.seed,
    scenario: scenario.name,
    options: traceOptions(options, nodes, durationMicros),
  } as const;
  return { ...result, trace: { header, events: recorder.events() } };
}

/** What a replay needs besides seed and scenario. */
function traceOptions(
  { bug, order, isCalm }: SimulateOptions,
  nodes: number,
  durationMicros: Micros,
): Readonly<Record<string, unknown>> {
  return {
    nodes,
    durationMicros,
    ...(bug !== undefined && { bug }),
    ...(order !== undefined && { order }),
    ...(isCalm !== undefined && { isCalm }),
  };
}

function chooseScenario(choice: string | Scenario, seed: bigint): Scenario {
  if (typeof choice !== 'string') return choice;
  return choice === 'swarm' ? stream(seed, 'swarm').pick(SCENARIOS) : findScenario(choice);
}

function checkOptions(
  scenario: Scenario,
  nodes: number,
  durationMicros: Micros,
  bug: string | undefined,
): void {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 64) {
    throw new RangeError(`nodes must be a whole number of 1 … 64, not ${nodes}`);
  }
  if (!Number.isSafeInteger(durationMicros) || durationMicros < 0) {
    throw new RangeError(`the duration must be whole microseconds, not ${durationMicros}`);
  }
  if (bug !== undefined && !Object.hasOwn(scenario.bugs, bug)) {
    const known = Object.keys(scenario.bugs).join(', ') || 'none';
    throw new RangeError(`the scenario '${scenario.name}' has no bug '${bug}'; it has ${known}`);
  }
}

/** Safety under faults, then healing, then liveness. Returns the classes of faults. */
function live(
  sim: Simulation,
  run: ScenarioRun,
  durationMicros: Micros,
  isCalm: boolean,
): readonly FaultClass[] {
  const chaos = isCalm ? undefined : new Chaos(sim, run.faults);
  const faults = chaos?.start() ?? [];
  if (!sim.runFor(durationMicros)) return faults;
  // Not as an argument of the optional call: a scenario without `heal` would never be healed.
  const lost = chaos?.stop() ?? [];
  run.heal?.(lost);
  const isDone = sim.runUntil(() => run.isDone(), run.livenessMicros);
  if (sim.violations.length > 0) return faults;
  if (!isDone) {
    const what = run.describe?.() ?? 'it is not done';
    sim.violate('liveness', `${run.livenessMicros} µs after the faults stopped: ${what}`);
    return faults;
  }
  const wrong = run.check?.();
  if (wrong !== undefined) sim.violate('final', wrong);
  return faults;
}

function countersOf(sim: Simulation, run: ScenarioRun): Readonly<Record<string, number>> {
  const { sent, sentBytes, sentRequests, delivered, dropped, duplicated, refused } =
    sim.network.totals();
  const all: [string, number][] = [
    ['messages.sent', sent],
    ['messages.sentBytes', sentBytes],
    ['messages.requests', sentRequests],
    ['messages.delivered', delivered],
    ['messages.dropped', dropped],
    ['messages.duplicated', duplicated],
    ['messages.refused', refused],
    ...Object.entries(run.counters?.() ?? {}),
    ...sim.kernel.sometimesCounts(),
  ];
  all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(all);
}
