/**
 * The coordinator's chart: map, reduce, commit, and the end. It says in which phase the job is;
 * the tasks have charts of their own (`task.ts`), and the workers' calls are handled by
 * `workers.ts`. After the end it goes on answering, so that every worker that still asks is sent
 * home and a client whose answer was lost can ask again; nobody is told to go before the output
 * stands under its final names.
 */
import { setup } from 'xstate';
import { type Reduced, reducerFor } from '../reducer.js';
import type { JobEffect } from './effects.js';
import {
  initialJob,
  type JobContext,
  type JobEvent,
  type JobInput,
  phaseOf,
  sweepMicros,
} from './job-state.js';
import { answerStatus } from './job-status.js';
import { changeTask } from './job-tasks.js';
import {
  abortAsker,
  answerConfig,
  answerProgress,
  answerTask,
  loseWorker,
  serve,
  terminateAsker,
  terminateWaiting,
  unpark,
} from './workers.js';

type Result = Reduced<JobContext, JobEffect>;

interface JobTypes {
  context: JobContext;
  events: JobEvent;
  emitted: JobEffect;
  input: JobInput;
  tags: 'ended';
}

const on = reducerFor<JobContext, JobEvent, JobEffect>();

export const jobMachine = setup({
  types: {} as JobTypes,
  guards: {
    hasFailed: ({ context }) => context.failure !== null,
    isMapPhase: ({ context }) => phaseOf(context) === 'map',
    isReducePhase: ({ context }) => phaseOf(context) === 'reduce',
    isCommitPhase: ({ context }) => phaseOf(context) === 'commit',
  },
  actions: {
    armSweep: on('*', armSweep),
    beginPhase: on('*', beginPhase),
    clockMap: on('*', (context, event) => clock(context, event, 'map')),
    clockReduce: on('*', (context, event) => clock(context, event, 'reduce')),
    clockCommit: on('*', (context, event) => clock(context, event, 'commit')),
    answerConfig: on('configAsked', answerConfig),
    answerTask: on('taskAsked', answerTask),
    answerProgress: on('progressReported', answerProgress),
    answerStatus: on('statusAsked', answerStatus),
    loseWorker: on('workerLost', loseWorker),
    sweep: on('sweepDue', sweep),
    noteCommitFailure: on('commitFailed', (context, event) => [
      { ...context, failure: { message: event.message, cause: null } },
      [],
    ]),
    noteSuccess: on('*', (context) => [{ ...context, ended: 'succeeded' }, []]),
    noteFailure: on('*', (context) => [{ ...context, ended: 'failed' }, []]),
    noteCancellation: on('*', (context) => [{ ...context, ended: 'cancelled' }, []]),
    disarmSweep: on('*', (context) => [context, [{ type: 'cancelTimer', timer: 'sweep' }]]),
    terminateWaiting: on('*', terminateWaiting),
    terminateAsker: on('taskAsked', terminateAsker),
    abortAsker: on('progressReported', abortAsker),
  },
}).createMachine({
  id: 'job',
  initial: 'working',
  context: ({ input }) => initialJob(input),
  on: {
    configAsked: { actions: 'answerConfig' },
    statusAsked: { actions: 'answerStatus' },
  },
  states: {
    working: {
      description: 'Gives out tasks and takes in what becomes of them.',
      meta: { source: 'MapReduce §3.1', timers: { sweep: 'T/20' } },
      initial: 'mapping',
      entry: 'armSweep',
      exit: 'disarmSweep',
      always: { guard: 'hasFailed', target: 'ended.failed' },
      on: {
        taskAsked: { actions: 'answerTask' },
        progressReported: { actions: 'answerProgress' },
        workerLost: { actions: 'loseWorker' },
        sweepDue: { actions: 'sweep' },
        jobCancelled: { target: 'ended.cancelled' },
      },
      states: {
        mapping: {
          description: 'Some map task is not done, or the output of one was lost.',
          meta: { source: 'MapReduce §3.1 steps 2-4; §3.3' },
          entry: 'beginPhase',
          exit: 'clockMap',
          always: [
            { guard: 'isReducePhase', target: 'reducing' },
            { guard: 'isCommitPhase', target: 'committing' },
          ],
        },
        reducing: {
          description: 'All map output is there; some reduce task is not done.',
          meta: { source: 'MapReduce §3.1 steps 5-6' },
          entry: 'beginPhase',
          exit: 'clockReduce',
          always: [
            { guard: 'isMapPhase', target: 'mapping' },
            { guard: 'isCommitPhase', target: 'committing' },
          ],
        },
        committing: {
          description: 'Every task has a winner; the client gives the output its final names.',
          meta: { source: 'ARCHITECTURE: MapReduce, commit' },
          entry: 'beginPhase',
          exit: 'clockCommit',
          on: {
            outputCommitted: { target: '#job.ended.succeeded' },
            commitFailed: { target: '#job.ended.failed', actions: 'noteCommitFailure' },
          },
        },
      },
    },
    ended: {
      description: 'Sends home whoever asks, and tells the client how it ended.',
      meta: { source: 'MapReduce §3.1 step 7' },
      tags: 'ended',
      initial: 'succeeded',
      entry: 'terminateWaiting',
      on: {
        taskAsked: { actions: 'terminateAsker' },
        progressReported: { actions: 'abortAsker' },
      },
      states: {
        succeeded: {
          description: 'The output stands under its final names.',
          meta: { source: 'ARCHITECTURE: MapReduce, commit' },
          entry: 'noteSuccess',
        },
        failed: {
          description: 'A task has failed for good, or the output could not be committed.',
          meta: { source: 'ARCHITECTURE: MapReduce, failures' },
          entry: 'noteFailure',
        },
        cancelled: {
          description: 'The client wants no result any more.',
          meta: { source: 'ARCHITECTURE: MapReduce, failures' },
          entry: 'noteCancellation',
        },
      },
    },
  },
});

/** The time that an event carries; the event that starts the machine carries none. */
function nowOf(context: JobContext, event: JobEvent): number {
  return 'now' in event ? event.now : context.phaseSince;
}

function armSweep(context: JobContext): Result {
  return [context, [{ type: 'setTimer', timer: 'sweep', delayMicros: sweepMicros(context.spec) }]];
}

/** Workers that waited for the phase to change are served at once. */
function beginPhase(context: JobContext, event: JobEvent): Result {
  const now = nowOf(context, event);
  return serve({ ...context, phaseSince: now }, now);
}

function clock(
  context: JobContext,
  event: JobEvent,
  phase: keyof JobContext['wallMicros'],
): Result {
  const spent = nowOf(context, event) - context.phaseSince;
  const wallMicros = { ...context.wallMicros, [phase]: context.wallMicros[phase] + spent };
  return [{ ...context, wallMicros }, []];
}

/** Ends what is overdue, gives out what can be given, and lets no worker wait too long. */
function sweep(context: JobContext, event: Extract<JobEvent, { type: 'sweepDue' }>): Result {
  const { now } = event;
  let next = context;
  for (const kind of ['map', 'reduce'] as const) {
    const tasks = kind === 'map' ? next.maps : next.reduces;
    for (const task of tasks) {
      if (task.value !== 'running') continue;
      next = changeTask(next, kind, task.context.index, { type: 'deadlinePassed', now });
    }
  }
  const [served, given] = serve(next, now);
  const [left, told] = unpark(served, now);
  const [armed, timers] = armSweep(left);
  return [armed, [...given, ...told, ...timers]];
}
