/**
 * What `conclave bench` calls. The command line loads this module only when a benchmark is asked
 * for; it parses the options, and this file chooses, runs and reports.
 */
import { writeFileSync } from 'node:fs';
import { hanging } from '../src/cli/hanging.js';
import { ConclaveError, messageOf } from '../src/errors.js';
import type { Benchmark } from './framework/benchmark.js';
import type { BenchmarkDocument } from './framework/document.js';
import { htmlReport } from './framework/html-report.js';
import { describeMachine, describeVersions } from './framework/machine.js';
import { type BenchmarkReport, runBenchmark } from './framework/runner.js';
import { textReport } from './framework/text-report.js';
import { BENCHMARKS } from './registry.js';

/** Peers that `--against` knows; each needs its program on the PATH. */
const PEERS: readonly string[] = ['etcd', 'redis'];

export interface BenchRequest {
  /** Which to run; none means all. */
  readonly names: readonly string[];
  readonly list?: boolean;
  readonly json?: boolean;
  /** Where to write the page. */
  readonly html?: string;
  readonly quick?: boolean;
  readonly against?: readonly string[];
  /** Default 1. */
  readonly seed?: number;
  /** Measured runs of each; by default as many as the benchmark asks for. */
  readonly runs?: number;
  /** Values of the benchmarks' own options: `{ size: 50 }`. */
  readonly options?: Readonly<Record<string, number>>;
}

export interface BenchOutput {
  /** Text for standard output. */
  readonly write: (text: string) => void;
  /** Width of the text; default 100. */
  readonly columns?: number;
  /** One line for standard error. */
  readonly progress: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs what is asked for and writes the report. Throws `USAGE` for an unknown name, peer or
 * option, before anything runs; `OUTPUT` when the page cannot be written; the signal's reason.
 */
export async function bench(request: BenchRequest, output: BenchOutput): Promise<void> {
  if (request.list === true) return list(request, output);
  const chosen = choose(request);
  checkPeers(request.against ?? []);
  checkOptions(chosen, request.options ?? {});
  const machine = describeMachine();
  const versions = describeVersions();
  if (request.json !== true) {
    output.write(
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.system}\n`,
    );
    const lines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    output.write(`${hanging('', lines.join(', '), columnsOf(output))}\n`);
  }
  const benchmarks: BenchmarkReport[] = [];
  for (const benchmark of chosen) {
    const report = await runBenchmark(benchmark, settingsOf(request, output));
    benchmarks.push(report);
    if (request.json !== true) output.write(`\n${textReport(report, columnsOf(output))}\n`);
  }
  const document: BenchmarkDocument = { machine, versions, benchmarks };
  if (request.json === true) output.write(`${JSON.stringify(document, null, 2)}\n`);
  if (request.html !== undefined) writePage(request.html, document);
}

function list(request: BenchRequest, output: BenchOutput): void {
  const listed = BENCHMARKS.map(({ name, description, options }) => ({
    name,
    description,
    options: options.map((option) => ({ ...option })),
  }));
  if (request.json === true) {
    output.write(`${JSON.stringify({ benchmarks: listed }, null, 2)}\n`);
    return;
  }
  const columns = columnsOf(output);
  const width = Math.max(...listed.map(({ name }) => name.length));
  for (const { name, description, options } of listed) {
    output.write(`${hanging(`${name.padEnd(width)}  `, description, columns)}\n`);
    for (const option of options) {
      const { value, unit } = option;
      const text = `${option.name}=${value} ${unit}: ${option.description}`;
      output.write(`${hanging(' '.repeat(width + 4), text, columns)}\n`);
    }
  }
}

function columnsOf({ columns = 100 }: BenchOutput): number {
  return columns;
}

function choose({ names }: BenchRequest): readonly Benchmark[] {
  const known = BENCHMARKS.map(({ name }) => name);
  for (const name of names) {
    if (!known.includes(name)) {
      const choices = known.join(', ');
      throw new ConclaveError('USAGE', `there is no benchmark '${name}'; there are: ${choices}`);
    }
  }
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

function checkPeers(against: readonly string[]): void {
  for (const peer of against) {
    if (PEERS.includes(peer)) continue;
    throw new ConclaveError('USAGE', `--against knows ${PEERS.join(' and ')}, not '${peer}'`);
  }
}

function checkOptions(
  chosen: readonly Benchmark[],
  options: Readonly<Record<string, number>>,
): void {
  const known = chosen.flatMap((benchmark) => benchmark.options.map(({ name }) => name));
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const choices = known.length === 0 ? 'none' : known.join(', ');
    throw new ConclaveError('USAGE', `there is no option '${name}' here; there are: ${choices}`);
  }
}

function settingsOf(request: BenchRequest, output: BenchOutput) {
  return {
    quick: request.quick ?? false,
    seed: request.seed ?? 1,
    against: request.against ?? [],
    options: request.options ?? {},
    ...(request.runs === undefined ? {} : { runs: request.runs }),
    progress: output.progress,
    signal: output.signal,
  };
}

function writePage(file: string, document: BenchmarkDocument): void {
  try {
    writeFileSync(file, htmlReport(document));
  } catch (cause) {
    const reason = messageOf(cause);
    throw new ConclaveError('OUTPUT', `the page '${file}' cannot be written: ${reason}`, { cause });
  }
}
