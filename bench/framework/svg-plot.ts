/**
 * Plots as SVG text: a line plot with the spread of each point, and a bar plot of rows. Colours
 * are the page's custom properties, so that one drawing serves light and dark. Written here
 * because the known plotting libraries draw on a canvas or need a DOM, and a page of figures
 * should need neither.
 */
import type { PlotPoint, ReportedPlot, ReportedRow } from './runner.js';
import { formatNumber } from './statistics.js';

/** How many series have a colour of their own: `--series-0` … in the page. */
export const SERIES_COLOURS = 6;

const WIDTH = 720;
const HEIGHT = 380;
const MARGIN = { top: 16, right: 16, bottom: 52, left: 80 };
const INNER_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const INNER_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;

interface Scale {
  readonly ticks: readonly number[];
  /** 0 at the low end, 1 at the high end. */
  position(value: number): number;
}

export function escapeText(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Round steps (1, 2 or 5 times a power of ten) from 0, or from the lowest value if it is below. */
function linearScale(values: readonly number[]): Scale {
  const low = Math.min(0, ...values);
  const high = Math.max(...values, low + Number.EPSILON);
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const bottom = Math.floor(low / step) * step;
  const top = Math.ceil(high / step) * step;
  const count = Math.round((top - bottom) / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, index) => bottom + index * step),
    position: (value) => (value - bottom) / (top - bottom),
  };
}

/** Powers of ten; values must be positive. */
function logScale(values: readonly number[]): Scale {
  if (Math.min(...values) <= 0) throw new RangeError('a logarithmic scale needs positive values');
  const bottom = Math.floor(Math.log10(Math.min(...values)));
  const top = Math.max(bottom + 1, Math.ceil(Math.log10(Math.max(...values))));
  return {
    ticks: Array.from({ length: top - bottom + 1 }, (_, index) => 10 ** (bottom + index)),
    position: (value) => (Math.log10(value) - bottom) / (top - bottom),
  };
}

const scaleOf = (kind: 'linear' | 'log' | undefined, values: readonly number[]): Scale =>
  kind === 'log' ? logScale(values) : linearScale(values);

function text(
  content: string,
  at: { readonly x: number; readonly y: number; readonly anchor: string; readonly turn?: boolean },
): string {
  const turn = at.turn ? ` transform="rotate(-90 ${at.x} ${at.y})"` : '';
  const place = `x="${at.x}" y="${at.y}" text-anchor="${at.anchor}"${turn}`;
  return `<text ${place}>${escapeText(content)}</text>`;
}

function axes(plot: ReportedPlot, x: Scale, y: Scale): string[] {
  const bottom = HEIGHT - MARGIN.bottom;
  const lines: string[] = [];
  for (const tick of y.ticks) {
    const at = bottom - y.position(tick) * INNER_HEIGHT;
    lines.push(`<path class="grid" d="M${MARGIN.left} ${at}H${WIDTH - MARGIN.right}"/>`);
    lines.push(text(formatNumber(tick), { x: MARGIN.left - 8, y: at + 4, anchor: 'end' }));
  }
  for (const tick of x.ticks) {
    const at = MARGIN.left + x.position(tick) * INNER_WIDTH;
    lines.push(`<path class="grid" d="M${at} ${MARGIN.top}V${bottom}"/>`);
    lines.push(text(formatNumber(tick), { x: at, y: bottom + 18, anchor: 'middle' }));
  }
  const middle = MARGIN.top + INNER_HEIGHT / 2;
  lines.push(text(plot.xLabel, { x: WIDTH / 2, y: HEIGHT - 10, anchor: 'middle' }));
  lines.push(text(plot.yLabel, { x: 16, y: middle, anchor: 'middle', turn: true }));
  return lines;
}

/** One SVG element: a line a series, with a whisker from minimum to maximum at each point. */
export function linePlot(plot: ReportedPlot): string {
  const points = plot.series.flatMap((series) => series.points);
  const x = scaleOf(
    plot.xScale,
    points.map((point) => point.x),
  );
  const y = scaleOf(
    plot.yScale,
    points.flatMap((point) => [point.min, point.max]),
  );
  const across = (value: number) => MARGIN.left + x.position(value) * INNER_WIDTH;
  const up = (value: number) => HEIGHT - MARGIN.bottom - y.position(value) * INNER_HEIGHT;
  const parts = axes(plot, x, y);
  for (const [index, series] of plot.series.entries()) {
    const path = series.points.map((point) => `${across(point.x)} ${up(point.median)}`).join('L');
    const marks = series.points.map((point) => mark(point, across(point.x), up));
    const colour = `style="--series:var(--series-${index % SERIES_COLOURS})"`;
    parts.push(`<g ${colour}><path class="line" d="M${path}"/>${marks.join('')}</g>`);
  }
  return svg(parts, { height: HEIGHT, label: plot.title });
}

function mark(point: PlotPoint, x: number, up: (value: number) => number): string {
  const title = `<title>${formatNumber(point.x)}: ${formatNumber(point.median)}</title>`;
  const whisker = `<path class="whisker" d="M${x} ${up(point.min)}V${up(point.max)}"/>`;
  return `${whisker}<circle cx="${x}" cy="${up(point.median)}" r="4">${title}</circle>`;
}

/** One SVG element: a bar a row from 0 to its median, with a whisker; all rows of one unit. */
export function barPlot(rows: readonly ReportedRow[], unit: string): string {
  const labelWidth = Math.min(440, 24 + 6.5 * Math.max(...rows.map((row) => row.name.length)));
  const figureWidth = 80;
  const pitch = 28;
  const highest = Math.max(...rows.map((row) => row.max), Number.MIN_VALUE);
  const across = (value: number) =>
    labelWidth + (Math.max(0, value) / highest) * (WIDTH - labelWidth - figureWidth);
  const parts = rows.flatMap((row, index) => {
    const top = index * pitch + 6;
    const middle = top + 8;
    const end = across(row.median);
    return [
      text(row.name, { x: labelWidth - 8, y: middle + 4, anchor: 'end' }),
      `<path class="bar" d="M${labelWidth} ${top}H${end}V${top + 16}H${labelWidth}Z"/>`,
      `<path class="whisker" d="M${across(row.min)} ${middle}H${across(row.max)}"/>`,
      text(formatNumber(row.median), { x: across(row.max) + 8, y: middle + 4, anchor: 'start' }),
    ];
  });
  const height = rows.length * pitch + 8;
  return svg([`<g style="--series:var(--series-0)">${parts.join('')}</g>`], {
    height,
    label: unit,
  });
}

function svg(parts: readonly string[], size: { height: number; label: string }): string {
  const label = escapeText(size.label).replace(/"/g, '&quot;');
  const box = `viewBox="0 0 ${WIDTH} ${size.height}" role="img" aria-label="${label}"`;
  return `<svg ${box}>${parts.join('')}</svg>`;
}
