/** Every command, in the order of the help. */
import type { CommandSpec } from './command.js';
import { bench } from './commands/bench.js';

export const COMMANDS: readonly CommandSpec[] = [bench];
