/** Every command, in the order of the help. */
import type { CommandSpec } from './command.js';
import { bench } from './commands/bench.js';
import { sim } from './commands/sim.js';

export const COMMANDS: readonly CommandSpec[] = [sim, bench];
