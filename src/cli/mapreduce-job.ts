/** Runs a job for `conclave mapreduce`, shows its progress, and says how it went. */
import { relative } from 'node:path';
import { mapReduce } from '../mapreduce/job.js';
import type { MapReduceReport, PhaseReport } from '../mapreduce/options.js';
import type { ExitCode } from './command.js';
import type { MapReduceInvocation } from './commands/mapreduce.js';
import type { Output } from './output.js';
import { formatBytes, formatCount, formatDuration, plural } from './quantities.js';
import { type Column, renderTable } from './table.js';

export async function runMapReduce(invocation: MapReduceInvocation): Promise<ExitCode> {
  const { operands, values, output, signal } = invocation;
  const [app = '', ...inputs] = operands;
  const progress = output.progress();
  const report = await mapReduce({
    ...values,
    app,
    inputs,
    signal,
    onProgress: ({ phase, tasksDone, tasksTotal, bytesDone }) => {
      progress.update({
        phase,
        done: tasksDone,
        total: tasksTotal,
        unit: 'tasks',
        ...(phase === 'map' ? { detail: formatBytes(bytesDone) } : {}),
      });
    },
    onEvent: ({ level, message }) => {
      if (level === 'warn') output.note(message);
      else output.detail(message);
    },
  });
  progress.stop();
  output.report(report);
  for (const { file, offset, message } of report.skippedRecords) {
    output.warn(`skipped the record at byte ${offset} of ${file}: ${message}`);
  }
  output.narrate(summaryOf(report, output));
  return 0;
}

const COLUMNS: readonly Column[] = [
  { title: 'phase', align: 'left' },
  { title: 'tasks', align: 'right' },
  { title: 'attempts', align: 'right' },
  { title: 'retries', align: 'right' },
  { title: 'records', align: 'right' },
  { title: 'read', align: 'right' },
  { title: 'written', align: 'right' },
  { title: 'wall', align: 'right' },
  { title: 'cpu', align: 'right' },
];

function summaryOf(report: MapReduceReport, output: Output): string {
  const { map, reduce, inputs, files, out, workers } = report;
  const where = relative(process.cwd(), out) || '.';
  const head =
    `${report.app}: ${plural(inputs, 'file')}, ${formatBytes(map.bytesIn)}, ` +
    `${plural(workers, 'worker')}, ${formatDuration(report.wallSeconds * 1000)}`;
  const skipped = report.skippedRecords.length;
  const tail =
    `${plural(reduce.pairsOut, 'line')} in ${plural(files.length, 'file')}: ${where}/mr-out-*` +
    (skipped === 0 ? '' : `; ${plural(skipped, 'record')} skipped`);
  const table = renderTable(COLUMNS, [row('map', map), row('reduce', reduce)], output.colours);
  return `${output.colours.bold(head)}\n${table}\n${tail}`;
}

function row(name: string, phase: PhaseReport): string[] {
  return [
    name,
    formatCount(phase.tasks),
    formatCount(phase.attempts),
    formatCount(phase.retries),
    formatCount(phase.recordsIn),
    formatBytes(phase.bytesIn),
    formatBytes(phase.bytesOut),
    formatDuration(phase.wallSeconds * 1000),
    formatDuration(phase.cpuSeconds * 1000),
  ];
}
