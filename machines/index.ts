/**
 * `conclave/machines`: the statecharts of the system, and how a chart is driven without XState's
 * interpreter. Everything here runs in a browser page, unchanged.
 */

export type { Chart, Ignored } from './chart.js';
export { CHARTS } from './charts.js';
export { type Reduced, type Reducer, reducerFor, unchanged } from './reducer.js';
export { createStepper, type Stepped, type Stepper } from './step.js';
