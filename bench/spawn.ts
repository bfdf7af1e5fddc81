/**
 * What an actor costs before it does anything: the time from `spawn` to booted, the memory of its
 * thread, and how long a kill and a restart take. Several actors in one thread beside it.
 *
 *     conclave bench spawn --option actors=16
 */
import { ActorSystem } from '../src/host/actor-system.js';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';

const PEER = {
  module: new URL('./peers/router-peer.js', import.meta.url),
  exportName: 'peer',
} as const;
const MEGABYTE = 1e6;

/** What starting so many actors took and holds, all told. */
interface Cost {
  readonly millis: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
}

async function costOf(
  system: ActorSystem,
  names: readonly string[],
  start: () => Promise<void>,
): Promise<Cost> {
  const before = process.memoryUsage.rss();
  const started = performance.now();
  await start();
  const millis = performance.now() - started;
  const residentBytes = process.memoryUsage.rss() - before;
  const perThread = await Promise.all(names.map((name) => system.stats(name)));
  const heapBytes = perThread.reduce((sum, { heapUsedBytes }) => sum + heapUsedBytes, 0);
  return { millis, residentBytes, heapBytes };
}

function costRows(what: string, actors: number, cost: Cost): Row[] {
  const { millis, residentBytes, heapBytes } = cost;
  return [
    { name: `start, ${what}`, unit: 'ms an actor', value: millis / actors },
    { name: `resident, ${what}`, unit: 'MB an actor', value: residentBytes / actors / MEGABYTE },
    { name: `heap in use, ${what}`, unit: 'MB an actor', value: heapBytes / actors / MEGABYTE },
  ];
}

async function measure(context: RunContext): Promise<Row[]> {
  const count = context.option('actors');
  const own = Array.from({ length: count }, (_, index) => `own-${index}`);
  const shared = Array.from({ length: count }, (_, index) => `shared-${index}`);
  const system = await ActorSystem.start({ network: { seed: context.seed } });
  try {
    const apart = await costOf(system, own, async () => {
      for (const name of own) await system.spawn({ name, ...PEER });
    });
    const specs = shared.map((name) => ({ name, ...PEER }));
    const together = await costOf(system, shared.slice(0, 1), () => system.spawnTogether(specs));
    const [victim = ''] = own;
    const begun = performance.now();
    await system.kill(victim);
    const dead = performance.now();
    await system.restart(victim);
    const restarted = performance.now();
    return [
      ...costRows('a thread each', count, apart),
      ...costRows(`${count} a thread`, count, together),
      { name: 'kill to dead', unit: 'ms', value: dead - begun },
      { name: 'kill to booted again', unit: 'ms', value: restarted - begun },
    ];
  } finally {
    await system.close();
  }
}

export const spawn: Benchmark = {
  name: 'spawn',
  description: 'time and memory of an actor: start, kill, restart; a thread each or shared',
  options: [{ name: 'actors', unit: 'actors', value: 8, quick: 4, description: 'of each kind' }],
  runs: { full: 7, quick: 3 },
  run: measure,
};
