/**
 * `conclave/mapreduce`: runs jobs, and has the types of what a user module exports.
 *
 *     const report = await mapReduce({ app: 'wc', inputs: ['books'], out: 'counts' });
 */
export type {
  Combine,
  Emit,
  EmitBytes,
  MapBytesFunction,
  MapFunction,
  Pairs,
  ReduceFunction,
} from './app.js';
export { mapReduce } from './job.js';
export type {
  JobControl,
  JobEvent,
  JobProgress,
  MapReduceOptions,
  MapReduceReport,
  PhaseReport,
  SkippedRecord,
} from './options.js';
