/** `conclave demo`: the whole system once, on real input; what `npm start` runs. */
import { defineCommand } from '../command.js';

export const demo = defineCommand({
  name: 'demo',
  summary: 'show what the system does, on real input, with faults, checked',
  usage: '[options]',
  operands: [],
  options: {},
  notes: [
    'Builds an inverted index over the documentation of the installed packages with ' +
      'MapReduce on worker threads, kills a worker on the way, and compares the result ' +
      'byte for byte with a sequential run. Leaves no files behind.',
  ],
  examples: [
    { line: 'demo', does: 'tell the story (npm start does the same)' },
    { line: 'demo --json', does: 'the same as one JSON document' },
  ],
  run: async (invocation) => {
    const { runDemo } = await import('../demo/run-demo.js');
    return runDemo(invocation);
  },
});
