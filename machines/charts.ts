/** Every statechart of the system: a chart that is not listed here is neither tested nor drawn. */
import type { Chart } from './chart.js';
import { ignoredByJob, ignoredByMrWorker, ignoredByTask } from './mapreduce/ignored.js';
import { jobMachine } from './mapreduce/job.js';
import { mrWorkerMachine } from './mapreduce/mr-worker.js';
import { taskMachine } from './mapreduce/task.js';
import { ignoredByPipeline } from './pipeline/ignored.js';
import { pipelineMachine } from './pipeline/machine.js';
import { ignoredByRaft } from './raft/ignored.js';
import { raftMachine } from './raft/machine.js';

export const CHARTS: readonly Chart[] = [
  { name: 'job', machine: jobMachine, ignored: ignoredByJob },
  { name: 'task', machine: taskMachine, ignored: ignoredByTask },
  { name: 'mr-worker', machine: mrWorkerMachine, ignored: ignoredByMrWorker },
  { name: 'raft', machine: raftMachine, ignored: ignoredByRaft },
  { name: 'pipeline', machine: pipelineMachine, ignored: ignoredByPipeline },
];
