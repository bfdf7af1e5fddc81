/** The classes of faults that chaos brings to the network: bad links, cuts, and clogs. */
import type { Address } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import { type LinkSettings, PLAIN_LINK } from '../router/link-settings.js';
import { PRESETS } from '../router/presets.js';
import type { FaultTools } from './chaos.js';
import type { Simulation } from './simulation.js';

const MILLI = 1000;
const SECOND = 1_000_000;

/** Loss, duplication, delay, disorder and little bandwidth, for the whole time. */
export function spoilLinks({ sim, targets }: FaultTools, random: Prng): void {
  if (random.chance(1, 5)) {
    const preset = random.pick(['labs-unreliable', 'labs-long-reordering', 'labs-chaos'] as const);
    sim.network.setAll(PRESETS[preset]);
    sim.sometimes(`chaos: ${preset}`);
    return;
  }
  const lossPpm = random.chance(3, 10) ? 0 : random.uniform(0, 300_000);
  const duplicatePpm = random.uniform(0, 300_000);
  const minMicros = random.uniform(0, 30 * MILLI);
  const meanMicros = random.uniform(5 * MILLI, 100 * MILLI);
  const bytesPerSecond = random.chance(1, 4) ? random.uniform(10_000, 10_000_000) : 0;
  for (const [from, to] of pairs(targets.network)) {
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
    sim.network.setLink(from, to, link);
  }
}

/** Partitions of many shapes, one at a time or over one another, each healed after a while. */
export function cutLinks(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  const meanMicros = random.uniform(2 * SECOND, 15 * SECOND);
  tools.repeat(random, meanMicros, () => {
    const names = random.shuffle(targets.network);
    const shape = random.pick(SHAPES);
    CUT[shape](sim, names, random);
    tools.fault(`partition ${shape}`);
    const duration = SECOND / 2 + random.exponential(random.uniform(SECOND, 10 * SECOND));
    tools.later(Math.floor(duration), () => {
      sim.network.heal();
      tools.fault('partition healed');
    });
  });
}

const SHAPES = ['split', 'isolated', 'one-way', 'bridge', 'ring', 'chain', 'link'] as const;

type Cut = (sim: Simulation, names: readonly Address[], random: Prng) => void;

const CUT: Readonly<Record<(typeof SHAPES)[number], Cut>> = {
  split: ({ network }, names, random) => {
    const size = random.uniform(1, Math.max(1, names.length - 1));
    network.partition([names.slice(0, size), names.slice(size)]);
  },
  isolated: ({ network }, [first = '']) => network.disconnect(first),
  'one-way': ({ network }, [first = '', ...others]) => {
    for (const to of others) network.cut(first, to);
  },
  /** The first can talk to all; the others form two sides that cannot. */
  bridge: ({ network }, [, ...others]) => {
    const half = Math.ceil(others.length / 2);
    network.partition([others.slice(0, half), others.slice(half)]);
  },
  ring: ({ network }, names) =>
    cutBut(network, names, (apart) => apart <= 1 || apart >= names.length - 1),
  chain: ({ network }, names) => cutBut(network, names, (apart) => apart <= 1),
  link: ({ network }, [first = '', second = first]) => network.cut(first, second),
};

/** Cuts all links but those whose ends are as far apart in the row as `isKept` says. */
function cutBut(
  network: Simulation['network'],
  names: readonly Address[],
  isKept: (apart: number) => boolean,
): void {
  for (const [i, from] of names.entries()) {
    for (const [k, to] of names.entries()) if (!isKept(Math.abs(i - k))) network.cut(from, to);
  }
}

/**
 * Clogs hold messages back, and lose none. A swizzle (FoundationDB) clogs some actors one by one,
 * and frees them in another order.
 */
export function clogLinks(tools: FaultTools, random: Prng): void {
  const { sim, targets } = tools;
  const meanMicros = random.uniform(1, 5 * SECOND);
  tools.repeat(random, 3 * SECOND, () => {
    const [from = '', to = from] = random.shuffle(targets.network);
    sim.clog(from, to, sim.now + random.exponential(meanMicros));
    tools.fault('link clogged', from);
  });
  tools.repeat(random, 15 * SECOND, () => {
    const names = random
      .shuffle(targets.network)
      .slice(0, random.uniform(1, targets.network.length));
    const gap = random.uniform(MILLI, SECOND);
    const freed = random.shuffle(names);
    const start = sim.now + names.length * gap;
    for (const [i, name] of names.entries()) {
      const until = start + (1 + freed.indexOf(name)) * gap;
      tools.later(i * gap, () => {
        for (const other of targets.network) {
          sim.clog(name, other, until);
          sim.clog(other, name, until);
        }
      });
    }
    tools.fault('swizzle');
  });
}

function* pairs(names: readonly Address[]): Generator<readonly [Address, Address]> {
  for (const from of names) for (const to of names) yield [from, to];
}
