/** `conclave bench`: runs the benchmarks of `bench/`. */
import { ConclaveError } from '../../errors.js';
import { defineCommand } from '../command.js';
import { assignments, decimal, integer, text, toggle } from '../options.js';

/**
 * What `bench/main.ts` exports. The import arrow points from bench to src, so this file loads it
 * by its address when it is asked for, and says here what it expects.
 */
interface BenchModule {
  bench(
    request: {
      readonly names: readonly string[];
      readonly list: boolean;
      readonly json: boolean;
      readonly quick: boolean;
      readonly seed: number;
      readonly options: Readonly<Record<string, number>>;
      readonly html?: string;
      readonly runs?: number;
    },
    output: {
      readonly write: (text: string) => void;
      readonly columns: number;
      readonly progress: (message: string) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
}

export const bench = defineCommand({
  name: 'bench',
  summary: 'measure how fast the system is, each figure beside a peer',
  usage: '[name…] [options]',
  operands: [
    {
      name: 'name',
      text: 'which benchmarks to run; all of them without names',
      isRequired: false,
      isVariadic: true,
    },
  ],
  options: {
    list: toggle('--list', 'name the benchmarks and their own options'),
    quick: toggle('--quick', 'fewer and smaller runs: seconds instead of minutes'),
    html: text('--html <file>', {
      text: 'also write a self-contained page with plots',
      initial: undefined,
      shown: 'none',
    }),
    runs: integer('--runs <n>', {
      text: 'measured runs of each, 1 to 1000',
      min: 1,
      max: 1000,
      initial: undefined,
      shown: "the benchmark's own",
    }),
    seed: integer('--seed <n>', {
      text: 'seed of the generated load, 0 to 4294967295',
      min: 0,
      max: 2 ** 32 - 1,
      initial: 1,
    }),
    size: decimal('--size <n>', {
      text: "the same as --option size=<n>, in the unit that '--list' shows",
      min: 0,
      max: 2 ** 40,
      initial: undefined,
      shown: "the benchmark's own",
    }),
    option: assignments('--option <name=value>', {
      text: "an option of a benchmark, as '--list' shows them; may be repeated",
      shown: "the benchmarks' own",
    }),
  },
  notes: ['Figures need a quiet machine: medians and spreads are over the measured runs.'],
  examples: [
    { line: 'bench --list', does: 'name the benchmarks' },
    { line: 'bench step --quick', does: 'run one of them, in seconds' },
    { line: 'bench --json --html bench.html > bench.json', does: 'keep everything' },
  ],
  run: async ({ operands, values, output, signal }) => {
    const { bench } = await loadBenchmarks();
    const { html, runs, size, option, ...rest } = values;
    await bench(
      {
        ...rest,
        names: operands,
        json: output.settings.json,
        options: size === undefined ? option : { size, ...option },
        ...(html === undefined ? {} : { html }),
        ...(runs === undefined ? {} : { runs }),
      },
      {
        write: (text) => output.write(text),
        columns: output.columns,
        progress: (message) => output.note(message),
        signal,
      },
    );
    return 0;
  },
});

async function loadBenchmarks(): Promise<BenchModule> {
  const address = new URL('../../../bench/main.js', import.meta.url);
  try {
    return (await import(address.href)) as BenchModule;
  } catch (cause) {
    throw new ConclaveError('INPUT', "the benchmarks are not built; 'npm ci' builds them", {
      cause,
    });
  }
}
