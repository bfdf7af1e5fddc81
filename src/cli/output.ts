/**
 * Where a command's words go. Results go to standard output: as text, or with `--json` as exactly
 * one document. Everything else (log, progress, failures) goes to standard error.
 */
import { type Colours, coloursFor } from './colours.js';
import { describeFailure, stackOf } from './failures.js';
import { Progress } from './progress.js';

/** What the command line says about output; the same for every command. */
export interface OutputSettings {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** `--no-color` was given. */
  readonly plain: boolean;
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export class Output {
  readonly settings: OutputSettings;
  /** Colours for text on standard output. */
  readonly colours: Colours;
  readonly #streams: Streams;
  readonly #errorColours: Colours;
  #progress: Progress | undefined;

  constructor(streams: Streams, settings: OutputSettings) {
    this.#streams = streams;
    this.settings = settings;
    const { stdout, stderr, env } = streams;
    const isPlain = settings.plain;
    this.colours = coloursFor({ isTerminal: stdout.isTTY === true, env, isPlain });
    this.#errorColours = coloursFor({ isTerminal: stderr.isTTY === true, env, isPlain });
  }

  /** How wide a line on standard output may be; 100 where it is not a terminal. */
  get columns(): number {
    return this.#streams.stdout.columns || 100;
  }

  /** A result for people. Nothing with `--json`. */
  print(text: string): void {
    if (!this.settings.json) this.#write(`${text}\n`);
  }

  /** Part of the story rather than the result: left out with `--quiet` and `--json`. */
  narrate(text: string): void {
    if (!this.settings.quiet) this.print(text);
  }

  /** The one document of `--json`; nothing without it. Call it at most once. */
  report(document: unknown): void {
    if (this.settings.json) this.#write(`${JSON.stringify(document, null, 2)}\n`);
  }

  /** Text that is a result, with its own line ends, or the document of `--json` already made. */
  write(text: string): void {
    this.#write(text);
  }

  /** A line of log. */
  note(text: string): void {
    if (!this.settings.quiet) this.#log(text);
  }

  /** A line of log that only `--verbose` shows. */
  detail(text: string): void {
    if (this.settings.verbose) this.#log(this.#errorColours.dim(text));
  }

  warn(text: string): void {
    this.#log(`${this.#errorColours.yellow('warning:')} ${text}`);
  }

  /** Says what went wrong; the stack only with `--verbose`. */
  fail(error: unknown): void {
    const failure = describeFailure(error);
    this.#log(`${this.#errorColours.red('error:')} ${failure.message}`);
    if (this.settings.verbose) this.#log(this.#errorColours.dim(stackOf(error)));
    this.report({ error: failure });
  }

  /**
   * The progress bar of this command. It draws only where standard error is a terminal, and
   * neither with `--quiet` nor under CI.
   */
  progress(): Progress {
    const { stderr, env } = this.#streams;
    const isDrawn =
      stderr.isTTY === true && !this.settings.quiet && !isTrue(env['CI']) && env['TERM'] !== 'dumb';
    this.#progress ??= new Progress(isDrawn ? stderr : undefined, this.#errorColours);
    return this.#progress;
  }

  /** Takes the bar away; a terminal must not be left in the middle of it. */
  close(): void {
    this.#progress?.stop();
  }

  #write(text: string): void {
    if (this.#progress === undefined) this.#streams.stdout.write(text);
    else this.#progress.aside(() => this.#streams.stdout.write(text));
  }

  #log(text: string): void {
    if (this.#progress === undefined) this.#streams.stderr.write(`${text}\n`);
    else this.#progress.aside(() => this.#streams.stderr.write(`${text}\n`));
  }
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}
