/**
 * Whether a stream gets colours. picocolors makes them: it has no dependencies, starts in under a
 * millisecond, and works on every Node 20 (`util.styleText` ignores NO_COLOR on the older ones).
 */
import picocolors from 'picocolors';

export type Colours = ReturnType<typeof picocolors.createColors>;

export interface ColourOptions {
  readonly isTerminal: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** `--no-color` was given. */
  readonly isPlain: boolean;
}

/** NO_COLOR (not empty) wins over FORCE_COLOR; without either, only terminals get colours. */
export function wantsColour({ isTerminal, env, isPlain }: ColourOptions): boolean {
  if (isPlain || isSet(env['NO_COLOR'])) return false;
  if (isSet(env['FORCE_COLOR'])) return env['FORCE_COLOR'] !== '0';
  return isTerminal && env['TERM'] !== 'dumb';
}

export function coloursFor(options: ColourOptions): Colours {
  return picocolors.createColors(wantsColour(options));
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
