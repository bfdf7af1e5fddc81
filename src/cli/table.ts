/** Plain tables: a header, columns two spaces apart, numbers to the right; no box around them. */
import type { Colours } from './colours.js';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Rows have a cell per column. The last left-aligned column is not padded. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  colours: Colours,
): string {
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? '';
        const width = widths[i] ?? 0;
        return column.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [colours.dim(line(columns.map((column) => column.title))), ...rows.map(line)].join('\n');
}
