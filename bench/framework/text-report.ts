/** A report as aligned text for a terminal. */
import { hanging } from '../../src/cli/hanging.js';
import type { BenchmarkReport, ReportedComparison } from './runner.js';
import { formatNumber } from './statistics.js';

/** Aligns columns: the first to the left, figures to the right, units to the left. */
function table(rows: readonly (readonly string[])[], left: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] as number;
        return left.includes(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `at least 3: holds`; empty without a bound. */
export function describeBound({ atLeast, atMost, holds }: ReportedComparison): string {
  if (holds === undefined) return '';
  const bounds = [
    ...(atLeast === undefined ? [] : [`at least ${formatNumber(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${formatNumber(atMost)}`]),
  ];
  return `${bounds.join(', ')}: ${holds ? 'holds' : 'MISSED'}`;
}

/** Sentences are wrapped at `columns`; tables are as wide as they must be. */
export function textReport(report: BenchmarkReport, columns = 100): string {
  const { name, description, quick, seed, runs, configuration } = report;
  const settings = Object.entries(configuration).map(([key, value]) => `${key} ${value}`);
  const facts = [`${runs} runs`, `seed ${seed}`, ...(quick ? ['--quick'] : []), ...settings];
  const lines = [
    hanging(`${name}: `, description, columns),
    hanging('', facts.join(', '), columns),
    '',
    ...table(
      [
        ['', 'median', 'min', 'max', ''],
        ...report.rows.map((row) => [
          row.name,
          formatNumber(row.median),
          formatNumber(row.min),
          formatNumber(row.max),
          row.unit,
        ]),
      ],
      [0, 4],
    ),
  ];
  if (report.comparisons.length > 0) {
    const ratios = report.comparisons.map((each) => [
      `${each.of} / ${each.to}`,
      formatNumber(each.median),
      formatNumber(each.min),
      formatNumber(each.max),
      describeBound(each),
    ]);
    lines.push(
      '',
      ...table([['ratio within a run', 'median', 'min', 'max', ''], ...ratios], [0, 4]),
    );
  }
  return lines.join('\n');
}
