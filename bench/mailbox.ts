/**
 * The router beside bare `postMessage`: the same messages between the same number of worker
 * threads, in the same run. On the router each message is its own envelope and its own handler
 * call, with link policy and counters on; what a turn sends to one thread travels together.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { ActorSystem } from '../src/host/actor-system.js';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';
import type { ToBarePeer } from './peers/bare-peer.js';
import { ACK_EVERY, type LoadSpec } from './peers/mailbox-load.js';
import { STARTER } from './peers/router-peer.js';

const SIZES_BYTES = [16, 256, 4096];
const ROUTER_PEER = new URL('./peers/router-peer.js', import.meta.url);
const BARE_PEER = new URL('./peers/bare-peer.js', import.meta.url);

/** Threads that can be given loads; resolves when every sender's last message is acknowledged. */
interface Peers {
  run(loads: ReadonlyMap<string, LoadSpec>): Promise<void>;
  close(): Promise<void>;
}

async function routerPeers(names: readonly string[]): Promise<Peers> {
  const system = await ActorSystem.start({ network: { seed: 1 } });
  for (const name of names) await system.spawn({ name, module: ROUTER_PEER, exportName: 'peer' });
  const starter = system.endpoint(STARTER);
  return {
    run: (loads) =>
      new Promise((resolve) => {
        let open = loads.size;
        starter.onMessage = () => {
          if (--open === 0) resolve();
        };
        for (const [to, load] of loads) {
          const payload = new TextEncoder().encode(JSON.stringify(load));
          starter.send({ to, kind: 'custom', payload });
        }
      }),
    close: () => system.close(),
  };
}

async function barePeers(names: readonly string[]): Promise<Peers> {
  const workers = new Map(names.map((name) => [name, new Worker(BARE_PEER)] as const));
  const ports = new Map(names.map((name) => [name, [] as [string, MessagePort][]] as const));
  for (const [index, a] of names.entries()) {
    for (const b of names.slice(index + 1)) {
      const { port1, port2 } = new MessageChannel();
      ports.get(a)?.push([b, port1]);
      ports.get(b)?.push([a, port2]);
    }
  }
  const tell = (name: string, message: ToBarePeer, transfer: MessagePort[] = []) =>
    workers.get(name)?.postMessage(message, transfer);
  for (const [name, own] of ports)
    tell(
      name,
      { ports: own },
      own.map(([, port]) => port),
    );
  return {
    run: async (loads) => {
      const done = [...loads.keys()].map(
        (name) => new Promise((resolve) => workers.get(name)?.once('message', resolve)),
      );
      for (const [name, load] of loads) tell(name, { load });
      await Promise.all(done);
    },
    close: async () => {
      for (const worker of workers.values()) await worker.terminate();
    },
  };
}

/** Seconds that the loads took, in threads that have compiled what these loads run. */
async function secondsOf(peers: Peers, loads: ReadonlyMap<string, LoadSpec>): Promise<number> {
  await peers.run(loads);
  const started = performance.now();
  await peers.run(loads);
  return (performance.now() - started) / 1000;
}

async function measure(transport: string, make: typeof barePeers, context: RunContext) {
  const rows: Row[] = [];
  const messageCount = Math.ceil(context.option('messages') / ACK_EVERY) * ACK_EVERY;
  const pair = await make(['a', 'b']);
  for (const sizeBytes of SIZES_BYTES) {
    const load = { targets: ['b'], messageCount, sizeBytes, kind: 'flood' } as const;
    const seconds = await secondsOf(pair, new Map([['a', load]]));
    const plot = { plot: 'one pair', series: transport, x: sizeBytes };
    rows.push(rate(`${transport}, ${sizeBytes} bytes`, messageCount / seconds, plot));
  }
  const pings = context.option('pings');
  const ping = { targets: ['b'], messageCount: pings, sizeBytes: 256, kind: 'ping' } as const;
  const seconds = await secondsOf(pair, new Map([['a', ping]]));
  const name = `${transport}, round trip, 256 bytes`;
  rows.push({ name, unit: 'µs', value: (seconds / pings) * 1e6 });
  await pair.close();
  rows.push(await allToAll(transport, make, context));
  return rows;
}

async function allToAll(transport: string, make: typeof barePeers, context: RunContext) {
  const names = Array.from({ length: context.option('actors') }, (_, index) => `peer-${index}`);
  const peers = await make(names);
  const share = context.option('messages') / (2 * names.length);
  const messageCount = Math.ceil(share / ACK_EVERY) * ACK_EVERY;
  const loads = names.map((name) => {
    const targets = names.filter((other) => other !== name);
    return [name, { targets, messageCount, sizeBytes: 256, kind: 'flood' }] as const;
  });
  const seconds = await secondsOf(peers, new Map(loads));
  await peers.close();
  const total = names.length * (names.length - 1) * messageCount;
  return rate(`${transport}, all to all, 256 bytes`, total / seconds);
}

function rate(name: string, value: number, plot?: Row['plot']): Row {
  return { name, unit: 'messages/s', value, ...(plot === undefined ? {} : { plot }) };
}

export const mailbox: Benchmark = {
  name: 'mailbox',
  description: 'router messages/s and round trip by size and number of actors, beside postMessage',
  options: [
    {
      name: 'messages',
      unit: 'messages',
      value: 409_600,
      quick: 102_400,
      description: 'per flood',
    },
    {
      name: 'pings',
      unit: 'round trips',
      value: 20_000,
      quick: 10_000,
      description: 'in sequence',
    },
    { name: 'actors', unit: 'actors', value: 8, description: 'in the all-to-all flood' },
  ],
  runs: { full: 5, quick: 2 },
  plots: [
    {
      name: 'one pair',
      title: 'Messages from one thread to another',
      xLabel: 'bytes a message',
      yLabel: 'messages/s',
      xScale: 'log',
      yScale: 'log',
    },
  ],
  comparisons: [
    { of: 'router, 256 bytes', to: 'postMessage, 256 bytes', atLeast: 3 },
    { of: 'router, all to all, 256 bytes', to: 'postMessage, all to all, 256 bytes' },
    {
      of: 'router, round trip, 256 bytes',
      to: 'postMessage, round trip, 256 bytes',
      atMost: 1.5,
    },
  ],
  configuration: () => ({ window: '2048 messages a receiver, acknowledged every 256' }),
  async run(context) {
    return [
      ...(await measure('postMessage', barePeers, context)),
      ...(await measure('router', routerPeers, context)),
    ];
  },
};
