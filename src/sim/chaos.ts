/**
 * Chaos: injects faults into a running simulation, and stops. Each seed draws which classes of
 * faults are on (half of them, on average) and how bad they are. Every class draws from a stream of
 * its own. What the classes do, and in which ranges, is in `network-faults.ts` and
 * `actor-faults.ts`.
 */
import type { Address, Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import { PLAIN_LINK } from '../router/link-settings.js';
import {
  crashActors,
  delayTimers,
  driftClocks,
  pauseActors,
  rotDisks,
  shrinkMailboxes,
  spoilDisks,
} from './actor-faults.js';
import { GOOD_DISK } from './disk.js';
import { clogLinks, cutLinks, spoilLinks } from './network-faults.js';
import { FAULT_CLASSES, type FaultClass, type FaultTargets } from './scenario.js';
import type { Simulation } from './simulation.js';

const SECOND = 1_000_000;
/** A quiet second in seven: some bugs need that nothing happens. */
const QUIET_PERIOD = 7;

/** What a class of faults has at hand. */
export interface FaultTools {
  readonly sim: Simulation;
  readonly targets: FaultTargets;
  /** Actors that share a process: they pause together, and die together when it dies. */
  readonly processes: readonly (readonly Address[])[];
  /** Calls `strike` again and again, at random times with that mean between them. */
  repeat(random: Prng, meanMicros: Micros, strike: () => void): void;
  /** Runs once after that time, unless the faults have stopped. */
  later(delayMicros: Micros, run: () => void): void;
  /** Notes a fault in the trace, and counts it. */
  fault(fault: string, actor?: Address): void;
  /** Begins a new life, or spares an actor whose fuse has not burnt. */
  revive(name: Address): void;
}

const BEGIN: Readonly<Record<FaultClass, (tools: FaultTools, random: Prng) => void>> = {
  network: spoilLinks,
  partition: cutLinks,
  crash: crashActors,
  pause: pauseActors,
  clock: driftClocks,
  disk: spoilDisks,
  clog: clogLinks,
  timers: delayTimers,
  mailbox: shrinkMailboxes,
  rot: rotDisks,
};

export class Chaos {
  readonly #sim: Simulation;
  readonly #targets: FaultTargets;
  readonly #plan: Prng;
  readonly #quietPhase: number;
  #isOver = false;

  constructor(sim: Simulation, targets: FaultTargets) {
    this.#sim = sim;
    this.#targets = targets;
    this.#plan = sim.stream('chaos');
    this.#quietPhase = this.#plan.below(QUIET_PERIOD);
  }

  /** Draws the plan and begins. Returns the classes that are on. */
  start(): readonly FaultClass[] {
    const allowed = this.#targets.classes ?? FAULT_CLASSES;
    // Drawn for every class, so that forbidding one shifts no other.
    const isOn = FAULT_CLASSES.map(() => this.#plan.chance(1, 2));
    const canRot = this.#targets.rot !== undefined;
    const classes = FAULT_CLASSES.filter(
      (name, i) => isOn[i] && allowed.includes(name) && (name !== 'rot' || canRot),
    );
    const tools = this.#tools();
    for (const name of classes) {
      this.#sim.sometimes(`chaos: ${name}`);
      BEGIN[name](tools, this.#sim.stream(`chaos.${name}`));
    }
    this.#record('chaos', '', { classes });
    return classes;
  }

  /**
   * The faults stop, and all is healed but for some of the expendable actors: those stay dead,
   * frozen, deaf or mute for ever. Healing everything would hide what one bad peer can block.
   * Returns those, and those whose disk is damaged.
   */
  stop(): readonly Address[] {
    this.#isOver = true;
    this.#sim.network.heal();
    this.#sim.network.setAll(PLAIN_LINK);
    this.#sim.unclog();
    for (const name of this.#targets.actors) {
      const actor = this.#sim.actor(name);
      actor.setClockRate(0);
      actor.disk.setFaults(GOOD_DISK);
      actor.resetLimits();
      actor.resume();
      this.#revive(name);
    }
    const refused = this.#targets.actors.filter((name) => this.#sim.actor(name).isRefused);
    const { expendable = [], lossMax = expendable.length } = this.#targets;
    const most = Math.max(0, lossMax - refused.length);
    const lost = this.#plan
      .shuffle(expendable.filter((name) => !refused.includes(name)))
      .slice(0, this.#plan.below(most + 1));
    for (const name of lost) this.#lose(name, this.#plan.pick(['dead', 'frozen', 'deaf', 'mute']));
    this.#record('healed', '', { lost, refused });
    return [...lost, ...refused];
  }

  #lose(name: Address, how: 'dead' | 'frozen' | 'deaf' | 'mute'): void {
    const { network } = this.#sim;
    if (how === 'dead') this.#sim.kill(name);
    if (how === 'frozen') this.#sim.pause(name);
    for (const other of this.#targets.network) {
      if (how === 'deaf') network.cut(other, name);
      if (how === 'mute') network.cut(name, other);
    }
    this.#record(how, name);
    this.#sim.sometimes(`fault: ${how} for ever`);
  }

  #tools(): FaultTools {
    return {
      sim: this.#sim,
      targets: this.#targets,
      processes: this.#drawProcesses(),
      repeat: (random, meanMicros, strike) => this.#repeat(random, meanMicros, strike),
      later: (delayMicros, run) => {
        this.#sim.after(delayMicros, () => {
          if (!this.#isOver) run();
        });
      },
      fault: (fault, actor = '') => {
        this.#record(fault, actor);
        this.#sim.sometimes(`fault: ${fault}`);
      },
      revive: (name) => this.#revive(name),
    };
  }

  /** In half of the seeds each actor has a process of its own. */
  #drawProcesses(): readonly (readonly Address[])[] {
    const { actors } = this.#targets;
    if (this.#plan.chance(1, 2)) return actors.map((name) => [name]);
    const processes: Address[][] = actors.map(() => []);
    const count = this.#plan.uniform(1, actors.length);
    for (const name of actors) processes[this.#plan.below(count)]?.push(name);
    return processes.filter(({ length }) => length > 0);
  }

  #repeat(random: Prng, meanMicros: Micros, strike: () => void): void {
    this.#sim.after(1 + random.exponential(meanMicros), () => {
      if (this.#isOver) return;
      const isQuiet = Math.floor(this.#sim.now / SECOND) % QUIET_PERIOD === this.#quietPhase;
      if (!isQuiet) strike();
      this.#repeat(random, meanMicros, strike);
    });
  }

  #revive(name: Address): void {
    const actor = this.#sim.actor(name);
    if (actor.isAlive) actor.killAfterEffects(Number.POSITIVE_INFINITY);
    else if (actor.isRefused) return;
    else if (this.#targets.restart === undefined) actor.start();
    else this.#targets.restart(name);
  }

  #record(fault: string, actor: Address, detail?: unknown): void {
    this.#sim.kernel.record(actor, {
      type: 'fault',
      fault,
      ...(detail !== undefined && { detail }),
    });
  }
}
