/** Every command, in the order of the help. */
import type { CommandSpec } from './command.js';

export const COMMANDS: readonly CommandSpec[] = [];
