/**
 * One run of the command line: parse, run the command, turn the outcome into an exit code. The
 * process ends here and nowhere else, after everything written has been handed to the system.
 */
import { readFileSync } from 'node:fs';
import { coloursFor } from './colours.js';
import type { Invocation } from './command.js';
import { COMMANDS } from './commands.js';
import { exitCodeOf } from './failures.js';
import { Interruption } from './interruption.js';
import { Output, type OutputSettings } from './output.js';
import { asksForJson, parseCommandLine, type Request } from './program.js';

/** Runs `words` (without the program's name) and ends the process. */
export async function runToExit(words: readonly string[]): Promise<never> {
  const interruption = new Interruption();
  let output = outputFor({
    json: asksForJson(words),
    quiet: false,
    verbose: words.includes('--verbose'),
    plain: words.includes('--no-color'),
  });
  const end = (exitCode: number): never => {
    output.close();
    process.exit(exitCode);
  };
  survivePipes(interruption);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      output.fail(error);
      end(1);
    });
  }
  interruption.listen(process, {
    onFirst: () => output.note('stopping; once more to end at once'),
    onSecond: end,
  });
  const exitCode = await outcomeOf(async () => {
    const request = parse(words);
    if (request.kind === 'text') return printText(request.text);
    output = outputFor(request.settings);
    const { operands, values, spec } = request;
    const invocation = { operands, values, output, signal: interruption.signal };
    return await spec.run(invocation as unknown as Invocation<never>);
  });
  await drained();
  return end(exitCode);

  async function outcomeOf(work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (error) {
      if (!interruption.signal.aborted) {
        output.fail(error);
        return exitCodeOf(error);
      }
      const interrupted = interruption.exitCode;
      // Standard output was closed: its reader has all that it wanted.
      if (interrupted === undefined) return 0;
      output.fail(interruption.signal.reason);
      return interrupted;
    }
  }
}

function parse(words: readonly string[]): Request {
  const isTerminal = process.stdout.isTTY === true;
  return parseCommandLine(words, {
    specs: COMMANDS,
    version: packageVersion(),
    colours: coloursFor({
      isTerminal,
      env: process.env,
      isPlain: words.includes('--no-color'),
    }),
    columns: Math.min(100, process.stdout.columns || 80),
  });
}

function printText(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function outputFor(settings: OutputSettings): Output {
  return new Output({ stdout: process.stdout, stderr: process.stderr, env: process.env }, settings);
}

/** `conclave … | head -1` closes our output: not an error, but nobody waits for the rest. */
function survivePipes(interruption: Interruption): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    interruption.abandon();
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

/** Resolves when standard output and error have been written, or closed by their readers. */
async function drained(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      if (stream.destroyed) resolve();
      else stream.write('', () => resolve());
    });
  }
}

/** The version in package.json, three levels up from dist/src/cli. */
export function packageVersion(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
