/** `conclave mapreduce`: runs a MapReduce job over files. */
import { defineCommand, type Invocation } from '../command.js';
import { bytes, choiceOfTwo, integer, oneOf, text, toggle, type ValuesOf } from '../options.js';

const options = {
  out: text('--out <dir>', { text: 'output directory', initial: './mr-out' }),
  reduces: integer('--reduces <n>', {
    text: 'reduce tasks, and so output files, 1 to 10000',
    min: 1,
    max: 10_000,
    initial: 10,
  }),
  workers: integer('--workers <n>', {
    text: 'workers, each on a thread of its own, 1 to 64',
    min: 1,
    max: 64,
    initial: undefined,
    shown: 'one per core',
  }),
  taskTimeoutMs: integer('--task-timeout <ms>', {
    text: 'milliseconds without progress after which a task goes to another worker too',
    min: 10,
    max: 86_400_000,
    initial: 10_000,
  }),
  maxAttempts: integer('--max-attempts <n>', {
    text: 'failed attempts at a task that fail the job, 1 to 1000',
    min: 1,
    max: 1000,
    initial: 10,
  }),
  skipBadRecords: toggle(
    '--skip-bad-records',
    'leave out records that killed 3 attempts, and report them',
  ),
  combine: choiceOfTwo('combine', {
    text: 'combine values before they are written',
    shown: 'if the app has a combiner',
  }),
  splitSizeBytes: bytes('--split-size <bytes>', {
    text: 'bytes of input for a map task',
    min: 1,
    max: 2 ** 40,
    initial: undefined,
    shown: 'by the size of the input',
  }),
  memoryBytes: bytes('--memory <bytes>', {
    text: 'bytes of buffers of all workers together, beyond which they spill to disk',
    min: 2 ** 20,
    max: 2 ** 40,
    initial: undefined,
    shown: '64M a worker',
  }),
  format: oneOf('--format <format>', {
    text: 'text: \'key value\' lines; jsonl: ["key","value"] lines',
    words: ['text', 'jsonl'],
    initial: 'text',
  }),
  pattern: text('--pattern <expression>', {
    text: "what 'grep' looks for: a JavaScript regular expression, flag u",
    initial: undefined,
    shown: 'none; grep needs it',
    // An expression that matches every line.
    mayBeEmpty: true,
  }),
  force: toggle('--force', 'replace the output of an earlier job'),
};

export type MapReduceInvocation = Invocation<ValuesOf<typeof options>>;

export const mapreduce = defineCommand({
  name: 'mapreduce',
  summary: 'run a MapReduce job over files on worker threads',
  usage: '<app> <input…> [options]',
  operands: [
    {
      name: 'app',
      text: 'wc, indexer, grep, sort, or the path of a module (.js, .mjs, .cjs)',
      isRequired: true,
      isVariadic: false,
    },
    // Not required here: a job without input is a job that failed, not wrong usage.
    {
      name: 'input',
      text: 'files, directories (recursively, without dot-files) or globs',
      isRequired: false,
      isVariadic: true,
    },
  ],
  options,
  notes: [
    'Sizes are bytes, or have a suffix: 64K is 65536, 16M is 16777216, 1G is 1073741824.',
    'A module exports map(file, contents, emit) or mapBytes(file, bytes, emit), and ' +
      'reduce(key, values); and if it likes combine, partition and splittable.',
  ],
  examples: [
    { line: "mapreduce wc 'books/*.txt' --out counts", does: 'count the words of some books' },
    { line: "mapreduce grep --pattern 'err(or)?' logs", does: 'find lines in a directory' },
    { line: 'mapreduce ./my-app.mjs data --reduces 4', does: 'run your own map and reduce' },
  ],
  run: async (invocation) => {
    const { runMapReduce } = await import('../mapreduce-job.js');
    return runMapReduce(invocation);
  },
});
