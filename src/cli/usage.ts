/**
 * Wrong usage in our words. commander says what is wrong (`error: unknown option '--reduce'`, and
 * on a line of its own what was probably meant); this adds what to write instead.
 */
import type { CommanderError } from 'commander';
import { ConclaveError } from '../errors.js';
import type { CommandSpec } from './command.js';

export function usageErrorOf(
  error: CommanderError,
  known: { readonly specs: readonly CommandSpec[]; readonly spec: CommandSpec | undefined },
): ConclaveError {
  const { spec } = known;
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const [, guesses] = /\(Did you mean (?:one of )?(.*)\?\)/.exec(rest.join(' ')) ?? [];
  const wrong = error.code === 'commander.help' ? 'no command was given' : first;
  const parts = [wrong.replace(/\. Expected (\d+) arguments? but got (\d+)\.?$/, ' ($2, not $1)')];
  if (guesses !== undefined) parts.push(`did you mean ${quoted(guesses)}?`);
  else if (spec !== undefined) parts.push(`usage: conclave ${spec.name} ${spec.usage}`);
  else parts.push(`the commands are ${known.specs.map(({ name }) => name).join(', ')}`);
  const help =
    spec === undefined
      ? "'conclave --help' says what each command does"
      : `'conclave ${spec.name} --help' shows every option`;
  return new ConclaveError('USAGE', `${parts.join('; ')}\n${help}`);
}

function quoted(guesses: string): string {
  return guesses
    .split(', ')
    .map((guess) => `'${guess}'`)
    .join(' or ');
}
