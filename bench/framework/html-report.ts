/** One self-contained page of reports: no script, no request, light and dark. */
import type { BenchmarkDocument } from './document.js';
import type { BenchmarkReport, ReportedPlot, ReportedRow } from './runner.js';
import { formatNumber } from './statistics.js';
import { barPlot, escapeText, linePlot, SERIES_COLOURS } from './svg-plot.js';
import { describeBound } from './text-report.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2433; --faint: #5b6577; --grid: #dfe3ea; --page: #fff;
  --series-0: #1f6feb; --series-1: #bc4c00; --series-2: #1a7f37; --series-3: #8250df;
  --series-4: #bf3989; --series-5: #6e7781; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --faint: #9aa4b5; --grid: #313947;
  --page: #12161d; --series-0: #58a6ff; --series-1: #f0883e; --series-2: #3fb950;
  --series-3: #bc8cff; --series-4: #f778ba; --series-5: #9ea7b3; } }
body { margin: 2rem auto; max-width: 52rem; padding: 0 1rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
p, caption { color: var(--faint); }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; border-bottom: 1px solid var(--grid); text-align: left; }
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--grid); fill: none; }
.line { stroke: var(--series); stroke-width: 2; fill: none; }
.whisker { stroke: var(--ink); stroke-width: 1.5; opacity: 0.5; fill: none; }
.bar, circle { fill: var(--series); }
.swatch { display: inline-block; width: 0.8em; height: 0.8em; }
figure { margin: 1.5rem 0; } figcaption span { margin-right: 1.2rem; }
`;

function row(cells: readonly string[], tag: 'td' | 'th'): string {
  const columns = cells.map((cell, column) => {
    const isFigure = column >= 1 && column <= 3;
    return `<${tag}${isFigure ? ' class="figure"' : ''}>${escapeText(cell)}</${tag}>`;
  });
  return `<tr>${columns.join('')}</tr>`;
}

function table(caption: string, rows: readonly (readonly string[])[]): string {
  const head = row(['', 'median', 'min', 'max', ''], 'th');
  const body = rows.map((cells) => row(cells, 'td')).join('');
  return `<table><caption>${caption}</caption>${head}${body}</table>`;
}

function legend(plot: ReportedPlot): string {
  return plot.series
    .map(({ name }, index) => {
      const colour = `background:var(--series-${index % SERIES_COLOURS})`;
      return `<span><i class="swatch" style="${colour}"></i> ${escapeText(name)}</span>`;
    })
    .join('');
}

function section(report: BenchmarkReport): string {
  const { name, description, runs, seed, configuration, rows, comparisons, plots } = report;
  const settings = Object.entries(configuration).map(([key, value]) => `${key} ${value}`);
  const figures = rows.map((each) => [
    each.name,
    ...[each.median, each.min, each.max].map(formatNumber),
    each.unit,
  ]);
  const ratios = comparisons.map((each) => [
    `${each.of} / ${each.to}`,
    ...[each.median, each.min, each.max].map(formatNumber),
    describeBound(each),
  ]);
  const units = new Map<string, ReportedRow[]>();
  for (const each of rows) units.set(each.unit, [...(units.get(each.unit) ?? []), each]);
  const drawings = [
    ...plots.map(
      (plot) =>
        `<figure><figcaption><b>${escapeText(plot.title)}</b><br>${legend(plot)}</figcaption>` +
        `${linePlot(plot)}</figure>`,
    ),
    ...[...units].map(
      ([unit, sameUnit]) =>
        `<figure><figcaption><b>${escapeText(unit)}</b></figcaption>` +
        `${barPlot(sameUnit, unit)}</figure>`,
    ),
  ];
  const facts = [`${runs} runs`, `seed ${seed}`, ...(report.quick ? ['quick'] : []), ...settings];
  return [
    `<section><h2>${escapeText(name)}</h2><p>${escapeText(description)}<br>`,
    `${escapeText(facts.join(', '))}</p>`,
    table('median of the runs, with the least and the greatest', figures),
    ratios.length > 0 ? table('ratios within a run', ratios) : '',
    ...drawings,
    '</section>',
  ].join('');
}

export function htmlReport({ machine, versions, benchmarks }: BenchmarkDocument): string {
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.system}`;
  const what = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Conclave benchmarks</title><style>${STYLE}</style></head><body>`,
    `<h1>Conclave benchmarks</h1><p>${escapeText(where)}<br>${escapeText(what.join(', '))}</p>`,
    ...benchmarks.map(section),
    '</body></html>\n',
  ].join('\n');
}
