/**
 * From the words of the command line to what shall run: `parseCommandLine` reads, and decides
 * nothing else. commander 14 does the parsing: it knows POSIX and GNU forms, makes the help, and
 * proposes what was probably meant (15 needs a newer Node; `util.parseArgs` has neither help nor
 * subcommands).
 */
import { Command, CommanderError, Option } from 'commander';
import { ConclaveError } from '../errors.js';
import type { Colours } from './colours.js';
import type { CommandSpec } from './command.js';
import type { OptionSpec, OptionTable } from './options.js';
import type { OutputSettings } from './output.js';
import { usageErrorOf } from './usage.js';

/** What the command line asks for. */
export type Request =
  | {
      readonly kind: 'run';
      readonly spec: CommandSpec;
      readonly operands: readonly string[];
      readonly values: Readonly<Record<string, unknown>>;
      readonly settings: OutputSettings;
    }
  /** Help or the version: print it and be done. */
  | { readonly kind: 'text'; readonly text: string };

export interface ProgramOptions {
  readonly specs: readonly CommandSpec[];
  readonly version: string;
  readonly colours: Colours;
  /** Width of the help, in columns. */
  readonly columns: number;
}

const SHARED_OPTIONS = [
  ['--json', 'one JSON document on standard output, nothing else there (default: off)'],
  ['--quiet', 'results and errors only (default: off)'],
  ['--verbose', 'log more, show where an error comes from (default: off)'],
  ['--no-color', 'plain text, as NO_COLOR does (default: colours on a terminal)'],
] as const;

const NOTE_COLUMNS = 80;

/** Throws a `USAGE` error that says what is wrong and what to write instead. */
export function parseCommandLine(words: readonly string[], options: ProgramOptions): Request {
  let request: Request | undefined;
  let text = '';
  const program = baseProgram(options, (more) => {
    text += more;
  });
  for (const spec of options.specs) {
    program.addCommand(
      commandOf(spec, program, (found) => {
        request = found;
      }),
    );
  }
  program.addCommand(helpCommand(program));
  try {
    program.parse(prepared(words, program), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0)
      throw usageErrorOf(error, {
        specs: options.specs,
        spec: commandIn(words, options.specs),
      });
  }
  return request ?? { kind: 'text', text: text.trimEnd() };
}

/** Whether failures of this command line are to be printed as JSON, even if it does not parse. */
export function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end < 0 ? words : words.slice(0, end)).includes('--json');
}

/**
 * No words at all ask for help. An unknown command is wrong whatever follows it; commander would
 * print the general help for `unknown --help` and call that a success.
 */
function prepared(words: readonly string[], program: Command): string[] {
  if (words.length === 0) return ['--help'];
  const first = words.find((word) => !word.startsWith('-'));
  const isKnown = program.commands.some((command) => command.name() === first);
  return first === undefined || isKnown ? [...words] : [first];
}

function commandIn(words: readonly string[], specs: readonly CommandSpec[]) {
  const first = words.find((word) => !word.startsWith('-'));
  return specs.find((spec) => spec.name === first);
}

function baseProgram(options: ProgramOptions, write: (text: string) => void): Command {
  const program = new Command('conclave')
    .description('An actor-model distributed system that you can run, see and break.')
    .usage('[command] [options]')
    .version(options.version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: write,
      writeErr: () => {},
      getOutHelpWidth: () => options.columns,
      getOutHasColors: () => options.colours.isColorSupported,
    })
    .configureHelp({
      styleTitle: (title) => options.colours.bold(title),
      subcommandTerm: (command) => command.name(),
    });
  addSharedOptions(program);
  return program.addHelpText(
    'after',
    "\n'conclave <command> --help' shows the options of a command.",
  );
}

function addSharedOptions(command: Command): void {
  for (const [flags, text] of SHARED_OPTIONS) {
    command.addOption(new Option(flags, text));
  }
}

function helpCommand(program: Command): Command {
  return program
    .createCommand('help')
    .copyInheritedSettings(program)
    .description('print the help of a command')
    .argument('[command]', 'the command; all of them without it')
    .action((name: string | undefined) => {
      if (name === undefined) program.help();
      const command = program.commands.find((candidate) => candidate.name() === name);
      if (command === undefined) program.parse([String(name)], { from: 'user' });
      command?.help();
    });
}

function commandOf(
  spec: CommandSpec,
  program: Command,
  found: (request: Request) => void,
): Command {
  const command = program
    .createCommand(spec.name)
    .copyInheritedSettings(program)
    .description(`${sentence(spec.summary)}`)
    .summary(spec.summary)
    .usage(spec.usage)
    .helpOption('-h, --help', 'print this help');
  for (const operand of spec.operands) {
    const name = operand.isVariadic ? `${operand.name}...` : operand.name;
    command.argument(operand.isRequired ? `<${name}>` : `[${name}]`, operand.text);
  }
  for (const option of optionsOf(spec.options)) command.addOption(option);
  addSharedOptions(command);
  command.addHelpText('after', afterHelp(spec));
  return command.action(() => {
    found({
      kind: 'run',
      spec,
      operands: command.args,
      values: valuesOf(spec.options, command),
      settings: settingsOf(command),
    });
  });
}

function* optionsOf(table: OptionTable): Generator<Option> {
  for (const spec of Object.values(table)) {
    for (const [i, flags] of spec.flags.entries()) {
      const shown = spec.shown === undefined ? '' : ` (default: ${spec.shown})`;
      const option = new Option(
        flags,
        i === 0 ? `${spec.text}${shown}` : `the opposite of ${spec.flags[0]}`,
      );
      const { parse } = spec;
      yield parse === undefined
        ? option
        : option.argParser((text, previous) => parse(text, previous));
    }
  }
}

function valuesOf(table: OptionTable, command: Command): Record<string, unknown> {
  const given = command.opts<Record<string, unknown>>();
  return Object.fromEntries(
    Object.entries(table).map(([key, spec]) => [key, given[attributeOf(spec)] ?? spec.initial]),
  );
}

function attributeOf(spec: OptionSpec<unknown>): string {
  return new Option(spec.flags[0] ?? '').attributeName();
}

function settingsOf(command: Command): OutputSettings {
  const given = command.optsWithGlobals<Record<string, unknown>>();
  if (given['quiet'] === true && given['verbose'] === true) {
    throw new ConclaveError('USAGE', '--quiet and --verbose exclude each other; give one of them');
  }
  return {
    json: given['json'] === true,
    quiet: given['quiet'] === true,
    verbose: given['verbose'] === true,
    plain: command.opts()['color'] === false || given['color'] === false,
  };
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function afterHelp(spec: CommandSpec): string {
  const notes = spec.notes.map((note) => `\n${wrapped(note)}`).join('\n');
  const examples = spec.examples.map(({ line, does }) => `  # ${does}\n  conclave ${line}`);
  return `${notes}\n\nExamples:\n${examples.join('\n')}`;
}

/** Breaks a paragraph into lines that fit any terminal. */
function wrapped(paragraph: string): string {
  const lines = [''];
  for (const word of paragraph.split(/\s+/)) {
    const line = `${lines.at(-1)} ${word}`.trimStart();
    if (line.length > NOTE_COLUMNS) lines.push(word);
    else lines[lines.length - 1] = line;
  }
  return lines.join('\n');
}
