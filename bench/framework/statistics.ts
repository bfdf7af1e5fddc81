/** The figures of all runs, drawn together: a median with its spread. */

export interface Summary {
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Summarises at least one finite value; throws otherwise, because a gap must not look like 0. */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0 || !values.every(Number.isFinite)) {
    throw new RangeError(`a summary needs finite figures, not [${values.join(', ')}]`);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] as number;
  const lower = sorted[(sorted.length - 1) >> 1] as number;
  return {
    values,
    median: (lower + upper) / 2,
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
  };
}

/** The value below which the fraction `p` of the sorted values lies (nearest rank). */
export function percentile(sorted: readonly number[] | Float64Array, p: number): number {
  if (sorted.length === 0) throw new RangeError('a percentile needs at least one value');
  const rank = Math.max(1, Math.ceil(p * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1] as number;
}

/** Four significant digits with thousands separators: `1,235,000`, `0.1734`. */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}
