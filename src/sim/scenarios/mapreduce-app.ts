/**
 * The job of the scenario `mapreduce`: inputs, a map and a reduce drawn from the seed, and what a
 * sequential run makes of them. The reference shares nothing with the system but map, reduce and
 * the partition of a key.
 */
import type { MapTask, RecordId } from '../../../machines/mapreduce/job-spec.js';
import type { Prng } from '../../random/prng.js';

/** What is special about a seed's job; the rest is a word count. */
export type Twist =
  | 'none'
  /** Some lines kill every attempt that meets them, and are to be skipped. */
  | 'badRecords'
  /** As before, and they may not be skipped: the job must fail. */
  | 'poison'
  /** Each attempt at a map makes something else; all output must be of one generation (K5). */
  | 'nondeterministic';

export interface Line {
  readonly offset: number;
  readonly text: string;
  readonly isBad: boolean;
}

export interface SimJob {
  readonly twist: Twist;
  readonly inputs: readonly string[];
  readonly plan: readonly MapTask[];
  readonly reduces: number;
}

const WORDS = ['a', 'be', 'sea', 'dusk', 'ember', 'fog', 'gale', 'harbour', 'isle', 'jetty'];
const BAD = '!';

export function drawJob(random: Prng): SimJob {
  const twist = random.pick([
    'none',
    'none',
    'none',
    'badRecords',
    'badRecords',
    'nondeterministic',
    'nondeterministic',
    'poison',
  ] as const);
  const hasBad = twist === 'badRecords' || twist === 'poison';
  const inputs: string[] = [];
  const plan: MapTask[] = [];
  const files = random.uniform(1, 6);
  for (let input = 0; input < files; input++) {
    const contents = drawText(random, hasBad && (input === 0 || random.chance(1, 4)));
    inputs.push(contents);
    for (const [start, end] of cut(random, contents)) {
      const file = `in-${input}`;
      const splits = [{ input, file, path: file, start, end }];
      plan.push({ kind: 'map', index: plan.length, splits, bytes: end - start });
    }
  }
  return { twist, inputs, plan, reduces: random.uniform(1, 5) };
}

function drawText(random: Prng, hasBad: boolean): string {
  const lines: string[] = [];
  const count = random.uniform(1, 20);
  const bad = hasBad ? random.below(count) : -1;
  for (let i = 0; i < count; i++) {
    const words = Array.from({ length: random.uniform(1, 6) }, () => random.pick(WORDS));
    lines.push((i === bad ? [...words, BAD] : words).join(' '));
  }
  return `${lines.join('\n')}\n`;
}

/** Into one to five splits of whole lines. */
function cut(random: Prng, contents: string): readonly (readonly [number, number])[] {
  const starts = linesOf(contents, 0, contents.length).map((line) => line.offset);
  const chosen = new Set([0]);
  for (let i = random.below(5); i > 0; i--) chosen.add(random.pick(starts));
  const sorted = [...chosen].sort((a, b) => a - b);
  return sorted.map((start, i) => [start, sorted[i + 1] ?? contents.length] as const);
}

/** The lines that begin in `[start, end)`. */
export function linesOf(contents: string, start: number, end: number): readonly Line[] {
  const lines: Line[] = [];
  let offset = start;
  while (offset < end) {
    const stop = contents.indexOf('\n', offset);
    const text = contents.slice(offset, stop);
    lines.push({ offset, text, isBad: text.endsWith(BAD) });
    offset = stop + 1;
  }
  return lines;
}

export type Pair = readonly [key: string, value: string];

/** `tag` is what a nondeterministic map adds: who made it. */
export function mapLine(text: string, index: number, tag: string | undefined): readonly Pair[] {
  const pairs: Pair[] = text.split(' ').map((word) => [word, '1'] as const);
  if (tag !== undefined) for (const word of WORDS) pairs.push([word, `${index}=${tag}`]);
  return pairs;
}

/** Counts the ones, and lists the tags. */
export function reduceKey(key: string, values: readonly string[]): string {
  const tags = [...new Set(values.filter((value) => value !== '1'))].sort();
  const count = values.filter((value) => value === '1').length;
  return [key, String(count), ...tags].join(' ');
}

export function partitionOf(key: string, reduces: number): number {
  let sum = 0;
  for (let i = 0; i < key.length; i++) sum = (sum * 31 + key.charCodeAt(i)) % 65_521;
  return sum % reduces;
}

/** The output files of a sequential run, without the records to skip. */
export function sequentialRun(job: SimJob): readonly string[] {
  const groups = Array.from({ length: job.reduces }, () => new Map<string, string[]>());
  for (const [index, contents] of job.inputs.entries()) {
    for (const line of linesOf(contents, 0, contents.length)) {
      if (line.isBad) continue;
      for (const [key, value] of mapLine(line.text, index, undefined)) {
        const group = groups[partitionOf(key, job.reduces)] as Map<string, string[]>;
        group.set(key, [...(group.get(key) ?? []), value]);
      }
    }
  }
  return groups.map((group) => outputOf([...group]));
}

/** One line a key, by key. */
export function outputOf(groups: readonly (readonly [string, readonly string[]])[]): string {
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, values]) => `${reduceKey(key, values)}\n`).join('');
}

/** The records that a run with skipping must leave out. */
export function badRecords(job: SimJob): readonly RecordId[] {
  return job.inputs.flatMap((contents, input) =>
    linesOf(contents, 0, contents.length)
      .filter((line) => line.isBad)
      .map(({ offset }) => ({ input, offset })),
  );
}
