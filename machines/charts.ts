/** Every statechart of the system: a chart that is not listed here is neither tested nor drawn. */
import type { Chart } from './chart.js';

export const CHARTS: readonly Chart[] = [];
