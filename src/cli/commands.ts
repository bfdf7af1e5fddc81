/** Every command, in the order of the help. */
import type { CommandSpec } from './command.js';
import { bench } from './commands/bench.js';
import { demo } from './commands/demo.js';
import { mapreduce } from './commands/mapreduce.js';
import { replay } from './commands/replay.js';
import { sim } from './commands/sim.js';

export const COMMANDS: readonly CommandSpec[] = [demo, mapreduce, sim, replay, bench];
