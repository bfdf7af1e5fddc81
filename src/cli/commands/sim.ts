/** `conclave sim`: the deterministic simulator. */
import { defineCommand, type Invocation } from '../command.js';
import {
  decimal,
  integer,
  type OptionSpec,
  refused,
  text,
  toggle,
  type ValuesOf,
} from '../options.js';

/** Seeds are 64-bit in the library; here they stay exact as JSON numbers. */
const SEED_MAX = Number.MAX_SAFE_INTEGER;

/** A first and a last seed, both included. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

function seedRange(flags: string, help: string): OptionSpec<SeedRange | undefined> {
  return {
    flags: [flags],
    text: help,
    shown: 'one seed',
    initial: undefined,
    parse: (value) => {
      const [, first, last] = /^(\d{1,16})\.\.(\d{1,16})$/.exec(value) ?? [];
      const range = { first: Number(first), last: Number(last) };
      if (range.first <= range.last && range.last <= SEED_MAX) return range;
      const numbers = `whole numbers from 0 to ${SEED_MAX}`;
      const wanted = `A..B with ${numbers}, A not above B, such as 1..1000`;
      throw refused({ flags, wanted, text: value });
    },
  };
}

const options = {
  list: toggle('--list', 'name the scenarios and their zoo bugs'),
  scenario: text('--scenario <name>', {
    text: "what to run; 'swarm' draws one for each seed",
    initial: 'swarm',
  }),
  seed: integer('--seed <n>', {
    text: `the seed of the only run, 0 to ${SEED_MAX}`,
    min: 0,
    max: SEED_MAX,
    initial: undefined,
    shown: 'random, printed first',
  }),
  seeds: seedRange('--seeds <a..b>', 'run the seeds from a to b, both included'),
  nodes: integer('--nodes <n>', {
    text: 'nodes of the simulated system, 1 to 64',
    min: 1,
    max: 64,
    initial: 5,
  }),
  durationSeconds: decimal('--duration <seconds>', {
    text: 'simulated seconds with faults, before the healing; 0 to 86400',
    min: 0,
    max: 86_400,
    initial: 30,
  }),
  trace: text('--trace <file>', {
    text: 'write every event of the run as JSON lines; for one seed',
    initial: undefined,
    shown: 'none',
  }),
  zoo: text('--zoo <bug>', {
    text: 'switch on a known bug, to see it caught',
    initial: undefined,
    shown: 'none',
  }),
  jobs: integer('--jobs <n>', {
    text: 'threads that run seeds at the same time, 1 to 256',
    min: 1,
    max: 256,
    initial: 1,
  }),
};

export type SimValues = ValuesOf<typeof options>;
export type SimInvocation = Invocation<SimValues>;

export const sim = defineCommand({
  name: 'sim',
  summary: 'run the system in the deterministic simulator, with faults',
  usage: '[options]',
  operands: [],
  options,
  notes: [
    'A seed is a run, exactly: the same seed and options give the same trace hash on ' +
      'any machine. Exit code 1: an invariant failed; each failing seed is printed with ' +
      'the command that replays it.',
  ],
  examples: [
    { line: 'sim --seeds 1..1000 --jobs 2', does: 'look for a seed that breaks an invariant' },
    { line: 'sim --seed 17 --trace run.jsonl', does: 'replay one, and keep what happened' },
    { line: 'sim --list', does: 'name the scenarios' },
  ],
  run: async (invocation) => {
    const { runSim } = await import('../sim-run.js');
    return runSim(invocation);
  },
});
