/** `conclave replay`: runs a recorded trace of the simulator again. */
import { defineCommand } from '../command.js';

export const replay = defineCommand({
  name: 'replay',
  summary: 'run a recorded trace of the simulator again, and compare',
  usage: '<file>',
  operands: [
    {
      name: 'file',
      text: 'what sim --trace wrote',
      isRequired: true,
      isVariadic: false,
    },
  ],
  options: {},
  notes: [
    'Exit code 0: the same events, and all invariants held; 1: an event differs (the trace is\n' +
      'of another version of this program), or the run breaks an invariant.',
  ],
  examples: [{ line: 'replay run.jsonl', does: 'see whether that run still goes the same way' }],
  run: async ({ operands, output }) => {
    const { runReplay } = await import('../replay-run.js');
    return runReplay(operands[0] as string, output);
  },
});
