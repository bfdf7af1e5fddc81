import { test } from 'tap';
import { coloursFor, wantsColour } from '../../src/cli/colours.js';
import { type CommandSpec, defineCommand } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { describeFailure, exitCodeOf, stackOf } from '../../src/cli/failures.js';
import { bytes, choiceOfTwo, decimal, integer, oneOf, toggle } from '../../src/cli/options.js';
import { asksForJson, parseCommandLine } from '../../src/cli/program.js';
import { progressLine } from '../../src/cli/progress.js';
import { formatBytes, formatCount, formatDuration, plural } from '../../src/cli/quantities.js';
import { renderTable } from '../../src/cli/table.js';
import { ConclaveError } from '../../src/errors.js';

const plain = coloursFor({ isTerminal: false, env: {}, isPlain: true });

const weigh = defineCommand({
  name: 'weigh',
  summary: 'weigh things',
  usage: '<thing> [more…] [options]',
  operands: [
    { name: 'thing', text: 'what to weigh', isRequired: true, isVariadic: false },
    { name: 'more', text: 'and what else', isRequired: false, isVariadic: true },
  ],
  options: {
    count: integer('--count <n>', { text: 'how many', min: 1, max: 100, initial: 10 }),
    share: decimal('--share <x>', { text: 'how much', min: 0, max: 1, initial: 0.5 }),
    size: bytes('--size <bytes>', {
      text: 'how large',
      min: 1,
      max: 2 ** 40,
      initial: undefined,
      shown: 'chosen by weight',
    }),
    form: oneOf('--form <form>', { text: 'which', words: ['round', 'flat'], initial: 'flat' }),
    merge: choiceOfTwo('merge', { text: 'merge them', shown: 'where it is safe' }),
    force: toggle('--force', 'lift heavy ones'),
  },
  notes: ['Weights are in grams.'],
  examples: [{ line: 'weigh apple', does: 'weigh an apple' }],
  run: async () => 0,
});

const parse = (line: string, specs: readonly CommandSpec[] = [weigh]) =>
  parseCommandLine(line.split(' ').filter(Boolean), {
    specs,
    version: '1.2.3',
    colours: plain,
    columns: 80,
  });

/** The values of a line that parses. */
const valuesOf = (line: string) => {
  const request = parse(line);
  return request.kind === 'run' ? request.values : {};
};

/** The message of a line that does not. */
const refusalOf = (line: string): string => {
  try {
    parse(line);
  } catch (error) {
    if (error instanceof ConclaveError && error.code === 'USAGE') return error.message;
    throw error;
  }
  return 'accepted';
};

test('command line: values have their defaults, and what is given wins', (t) => {
  t.same(valuesOf('weigh apple'), {
    count: 10,
    share: 0.5,
    size: undefined,
    form: 'flat',
    merge: undefined,
    force: false,
  });
  t.same(
    valuesOf('weigh apple --count=7 --share .25 --size 1.5K --form round --no-merge --force'),
    { count: 7, share: 0.25, size: 1536, form: 'round', merge: false, force: true },
  );
  t.equal(valuesOf('weigh a --count 3 --count 4')['count'], 4, 'the last one counts');
  t.end();
});

test('command line: sizes are bytes, or have a suffix of 1024, 1024² or 1024³', (t) => {
  const sizes: [string, number][] = [
    ['1', 1],
    ['64k', 65_536],
    ['64KiB', 65_536],
    ['2MB', 2_097_152],
    ['1G', 1_073_741_824],
    ['0.5M', 524_288],
  ];
  for (const [text, size] of sizes) t.equal(valuesOf(`weigh a --size ${text}`)['size'], size);
  for (const text of ['0', '-1', '1T', '1.5', 'K', '1e6', '0x10', '9999G', '1 M']) {
    t.match(refusalOf(`weigh a --size ${text.replace(' ', '_')}`), /from 1 to 1024G/, text);
  }
  t.end();
});

test('command line: a bad value names the option and what it accepts', (t) => {
  for (const text of ['0', '101', '-1', 'abc', '1.5', '1e1', '', '99999999999999999999']) {
    t.match(
      refusalOf(`weigh a --count=${text}`),
      `--count must be a whole number from 1 to 100, not '${text}'`,
    );
  }
  t.match(refusalOf('weigh a --share 2'), "--share must be a number from 0 to 1, not '2'");
  t.match(refusalOf('weigh a --form oval'), "--form must be one of round, flat, not 'oval'");
  t.match(refusalOf('weigh a --count'), /'--count <n>' argument missing/);
  t.end();
});

test('command line: what is unknown is named, with what was probably meant', (t) => {
  t.match(refusalOf('wiegh apple'), /unknown command 'wiegh'; did you mean 'weigh'\?/);
  t.match(refusalOf('zzz --help'), /unknown command 'zzz'; the commands are weigh/);
  t.match(refusalOf('help zzz'), /unknown command 'zzz'/);
  t.match(refusalOf('weigh a --cuont 3'), /unknown option '--cuont'; did you mean '--count'\?/);
  t.match(refusalOf('weigh a -z'), /unknown option '-z'; usage: conclave weigh <thing>/);
  t.match(refusalOf('--nope'), /unknown option '--nope'/);
  t.match(refusalOf('weigh'), /missing required argument 'thing'; usage: conclave weigh <thing>/);
  t.match(refusalOf('weigh a --quiet --verbose'), /exclude each other/);
  const strict = { ...weigh, operands: weigh.operands.slice(0, 1) };
  t.throws(() => parse('weigh a b c', [strict]), {
    code: 'USAGE',
    message: /^too many arguments for 'weigh' \(3, not 1\); usage: conclave weigh/,
  });
  t.match(refusalOf('--json'), /no command was given/);
  t.end();
});

test('command line: the shared options stand before or after the command', (t) => {
  const settings = (line: string) => {
    const request = parse(line);
    return request.kind === 'run' ? request.settings : undefined;
  };
  t.same(settings('weigh a'), { json: false, quiet: false, verbose: false, plain: false });
  t.same(settings('--json weigh a --quiet'), {
    json: true,
    quiet: true,
    verbose: false,
    plain: false,
  });
  t.equal(settings('--no-color weigh a')?.plain, true);
  t.equal(settings('weigh a --no-color')?.plain, true);
  t.equal(asksForJson(['weigh', '--json', '--nope']), true);
  t.equal(asksForJson(['weigh', '--', '--json']), false);
  t.end();
});

test('command line: every command has help with its options, their defaults and an example', (t) => {
  for (const spec of [weigh, ...COMMANDS]) {
    for (const line of [`${spec.name} --help`, `help ${spec.name}`]) {
      const request = parse(line, [weigh, ...COMMANDS]);
      const text = request.kind === 'text' ? request.text : '';
      const help = text.replace(/\s+/g, ' ');
      t.match(help, `Usage: conclave ${spec.name}`);
      t.match(help, 'Examples:');
      for (const flag of ['--json', '--quiet', '--verbose', '--no-color', '--help']) {
        t.match(help, flag, `${line}: ${flag}`);
      }
      for (const option of Object.values(spec.options)) {
        for (const flags of option.flags) t.match(help, flags, `${line}: ${flags}`);
        t.match(help, `(default: ${option.shown})`, `${line}: default of ${option.flags[0]}`);
      }
      t.notOk(
        text.split('\n').some((row) => row.length > 80),
        `${line} fits 80 columns`,
      );
    }
  }
  t.same(parse(''), parse('--help'));
  t.same(parse('--version'), { kind: 'text', text: '1.2.3' });
  t.end();
});

test('failures: each kind of error has an exit code, a code and one line', (t) => {
  const usage = new ConclaveError('USAGE', 'write it so');
  t.equal(exitCodeOf(usage), 2);
  t.equal(exitCodeOf(new ConclaveError('INPUT', 'x')), 1);
  t.equal(exitCodeOf(new TypeError('x')), 1);
  t.same(describeFailure(usage), { code: 'USAGE', message: 'write it so' });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  t.same(describeFailure(full), { code: 'ENOSPC', message: 'ENOSPC: no space left on device' });
  t.match(describeFailure(new TypeError('x is not a function')), { code: 'INTERNAL' });
  t.match(describeFailure(undefined), { code: 'INTERNAL' });
  const cause = new Error('below');
  t.match(stackOf(new Error('above', { cause })), /above[\s\S]*caused by: Error: below/);
  t.end();
});

test('output: colours only where they are wanted', (t) => {
  const wanted = (env: NodeJS.ProcessEnv, isTerminal = true, isPlain = false) =>
    wantsColour({ env, isTerminal, isPlain });
  t.equal(wanted({}), true);
  t.equal(wanted({}, false), false);
  t.equal(wanted({ NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  t.equal(wanted({ NO_COLOR: '' }), true, 'an empty NO_COLOR says nothing');
  t.equal(wanted({ FORCE_COLOR: '1' }, false), true);
  t.equal(wanted({ FORCE_COLOR: '0' }), false);
  t.equal(wanted({ TERM: 'dumb' }), false);
  t.equal(wanted({ FORCE_COLOR: '1' }, true, true), false, '--no-color wins');
  t.end();
});

test('output: quantities and tables read well', (t) => {
  t.same([0, 1023, 1024, 3_301_104].map(formatBytes), ['0 B', '1023 B', '1.0 KiB', '3.1 MiB']);
  t.same([0.42, 87.4, 1240, 59_990, 185_000].map(formatDuration), [
    '0.4 ms',
    '87 ms',
    '1.24 s',
    '59.99 s',
    '3 min 05 s',
  ]);
  t.same([0, 999, 1000, 1_234_567].map(formatCount), ['0', '999', '1 000', '1 234 567']);
  t.same([plural(1, 'file'), plural(2, 'file')], ['1 file', '2 files']);
  const table = renderTable(
    [
      { title: 'phase', align: 'left' },
      { title: 'tasks', align: 'right' },
    ],
    [
      ['map', '8'],
      ['reduce', '10'],
    ],
    plain,
  );
  t.equal(table, 'phase   tasks\nmap         8\nreduce     10');
  t.end();
});

test('output: a progress line fits its terminal and says less when it is narrow', (t) => {
  const step = { phase: 'map', done: 12, total: 40, unit: 'tasks', elapsedMs: 61_250 };
  for (let columns = 1; columns <= 130; columns++) {
    const line = progressLine({ ...step, detail: '31.0 MiB', columns }, plain);
    t.ok(line.length < columns, `${columns} columns`);
  }
  const wide = progressLine({ ...step, detail: '31.0 MiB', columns: 120 }, plain);
  t.match(wide, /^map {6}\[=+ +\] 12\/40 tasks {2}31\.0 MiB {2}1 min 01 s$/);
  t.match(progressLine({ ...step, columns: 40 }, plain), /^map {6}\[=+ +\] 12\/40 tasks$/);
  t.equal(progressLine({ ...step, columns: 20 }, plain), 'map 12/40');
  t.match(progressLine({ ...step, done: 50, columns: 80 }, plain), /\[=+\] 50\/40/);
  t.match(progressLine({ ...step, done: 0, total: 0, columns: 80 }, plain), /\[ +\] 0\/0/);
  t.end();
});
