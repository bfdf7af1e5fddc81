/** Runs the stages one after the other, tells their story, and prints what happened. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConclaveError } from '../../errors.js';
import type { ExitCode, Invocation } from '../command.js';
import type { Output } from '../output.js';
import { formatDuration, plural } from '../quantities.js';
import { type Column, renderTable } from '../table.js';
import type { Stage, StageReport } from './stage.js';
import { STAGES } from './stages.js';

interface Finished {
  readonly stage: Stage;
  readonly report: StageReport;
}

export async function runDemo(invocation: Invocation<object>): Promise<ExitCode> {
  const { output } = invocation;
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'conclave-demo-'));
  const finished: Finished[] = [];
  try {
    for (const stage of STAGES) {
      finished.push({ stage, report: await runStage(stage, folder, invocation) });
    }
  } finally {
    output.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  const durationMs = performance.now() - startedMs;
  output.print(tableOf(finished, output));
  const checks = finished.flatMap(({ report }) => report.checks);
  const broken = checks.filter(({ holds }) => !holds).map(({ claim }) => claim);
  if (broken.length > 0) throw new ConclaveError('INVARIANT', `not so: ${broken.join('; ')}`);
  const { green } = output.colours;
  output.print(
    green(`${plural(checks.length, 'check')} held; ${formatDuration(durationMs)} in all`),
  );
  output.report({
    ok: true,
    wallSeconds: durationMs / 1000,
    stages: finished.map(({ stage, report }) => ({ name: stage.name, ...report })),
  });
  return 0;
}

async function runStage(
  stage: Stage,
  folder: string,
  { output, signal }: Invocation<object>,
): Promise<StageReport> {
  const scratch = join(folder, stage.name);
  mkdirSync(scratch);
  output.narrate(output.colours.bold(stage.title));
  const report = await stage.run({
    scratch,
    output,
    signal,
    narrate: (text) => output.narrate(`  ${text}`),
  });
  output.narrate('');
  return report;
}

const COLUMNS: readonly Column[] = [
  { title: 'what', align: 'left' },
  { title: 'time', align: 'right' },
  { title: 'outcome', align: 'left' },
];

function tableOf(finished: readonly Finished[], output: Output): string {
  const rows = finished.flatMap(({ report }) =>
    report.rows.map(({ what, outcome, durationMs }) => [
      what,
      durationMs === undefined ? '' : formatDuration(durationMs),
      outcome,
    ]),
  );
  return renderTable(COLUMNS, rows, output.colours);
}
