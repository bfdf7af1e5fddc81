/** The report of a job that succeeded, in the terms of its caller. */
import type {
  JobStatusResult,
  PhaseReport as PhaseTotals,
} from '../../machines/mapreduce/messages.js';
import type { JobPlan } from './job-plan.js';
import type { MapReduceReport, PhaseReport } from './options.js';

export interface ReportInput {
  readonly plan: JobPlan;
  readonly status: JobStatusResult;
  /** The output files, absolute, in order. */
  readonly files: readonly string[];
  readonly wallSeconds: number;
}

export function reportOf({ plan, status, files, wallSeconds }: ReportInput): MapReduceReport {
  const { report } = status;
  if (report === null) throw new Error('a job that has ended has a report');
  return {
    jobId: plan.spec.jobId,
    app: plan.appName,
    out: plan.output.out,
    files,
    inputs: plan.inputsCount,
    workers: plan.workersCount,
    map: phaseOf(report.map),
    reduce: phaseOf(report.reduce),
    skippedRecords: report.skipped,
    wallSeconds,
  };
}

function phaseOf(totals: PhaseTotals): PhaseReport {
  const { tasks, attempts, retries, backups, recordsIn, pairsOut, bytesIn, bytesOut } = totals;
  return {
    tasks,
    attempts,
    retries,
    backups,
    recordsIn,
    pairsOut,
    bytesIn,
    bytesOut,
    wallSeconds: totals.wallMicros / 1_000_000,
    cpuSeconds: totals.cpuMicros / 1_000_000,
  };
}
