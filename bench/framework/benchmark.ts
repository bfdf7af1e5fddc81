/**
 * The shape of a benchmark. Each answers one question, in a file `bench/<name>.ts` that exports a
 * `Benchmark`; `bench/registry.ts` lists them all; `bench/main.ts` is what the command line calls.
 *
 * To add one: write the file, add one line to the registry.
 *
 *     export const mailbox: Benchmark = {
 *       name: 'mailbox',
 *       description: 'router messages/s and round trip, beside bare postMessage',
 *       options: [{ name: 'actors', unit: 'actors', value: 8, quick: 2, description: '…' }],
 *       runs: { full: 5, quick: 2 },
 *       async run({ option, run, seed }) {
 *         return [{ name: 'router, 256 bytes', unit: 'messages/s', value: await measure(…) }, …];
 *       },
 *       comparisons: [{ of: 'router, 256 bytes', to: 'postMessage, 256 bytes', atLeast: 3 }],
 *     };
 *
 * The framework calls `run` once for each run. All that is compared is measured in the same run,
 * one after the other, because the machine drifts between runs; ratios are taken run by run.
 */

/** A number that the user may set: `--option name=value`. */
export interface BenchmarkOption {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly value: number;
  /** The default under `--quick`; the same as `value` when left out. */
  readonly quick?: number;
}

export interface RunContext {
  /** 0 is a warm-up, whose rows are discarded; then 1, 2, … */
  readonly run: number;
  /** Feeds every generator of load, so that two runs of a seed get the same load. */
  readonly seed: number;
  readonly quick: boolean;
  /** Peers to run the same load against, where they are installed: `etcd`, `redis`. */
  readonly against: readonly string[];
  /** The value of an option; throws for a name that the benchmark does not declare. */
  option(name: string): number;
  /** One line on standard error. */
  progress(message: string): void;
  /** Aborted by Ctrl-C: stop soon, and leave nothing behind. */
  readonly signal: AbortSignal;
}

/** One figure of one run. Rows of the same name in all runs make a line of the table. */
export interface Row {
  readonly name: string;
  /** `messages/s`, `µs`, `MB`, `s`: printed as it stands. */
  readonly unit: string;
  readonly value: number;
  /** Puts the figure into a plot: rows of one `series` form a line over `x`. */
  readonly plot?: { readonly plot: string; readonly series: string; readonly x: number };
}

/** The plots that rows refer to by name. A plot without rows is an error. */
export interface PlotSpec {
  readonly name: string;
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Default `linear`. */
  readonly xScale?: 'linear' | 'log';
  readonly yScale?: 'linear' | 'log';
}

/** `of / to`, taken run by run. A bound that the median misses is printed as missed. */
export interface Comparison {
  readonly of: string;
  readonly to: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface Benchmark {
  readonly name: string;
  /** One line, for `--list` and the head of the report. */
  readonly description: string;
  readonly options: readonly BenchmarkOption[];
  /** How many measured runs; one warm-up goes before them unless `warmUp` is false. */
  readonly runs: { readonly full: number; readonly quick: number };
  readonly warmUp?: boolean;
  readonly plots?: readonly PlotSpec[];
  readonly comparisons?: readonly Comparison[];
  /** Facts of the set-up that a reader needs: sizes, flags, versions of peers. */
  configuration?(context: RunContext): Readonly<Record<string, string | number | boolean>>;
  run(context: RunContext): Promise<readonly Row[]> | readonly Row[];
}
