/**
 * Chaos: injects faults into a running simulation, and stops. Each seed draws which classes of
 * faults are on (half of them, on average) and how bad they are; the ranges are those of
 * CORRECTNESS § 4.5. Every class draws from a stream of its own.
 */
import type { Address, Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import { type LinkSettings, PLAIN_LINK } from '../router/link-settings.js';
import { PRESETS } from '../router/presets.js';
import { GOOD_DISK } from './disk.js';
import { FAULT_CLASSES, type FaultClass, type FaultTargets } from './scenario.js';
import type { Simulation } from './simulation.js';

const MILLI = 1000;
const SECOND = 1_000_000;
/** A quiet second in seven: some bugs need that nothing happens. */
const QUIET_PERIOD = 7;

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
    const classes = FAULT_CLASSES.filter((name, i) => isOn[i] && allowed.includes(name));
    for (const name of classes) {
      this.#sim.sometimes(`chaos: ${name}`);
      this.#begin(name, this.#sim.stream(`chaos.${name}`));
    }
    this.#fault('chaos', '', { classes });
    return classes;
  }

  /**
   * The faults stop, and all is healed but for some of the expendable actors: those stay dead,
   * frozen, deaf or mute for ever. Healing everything would hide what one bad peer can block.
   * Returns those.
   */
  stop(): readonly Address[] {
    this.#isOver = true;
    this.#sim.network.heal();
    this.#sim.network.setAll(PLAIN_LINK);
    for (const name of this.#targets.actors) {
      const actor = this.#sim.actor(name);
      actor.setClockRate(0);
      actor.disk.setFaults(GOOD_DISK);
      actor.resume();
      this.#revive(name);
    }
    const expendable = this.#targets.expendable ?? [];
    const lost = this.#plan.shuffle(expendable).slice(0, this.#plan.below(expendable.length + 1));
    for (const name of lost) this.#lose(name, this.#plan.pick(['dead', 'frozen', 'deaf', 'mute']));
    this.#fault('healed', '', { lost });
    return lost;
  }

  #lose(name: Address, how: 'dead' | 'frozen' | 'deaf' | 'mute'): void {
    const { network } = this.#sim;
    if (how === 'dead') this.#sim.kill(name);
    if (how === 'frozen') this.#sim.pause(name);
    for (const other of this.#targets.network) {
      if (how === 'deaf') network.cut(other, name);
      if (how === 'mute') network.cut(name, other);
    }
    this.#fault(how, name);
    this.#sim.sometimes(`fault: ${how} for ever`);
  }

  #begin(name: FaultClass, random: Prng): void {
    switch (name) {
      case 'network':
        this.#spoilNetwork(random);
        break;
      case 'partition':
        this.#partition(random);
        break;
      case 'crash':
        this.#crash(random);
        break;
      case 'pause':
        this.#pause(random);
        break;
      case 'clock':
        this.#driftClocks(random);
        break;
      case 'disk':
        this.#spoilDisks(random);
        break;
    }
  }

  /** Calls `strike` again and again, at random times with that mean between them. */
  #repeat(random: Prng, meanMicros: Micros, strike: () => void): void {
    this.#sim.after(1 + random.exponential(meanMicros), () => {
      if (this.#isOver) return;
      const isQuiet = Math.floor(this.#sim.now / SECOND) % QUIET_PERIOD === this.#quietPhase;
      if (!isQuiet) strike();
      this.#repeat(random, meanMicros, strike);
    });
  }

  #spoilNetwork(random: Prng): void {
    if (random.chance(1, 5)) {
      const preset = random.pick([
        'labs-unreliable',
        'labs-long-reordering',
        'labs-chaos',
      ] as const);
      this.#sim.network.setAll(PRESETS[preset]);
      this.#sim.sometimes(`chaos: ${preset}`);
      return;
    }
    const names = this.#targets.network;
    const lossPpm = random.chance(3, 10) ? 0 : random.uniform(0, 300_000);
    const duplicatePpm = random.uniform(0, 300_000);
    const minMicros = random.uniform(0, 30 * MILLI);
    const meanMicros = random.uniform(5 * MILLI, 100 * MILLI);
    const bytesPerSecond = random.chance(1, 4) ? random.uniform(10_000, 10_000_000) : 0;
    for (const from of names) {
      for (const to of names) {
        const link: LinkSettings = {
          ...PLAIN_LINK,
          dropPpm: random.uniform(0, lossPpm),
          duplicatePpm,
          duplicateSpreadMicros: random.uniform(0, 100 * meanMicros),
          delay: { kind: 'exponential', minMicros, meanMicros, maxMicros: 10 * SECOND },
          tailPpm: 1000,
          tailMicros: 10 * SECOND,
          reorder: random.chance(1, 2),
          bytesPerSecond,
        };
        this.#sim.network.setLink(from, to, link);
      }
    }
  }

  #partition(random: Prng): void {
    const meanMicros = random.uniform(2 * SECOND, 15 * SECOND);
    this.#repeat(random, meanMicros, () => {
      const shape = this.#cut(random, random.shuffle(this.#targets.network));
      this.#fault(`partition: ${shape}`, '');
      this.#sim.sometimes(`fault: partition ${shape}`);
      const duration = SECOND / 2 + random.exponential(random.uniform(SECOND, 10 * SECOND));
      this.#sim.after(Math.floor(duration), () => {
        if (this.#isOver) return;
        this.#sim.network.heal();
        this.#fault('partition healed', '');
      });
    });
  }

  #cut(random: Prng, names: readonly Address[]): string {
    const { network } = this.#sim;
    const shape = random.pick(['split', 'isolated', 'one-way', 'bridge', 'clogged'] as const);
    const [first = '', second = first, ...others] = names;
    if (shape === 'split') {
      const size = random.uniform(1, Math.max(1, names.length - 1));
      network.partition([names.slice(0, size), names.slice(size)]);
    } else if (shape === 'isolated') {
      network.disconnect(first);
    } else if (shape === 'one-way') {
      for (const to of names) if (to !== first) network.cut(first, to);
    } else if (shape === 'bridge') {
      // The first can talk to all; the others form two sides that cannot.
      const half = Math.ceil(others.length / 2);
      network.partition([[second, ...others.slice(0, half)], others.slice(half)]);
    } else {
      network.cut(first, second);
    }
    return shape;
  }

  #crash(random: Prng): void {
    const { actors } = this.#targets;
    const meanMicros = Math.ceil(random.uniform(5 * SECOND, 60 * SECOND) / actors.length);
    const restartMaxMicros = random.uniform(10 * MILLI, 10 * SECOND);
    this.#repeat(random, meanMicros, () => {
      const victims = random.chance(1, 10) ? actors : [random.pick(actors)];
      const isLate = random.chance(1, 2);
      for (const name of victims) {
        const actor = this.#sim.actor(name);
        if (!actor.isAlive) continue;
        this.#sim.sometimes(victims.length > 1 ? 'fault: power loss' : 'fault: crash');
        this.#fault('crash', name);
        if (isLate) actor.killAfterEffects(random.below(6));
        else actor.kill();
        const delay = random.uniform(0, restartMaxMicros);
        this.#sim.after(delay, () => {
          if (!this.#isOver) this.#revive(name);
        });
      }
    });
  }

  /** A fuse may not have burnt yet: then the actor lives on until it does, or is spared. */
  #revive(name: Address): void {
    const actor = this.#sim.actor(name);
    if (actor.isAlive) {
      actor.killAfterEffects(Number.POSITIVE_INFINITY);
      return;
    }
    if (this.#targets.restart === undefined) actor.start();
    else this.#targets.restart(name);
  }

  #pause(random: Prng): void {
    const { actors } = this.#targets;
    const meanMicros = Math.ceil(random.uniform(5 * SECOND, 30 * SECOND) / actors.length);
    this.#repeat(random, meanMicros, () => {
      const name = random.pick(actors);
      const actor = this.#sim.actor(name);
      if (!actor.isAlive || actor.isPaused) return;
      actor.pause();
      this.#fault('pause', name);
      this.#sim.sometimes('fault: pause');
      const duration = random.uniform(100 * MILLI, 20 * SECOND);
      this.#sim.after(duration, () => {
        if (!this.#isOver) actor.resume();
      });
    });
  }

  #driftClocks(random: Prng): void {
    for (const name of this.#targets.actors) {
      const actor = this.#sim.actor(name);
      actor.jumpClock(random.uniform(0, 3600) * SECOND);
      actor.setClockRate(random.uniform(-50_000, 50_000));
    }
    this.#repeat(random, 10 * SECOND, () => {
      const name = random.pick(this.#targets.actors);
      this.#sim.actor(name).setClockRate(random.uniform(-50_000, 50_000));
      this.#fault('clock', name);
      this.#sim.sometimes('fault: clock');
    });
  }

  #spoilDisks(random: Prng): void {
    for (const name of this.#targets.actors) {
      this.#sim.actor(name).disk.setFaults({
        syncMicros: random.uniform(100, 10 * MILLI),
        syncMeanMicros: random.uniform(1, 100 * MILLI),
        stallPpm: 5000,
        stallMicros: SECOND,
        failPpm: random.chance(1, 2) ? 0 : random.uniform(0, 20_000),
      });
    }
    const { actors } = this.#targets;
    this.#repeat(random, 15 * SECOND, () => {
      const { disk } = this.#sim.actor(random.pick(actors));
      disk.setFaults({ isFull: true });
      this.#sim.after(random.uniform(SECOND, 20 * SECOND), () => disk.setFaults({ isFull: false }));
    });
    // What a bad disk killed comes back, as under any supervisor.
    this.#repeat(random, SECOND, () => {
      for (const name of actors) {
        if (!this.#sim.actor(name).isAlive) this.#revive(name);
      }
    });
  }

  #fault(fault: string, actor: Address, detail?: unknown): void {
    this.#sim.kernel.record(actor, {
      type: 'fault',
      fault,
      ...(detail !== undefined && { detail }),
    });
  }
}
