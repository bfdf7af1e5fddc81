/** The classes of faults that chaos brings to actors: their lives, clocks, mailboxes and disks. */
import type { Address } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import type { Crash } from '../storage/simulated-disk.js';
import type { FaultTools } from './chaos.js';

const MILLI = 1000;
const SECOND = 1_000_000;

/** Who dies together, and how. */
interface Death {
  readonly name: string;
  readonly victims: readonly Address[];
  readonly crash: Crash;
}

/**
 * Actors die alone, with their process, or several at once when the power fails; in half of the
 * cases in the middle of a turn, between two effects. They come back after a while.
 */
export function crashActors(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  const meanMicros = Math.ceil(random.uniform(5 * SECOND, 60 * SECOND) / targets.actors.length);
  const restartMaxMicros = random.uniform(10 * MILLI, 10 * SECOND);
  tools.repeat(random, meanMicros, () => {
    const { name: fault, victims, crash } = drawDeath(tools, random);
    const isLate = random.chance(1, 2);
    for (const name of victims) {
      const actor = sim.actor(name);
      const wasAlive = actor.isAlive;
      if (isLate && wasAlive) actor.killAfterEffects(random.below(6), crash);
      // Power fails for the dead too: their last writes may still be in the cache.
      else actor.kill(crash);
      if (!wasAlive) continue;
      tools.fault(fault, name);
      tools.later(random.uniform(0, restartMaxMicros), () => tools.revive(name));
    }
  });
}

function drawDeath({ targets, processes }: FaultTools, random: Prng): Death {
  const { actors } = targets;
  const draw = random.below(10);
  if (draw === 0) {
    const count = random.chance(1, 2) ? actors.length : random.uniform(1, actors.length);
    const victims = random.shuffle(actors).slice(0, count);
    return { name: 'power loss', victims, crash: 'power' };
  }
  if (draw < 4) return { name: 'process crash', victims: random.pick(processes), crash: 'process' };
  const crash = random.pick(['power', 'process'] as const);
  return { name: 'crash', victims: [random.pick(actors)], crash };
}

/** All actors of a process stop for a while, as at a collection of garbage or a SIGSTOP. */
export function pauseActors(tools: FaultTools, random: Prng): void {
  const { sim, processes } = tools;
  const meanMicros = Math.ceil(random.uniform(5 * SECOND, 30 * SECOND) / processes.length);
  tools.repeat(random, meanMicros, () => {
    const awake = random.pick(processes).filter((name) => {
      const actor = sim.actor(name);
      return actor.isAlive && !actor.isPaused;
    });
    const duration = random.uniform(100 * MILLI, 20 * SECOND);
    for (const name of awake) {
      sim.pause(name);
      tools.fault('pause', name);
      tools.later(duration, () => sim.resume(name));
    }
    if (awake.length > 1) sim.sometimes('fault: pause of a shared process');
  });
}

/** Clocks run up to 5 % fast or slow, and start up to an hour apart. */
export function driftClocks(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  for (const name of targets.actors) {
    const actor = sim.actor(name);
    actor.jumpClock(random.uniform(0, 3600) * SECOND);
    actor.setClockRate(random.uniform(-50_000, 50_000));
  }
  tools.repeat(random, 10 * SECOND, () => {
    const name = random.pick(targets.actors);
    sim.actor(name).setClockRate(random.uniform(-50_000, 50_000));
    tools.fault('clock', name);
  });
}

/** Timers fire late. */
export function delayTimers({ sim, targets }: FaultTools, random: Prng): void {
  for (const name of targets.actors) {
    sim.actor(name).setLimits({ latenessMicrosMax: random.uniform(0, 50 * MILLI) });
  }
}

/** Mailboxes that overflow, and turns of one or few inputs. */
export function shrinkMailboxes({ sim, targets }: FaultTools, random: Prng): void {
  for (const name of targets.actors) {
    const mailboxCapacity = random.chance(1, 2) ? random.uniform(4, 256) : 65_536;
    const turnInputsMax = random.pick([1, 2, 8, 1024]);
    sim.actor(name).setLimits({ mailboxCapacity, turnInputsMax });
  }
}

/** Slow, stalling, failing, full and hung disks. */
export function spoilDisks(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  for (const name of targets.actors) {
    sim.disk(name).setFaults({
      syncMicrosMin: random.uniform(100, 10 * MILLI),
      syncMicrosMean: random.uniform(1, 100 * MILLI),
      stallChance: 5000,
      stallMicros: SECOND,
      syncFailureChance: random.chance(1, 2) ? 0 : random.uniform(0, 20_000),
      writeFailureChance: random.chance(1, 2) ? 0 : random.uniform(0, 10_000),
    });
  }
  tools.repeat(random, 15 * SECOND, () => {
    const name = random.pick(targets.actors);
    sim.disk(name).setFaults({ isFull: true });
    tools.fault('disk full', name);
    tools.later(random.uniform(SECOND, 20 * SECOND), () => {
      sim.disk(name).setFaults({ isFull: false });
    });
  });
  tools.repeat(random, 30 * SECOND, () => {
    const name = random.pick(targets.actors);
    sim.disk(name).setFaults({ isHung: true });
    tools.fault('disk hung', name);
    tools.later(random.uniform(SECOND, 20 * SECOND), () => {
      sim.disk(name).setFaults({ isHung: false });
    });
  });
  // What a bad disk killed comes back, as under any supervisor.
  tools.repeat(random, SECOND, () => {
    for (const name of targets.actors) if (!sim.actor(name).isAlive) tools.revive(name);
  });
}

/**
 * Bits rot in what was synced long ago, on so few disks that the system survives (the fault atlas):
 * whoever reads such a disk must refuse it, for ever.
 */
export function rotDisks(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  const { actors = [], limit = 0 } = targets.rot ?? {};
  const bad = random.shuffle(actors).slice(0, limit);
  tools.repeat(random, 10 * SECOND, () => {
    const name = random.pick(bad);
    const actor = sim.actor(name);
    if (!actor.isAlive || !actor.disk.rot()) return;
    tools.fault('rot', name);
    actor.kill(random.pick(['power', 'process'] as const));
    tools.later(random.uniform(0, SECOND), () => tools.revive(name));
  });
}
