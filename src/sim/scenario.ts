/**
 * What a scenario is: a system, the load on it, what chaos may do to it, what must always hold, and
 * what must come true once the faults stop. `simulate()` runs it.
 *
 * To add one: write `src/sim/scenarios/<name>.ts` that exports a `Scenario`, and add it to
 * `scenarios/index.ts`. In `start(world)`: spawn actors (`world.sim.spawn`), register invariants
 * (`world.sim.invariant`), count rare states (`world.sim.sometimes`), and return a `ScenarioRun`.
 */
import type { Address, Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import type { Simulation } from './simulation.js';

export interface World {
  readonly sim: Simulation;
  /** How large the system is to be; at least 1. */
  readonly nodes: number;
  /** How long the faults will last. */
  readonly durationMicros: Micros;
  /** The scenario's own stream. */
  readonly random: Prng;
  /** Whether that bug of the scenario's zoo is switched on. */
  hasBug(name: string): boolean;
}

/** Which faults chaos may choose from; all by default. Each is on in half of the seeds. */
export const FAULT_CLASSES = [
  'network',
  'partition',
  'crash',
  'pause',
  'clock',
  'disk',
  'clog',
  'timers',
  'mailbox',
  /** Only where `FaultTargets.rot` says that the system survives it. */
  'rot',
] as const;

export type FaultClass = (typeof FAULT_CLASSES)[number];

export interface FaultTargets {
  /** Actors that may crash, pause, drift and have bad disks. Chaos restarts what it kills. */
  readonly actors: readonly Address[];
  /** Names between which links may fail; the actors and endpoints of the system. */
  readonly network: readonly Address[];
  /** Actors that the system can do without: some stay dead, frozen, deaf or mute for ever. */
  readonly expendable?: readonly Address[];
  /** At most so many of them are lost, those with damaged disks included. Default: all. */
  readonly lossMax?: number;
  /** Damage to at most `limit` of these disks is no reason to lose data, or to stop. */
  readonly rot?: { readonly actors: readonly Address[]; readonly limit: number };
  readonly classes?: readonly FaultClass[];
  /**
   * In the place of `actor.start()` after a crash: for actors that another part of the system
   * starts again, or that come back with other data.
   */
  readonly restart?: (name: Address) => void;
}

export interface ScenarioRun {
  readonly faults: FaultTargets;
  /**
   * Called when the faults have stopped; `lost` are the actors that never come back: some of the
   * expendable ones, and those with damaged disks.
   */
  heal?(lost: readonly Address[]): void;
  /** What must come true after the faults have stopped. */
  isDone(): boolean;
  /** Within this time. */
  readonly livenessMicros: Micros;
  /** Says what is not done, for the failure line. */
  describe?(): string;
  /** A last check when it is done: what is wrong, or undefined. */
  check?(): string | undefined;
  /** Figures of the run, such as operations done. */
  counters?(): Readonly<Record<string, number>>;
}

export interface Scenario {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** When the caller does not say. */
  readonly defaultNodes: number;
  /** Bugs that can be switched on to prove that the checks see them: name → what it does. */
  readonly bugs: Readonly<Record<string, string>>;
  start(world: World): ScenarioRun;
}
