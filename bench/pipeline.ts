/**
 * The host where it will matter: three actors that replicate a log (no elections, no snapshots),
 * with batches, one write and sync per turn and the log's metadata in the chart, beside the bare
 * pipeline of the same shape, in the same run. Clients are in the main thread; each operation is
 * a request and an answer of its own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReplicaInput } from '../actors/pipeline/replica-actor.js';
import { ActorSystem } from '../src/host/actor-system.js';
import { BarePipeline } from './baselines/bare-pipeline.js';
import type { Benchmark, Row, RunContext } from './framework/benchmark.js';

const REPLICA = new URL('./peers/pipeline-replica.js', import.meta.url);
const REPLICAS = ['replica-1', 'replica-2', 'replica-3'];
const LEADER = 'replica-1';
const OUTSTANDING = [1, 64, 1000];
const SIZE_BYTES = 256;
const HEARTBEAT_MICROS = 100_000;

/** Something that commits operations. */
interface Pipeline {
  propose(id: number, operation: Uint8Array): void;
  close(): Promise<void>;
}

type MakePipeline = (
  directory: string,
  onCommitted: (id: number) => void,
) => Promise<Pipeline> | Pipeline;

const bare: MakePipeline = (directory, onCommitted) =>
  new BarePipeline(directory, SIZE_BYTES, onCommitted);

const actors: MakePipeline = async (directory, onCommitted) => {
  const system = await ActorSystem.start({
    dataDir: join(directory, 'data'),
    network: { seed: 1 },
  });
  for (const id of REPLICAS) {
    const input: ReplicaInput = {
      id,
      leader: LEADER,
      replicas: REPLICAS,
      heartbeatMicros: HEARTBEAT_MICROS,
    };
    await system.spawn({ name: id, module: REPLICA, exportName: 'replica', input });
  }
  const client = system.endpoint('clients');
  client.onMessage = ({ correlation }) => onCommitted(correlation);
  return {
    propose: (correlation, payload) =>
      client.send({ to: LEADER, kind: 'propose', payload, rpc: 'request', correlation }),
    close: () => system.close(),
  };
};

/** Closed-loop clients: each proposes its next operation when its last is committed. */
class Clients {
  readonly latenciesMs: number[] = [];
  readonly #operation = new Uint8Array(SIZE_BYTES);
  readonly #startedMs: number[] = [];
  #pipeline: Pipeline | undefined;
  #left = 0;
  #open = 0;
  #done: (() => void) | undefined;

  readonly onCommitted = (id: number): void => {
    this.latenciesMs.push(performance.now() - (this.#startedMs[id] as number));
    this.#open--;
    if (this.#left > 0) this.#propose(id);
    else if (this.#open === 0) this.#done?.();
  };

  /** Runs `operations` operations, `outstanding` at a time; resolves with the seconds it took. */
  async run(pipeline: Pipeline, outstanding: number, operations: number): Promise<number> {
    this.#pipeline = pipeline;
    this.#left = operations;
    this.latenciesMs.length = 0;
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    const started = performance.now();
    for (let id = 1; id <= outstanding; id++) this.#propose(id);
    await done;
    return (performance.now() - started) / 1000;
  }

  #propose(id: number): void {
    this.#left--;
    this.#open++;
    this.#operation[0] = id >>> 8;
    this.#operation[1] = id;
    this.#startedMs[id] = performance.now();
    this.#pipeline?.propose(id, this.#operation.slice());
  }
}

async function measure(name: string, make: MakePipeline, context: RunContext): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'conclave-bench-'));
  const clients = new Clients();
  const pipeline = await make(directory, clients.onCommitted);
  const rows: Row[] = [];
  try {
    for (const outstanding of OUTSTANDING) {
      const share = outstanding === 1 ? 0.04 : outstanding === 64 ? 0.4 : 1;
      const operations = Math.round(context.option('operations') * share);
      // First the same unmeasured, so that both sides run compiled code.
      await clients.run(pipeline, outstanding, operations);
      const seconds = await clients.run(pipeline, outstanding, operations);
      const label = `${name}, ${outstanding} outstanding`;
      const plot = { plot: 'operations', series: name, x: outstanding };
      rows.push({ name: label, unit: 'operations/s', value: operations / seconds, plot });
      const latencies = clients.latenciesMs.sort((a, b) => a - b);
      const at = (share: number) => latencies[Math.floor(latencies.length * share)] as number;
      rows.push({ name: `${label}, p50`, unit: 'ms', value: at(0.5) });
      rows.push({ name: `${label}, p99`, unit: 'ms', value: at(0.99) });
    }
  } finally {
    await pipeline.close();
    rmSync(directory, { recursive: true });
  }
  return rows;
}

export const pipeline: Benchmark = {
  name: 'pipeline',
  description: 'three actors that replicate a log on disk, beside the same without actors',
  options: [
    {
      name: 'operations',
      unit: 'operations',
      value: 200_000,
      quick: 50_000,
      description: 'with 1000 outstanding; fewer with less',
    },
  ],
  runs: { full: 5, quick: 2 },
  plots: [
    {
      name: 'operations',
      title: 'Committed operations of 256 bytes',
      xLabel: 'operations outstanding',
      yLabel: 'operations/s',
      xScale: 'log',
      yScale: 'log',
    },
  ],
  comparisons: [
    { of: 'actors, 1000 outstanding', to: 'bare, 1000 outstanding', atLeast: 1 / 3 },
    { of: 'actors, 1 outstanding, p50', to: 'bare, 1 outstanding, p50', atMost: 1.6 },
  ],
  configuration: () => ({ replicas: 3, sizeBytes: SIZE_BYTES, fsync: 'one fdatasync per turn' }),
  async run(context) {
    return [
      ...(await measure('bare', bare, context)),
      ...(await measure('actors', actors, context)),
    ];
  },
};
