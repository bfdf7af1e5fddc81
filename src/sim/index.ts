/**
 * `conclave/sim`: the deterministic simulator. Runs in Node and in a browser page.
 *
 * - `simulate({ scenario, seed })` runs one seed of a scenario; `SCENARIOS` lists them.
 * - `Simulation` is the system under it, for tests of your own.
 * - A `Scenario` is what you write to have a system of your own put under faults.
 * - `replay(recording, definition)` lives an actor's recorded life again, also one recorded on
 *   worker threads (`ActorSystem.recordingOf`).
 */
export { type ActorRecording, type ReplayResult, replay } from '../trace/actor-recording.js';
export { decodeRecording, encodeRecording } from '../trace/recording-codec.js';
export type { SimPortContext, SimPorts } from './actor-life.js';
export { Chaos } from './chaos.js';
export { type DiskFaults, GOOD_DISK, type SimDisk } from './disk.js';
export type { Invariant, Violation, Watchdogs } from './kernel.js';
export { replayTrace, type TraceReplay } from './replay-trace.js';
export type {
  FaultClass,
  FaultTargets,
  Scenario,
  ScenarioRun,
  World,
} from './scenario.js';
export { findScenario, SCENARIOS } from './scenarios/index.js';
export type { SimActor, SpawnOptions } from './sim-actor.js';
export { type SimulateOptions, type SimulationResult, simulate } from './simulate.js';
export { type Endpoint, Simulation, type SimulationOptions } from './simulation.js';
export { simulateVerified } from './verified.js';
