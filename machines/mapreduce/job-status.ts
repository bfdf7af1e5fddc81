/** What the client is told: how far the job is, what it made, and the report at its end. */
import type { Reduced } from '../reducer.js';
import type { JobEffect } from './effects.js';
import type { Counters, ResultFile } from './job-spec.js';
import { type JobContext, type JobEvent, phaseOf } from './job-state.js';
import type { JobReport, JobStatusResult, PhaseReport, TaskCounts } from './messages.js';
import type { TaskState } from './task.js';
import { reply } from './workers.js';

type Result = Reduced<JobContext, JobEffect>;

export function answerStatus(
  context: JobContext,
  event: Extract<JobEvent, { type: 'statusAsked' }>,
): Result {
  return [context, [reply(event.replyTo, { kind: 'jobStatusResult', body: statusOf(context) })]];
}

export function statusOf(context: JobContext): JobStatusResult {
  const phase = context.ended ?? phaseOf(context);
  return {
    phase,
    maps: countsOf(context.maps),
    reduces: countsOf(context.reduces),
    bytesDone: bytesDone(context),
    bytesTotal: context.plan.reduce((sum, task) => sum + task.bytes, 0),
    workers: Object.keys(context.workers).length,
    tally: context.tally,
    notesCount: context.notesCount,
    notes: context.notes,
    results: phase === 'commit' || phase === 'succeeded' ? resultsOf(context) : [],
    report: context.ended === null ? null : reportOf(context),
    failure: context.failure,
  };
}

function countsOf(tasks: readonly TaskState[]): TaskCounts {
  const count = (value: TaskState['value']) => tasks.filter((it) => it.value === value).length;
  return { total: tasks.length, done: count('done'), running: count('running') };
}

function bytesDone(context: JobContext): number {
  let bytes = 0;
  for (const [index, task] of context.maps.entries()) {
    if (task.value === 'done') bytes += context.plan[index]?.bytes ?? 0;
    else bytes += Math.max(0, ...task.context.live.map((attempt) => attempt.progress.bytes));
  }
  return bytes;
}

function resultsOf(context: JobContext): readonly ResultFile[] {
  return context.reduces.flatMap((task) => task.context.winner?.files ?? []);
}

export function reportOf(context: JobContext): JobReport {
  const { map, reduce, commit } = context.wallMicros;
  return {
    map: phaseReport(context.maps, map),
    reduce: phaseReport(context.reduces, reduce),
    commitWallMicros: commit,
    tally: context.tally,
    skipped: context.skipped,
  };
}

/** Sums the winners, so that a task counts once however often it ran (K7). */
function phaseReport(tasks: readonly TaskState[], wallMicros: number): PhaseReport {
  const winners = tasks.flatMap((task) => task.context.winner?.counters ?? []);
  const sum = (name: keyof Counters) => winners.reduce((total, it) => total + it[name], 0);
  return {
    tasks: tasks.length,
    attempts: tasks.reduce((total, task) => total + task.context.attemptsCount, 0),
    retries: tasks.reduce((total, task) => total + task.context.retriesCount, 0),
    backups: tasks.reduce((total, task) => total + task.context.backupsCount, 0),
    bytesIn: sum('bytesIn'),
    recordsIn: sum('recordsIn'),
    pairsOut: sum('pairsOut'),
    bytesOut: sum('bytesOut'),
    spills: sum('spills'),
    cpuMicros: sum('cpuMicros'),
    wallMicros,
  };
}
