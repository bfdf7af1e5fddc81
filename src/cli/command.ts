/**
 * What a command is: data for the parser and the help, and a function that does the work. A
 * command's own modules are imported when it runs, so that `--help` answers at once.
 */
import type { OptionTable, ValuesOf } from './options.js';
import type { Output } from './output.js';

/** 0 done; 1 the work failed or a check found a violation; 2 wrong usage; 3 unknown. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Invocation<Values> {
  readonly operands: readonly string[];
  readonly values: Values;
  readonly output: Output;
  /**
   * Aborted by SIGINT and SIGTERM: stop cleanly, then throw its reason (an `INTERRUPTED` error).
   */
  readonly signal: AbortSignal;
}

export interface OperandSpec {
  readonly name: string;
  readonly text: string;
  readonly isRequired: boolean;
  readonly isVariadic: boolean;
}

export interface CommandSpec {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** The operands as the usage line shows them. */
  readonly usage: string;
  readonly operands: readonly OperandSpec[];
  readonly options: OptionTable;
  /** Paragraphs below the options: what a user must know beyond them. */
  readonly notes: readonly string[];
  /** Command lines without the leading `conclave`, each with what it does. */
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  run(invocation: Invocation<never>): Promise<ExitCode>;
}

/** Ties the type of `values` in `run` to the option table. */
export function defineCommand<const O extends OptionTable>(
  spec: Omit<CommandSpec, 'options' | 'run'> & {
    readonly options: O;
    run(invocation: Invocation<ValuesOf<O>>): Promise<ExitCode>;
  },
): CommandSpec {
  return spec as unknown as CommandSpec;
}
