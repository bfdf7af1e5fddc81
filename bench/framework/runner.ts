/** Runs one benchmark as often as asked and draws its runs together into a report. */
import type { Benchmark, Comparison, PlotSpec, Row, RunContext } from './benchmark.js';
import { type Summary, summarise } from './statistics.js';

export interface RunSettings {
  readonly quick: boolean;
  readonly seed: number;
  readonly against: readonly string[];
  /** Values for options by name; others keep their defaults. */
  readonly options: Readonly<Record<string, number>>;
  /** Overrides the benchmark's own number of measured runs. */
  readonly runs?: number;
  readonly progress: (message: string) => void;
  readonly signal: AbortSignal;
}

export interface ReportedRow extends Summary {
  readonly name: string;
  readonly unit: string;
}

export interface ReportedComparison extends Comparison, Summary {
  /** Whether the median keeps the bound; undefined when there is none. */
  readonly holds?: boolean;
}

export interface PlotPoint extends Summary {
  readonly x: number;
}

export interface ReportedPlot extends PlotSpec {
  readonly series: readonly { readonly name: string; readonly points: readonly PlotPoint[] }[];
}

export interface BenchmarkReport {
  readonly name: string;
  readonly description: string;
  readonly quick: boolean;
  readonly seed: number;
  readonly runs: number;
  readonly configuration: Readonly<Record<string, string | number | boolean>>;
  readonly rows: readonly ReportedRow[];
  readonly comparisons: readonly ReportedComparison[];
  readonly plots: readonly ReportedPlot[];
}

/** Runs it; throws what a run throws, and the signal's reason when it is aborted. */
export async function runBenchmark(
  benchmark: Benchmark,
  settings: RunSettings,
): Promise<BenchmarkReport> {
  const runs = settings.runs ?? benchmark.runs[settings.quick ? 'quick' : 'full'];
  const first = benchmark.warmUp === false ? 1 : 0;
  const measured: (readonly Row[])[] = [];
  for (let run = first; run <= runs; run++) {
    settings.signal.throwIfAborted();
    settings.progress(`${benchmark.name}: ${run === 0 ? 'warm-up' : `run ${run} of ${runs}`}`);
    const rows = await benchmark.run(contextFor(benchmark, settings, run));
    // A benchmark may never wait; without this pause a signal would be heard only at the end.
    await new Promise((resolve) => setImmediate(resolve));
    settings.signal.throwIfAborted();
    if (run > 0) measured.push(rows);
  }
  const { name, description } = benchmark;
  const { quick, seed } = settings;
  return {
    name,
    description,
    quick,
    seed,
    runs,
    configuration: configurationOf(benchmark, settings),
    rows: gatherRows(measured),
    comparisons: (benchmark.comparisons ?? []).map((each) => compare(each, measured)),
    plots: (benchmark.plots ?? []).map((plot) => gatherPlot(plot, measured)),
  };
}

function contextFor(benchmark: Benchmark, settings: RunSettings, run: number): RunContext {
  const { quick, seed, against, progress, signal } = settings;
  return {
    run,
    seed,
    quick,
    against,
    signal,
    progress: (message) => progress(`${benchmark.name}: ${message}`),
    option: (name) => optionValue(benchmark, settings, name),
  };
}

function optionValue(benchmark: Benchmark, settings: RunSettings, name: string): number {
  const declared = benchmark.options.find((option) => option.name === name);
  if (declared === undefined) {
    throw new RangeError(`benchmark '${benchmark.name}' declares no option '${name}'`);
  }
  const standard = settings.quick ? (declared.quick ?? declared.value) : declared.value;
  return settings.options[name] ?? standard;
}

function configurationOf(
  benchmark: Benchmark,
  settings: RunSettings,
): Record<string, string | number | boolean> {
  const options = benchmark.options.map((option) => [
    option.name,
    `${optionValue(benchmark, settings, option.name)} ${option.unit}`,
  ]);
  const own = benchmark.configuration?.(contextFor(benchmark, settings, 0)) ?? {};
  return { ...Object.fromEntries(options), ...own };
}

function gatherRows(measured: readonly (readonly Row[])[]): ReportedRow[] {
  const gathered = new Map<string, { name: string; unit: string; values: number[] }>();
  for (const { name, unit, value } of measured.flat()) {
    const known = gathered.get(name);
    if (known === undefined) gathered.set(name, { name, unit, values: [value] });
    else if (known.unit === unit) known.values.push(value);
    else throw new Error(`the row '${name}' has the units ${known.unit} and ${unit}`);
  }
  return [...gathered.values()].map(({ name, unit, values }) => ({
    name,
    unit,
    ...summarise(values),
  }));
}

/** Takes the ratio within each run, because the machine drifts from run to run. */
function compare(
  comparison: Comparison,
  measured: readonly (readonly Row[])[],
): ReportedComparison {
  const ratios = measured.map((rows) => figure(rows, comparison.of) / figure(rows, comparison.to));
  const summary = summarise(ratios);
  const { atLeast, atMost } = comparison;
  if (atLeast === undefined && atMost === undefined) return { ...comparison, ...summary };
  const holds =
    summary.median >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    summary.median <= (atMost ?? Number.POSITIVE_INFINITY);
  return { ...comparison, ...summary, holds };
}

function figure(rows: readonly Row[], name: string): number {
  const row = rows.find((candidate) => candidate.name === name);
  if (row === undefined)
    throw new Error(`a comparison names the row '${name}', which is not there`);
  return row.value;
}

function gatherPlot(spec: PlotSpec, measured: readonly (readonly Row[])[]): ReportedPlot {
  const series = new Map<string, Map<number, number[]>>();
  for (const { plot, value } of measured.flat()) {
    if (plot?.plot !== spec.name) continue;
    const points = series.get(plot.series) ?? new Map<number, number[]>();
    series.set(plot.series, points);
    points.set(plot.x, [...(points.get(plot.x) ?? []), value]);
  }
  if (series.size === 0) throw new Error(`no row belongs to the plot '${spec.name}'`);
  return {
    ...spec,
    series: [...series].map(([name, points]) => ({
      name,
      points: [...points]
        .sort(([a], [b]) => a - b)
        .map(([x, values]) => ({ x, ...summarise(values) })),
    })),
  };
}
