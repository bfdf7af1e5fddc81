/**
 * Walks a chart for pairs of state and event that nobody has thought about. Each state that the
 * machine can rest in must handle every event of the machine, itself or by an ancestor, or say in
 * the chart's `ignored` table why it need not.
 */
import type { AnyStateNode } from 'xstate';
import type { Chart } from '../../machines/chart.js';

/** One line for each mistake; none when the chart is whole. */
export function matrixProblems(chart: Chart): string[] {
  const walk = new Walk(chart);
  for (const event of eventsOf(chart.machine.root)) walk.visit(chart.machine.root, event);
  walk.checkNode(chart.machine.root);
  walk.checkTable();
  return walk.problems;
}

/** Every event type that some state of the tree handles, sorted. */
function eventsOf(root: AnyStateNode): string[] {
  const types = new Set<string>();
  const collect = (node: AnyStateNode): void => {
    for (const type of Object.keys(node.on)) {
      if (!type.includes('*') && !type.startsWith('xstate.')) types.add(type);
    }
    for (const child of childrenOf(node)) collect(child);
  };
  collect(root);
  return [...types].sort();
}

class Walk {
  readonly problems: string[] = [];
  readonly #chart: Chart;
  /** Entries of the ignored table that excused a state. */
  readonly #used = new Set<string>();

  constructor(chart: Chart) {
    this.#chart = chart;
  }

  /** Whether every resting place below `node` deals with the event; notes the ones that do not. */
  visit(node: AnyStateNode, event: string): void {
    this.problems.push(...this.#gaps(node, event));
  }

  #gaps(node: AnyStateNode, event: string): string[] {
    const isHandled = handles(node, event);
    const isExcused = this.#isExcused(node, event);
    if (isHandled && isExcused) {
      return [`${this.#name(node)} handles '${event}', which its table calls ignored`];
    }
    if (isHandled || isExcused || node.type === 'final' || passesThrough(node)) return [];
    const below = childrenOf(node).map((child) => this.#gaps(child, event));
    if (below.length === 0) return [`${this.#name(node)} neither handles nor ignores '${event}'`];
    // In a parallel state one region that deals with the event everywhere is enough.
    if (node.type !== 'parallel') return below.flat();
    return below.reduce((best, gaps) => (gaps.length < best.length ? gaps : best));
  }

  /** What holds for every state: a description, and no transition that does nothing. */
  checkNode(node: AnyStateNode): void {
    if (node.parent !== undefined && !/^[^\n]+$/.test(node.description ?? '')) {
      this.problems.push(`${this.#name(node)} has no one-line description`);
    }
    for (const [event, transitions] of node.transitions) {
      for (const { target, actions, guard } of transitions) {
        if (target === undefined && actions.length === 0 && guard === undefined) {
          this.problems.push(`${this.#name(node)} blocks '${event}' by an empty transition`);
        }
      }
    }
    for (const child of childrenOf(node)) this.checkNode(child);
  }

  /** Every entry of the table must have a reason and excuse something. */
  checkTable(): void {
    for (const [state, events] of Object.entries(this.#chart.ignored)) {
      for (const [event, reason] of Object.entries(events)) {
        const entry = `the table's entry '${state}', '${event}'`;
        if (reason.trim() === '') this.problems.push(`${entry} gives no reason`);
        if (!this.#used.has(`${state} ${event}`)) this.problems.push(`${entry} excuses nothing`);
      }
    }
  }

  #isExcused(node: AnyStateNode, event: string): boolean {
    const path = node.path.join('.');
    if (this.#chart.ignored[path]?.[event] === undefined) return false;
    this.#used.add(`${path} ${event}`);
    return true;
  }

  #name(node: AnyStateNode): string {
    return `${this.#chart.name}: ${node.path.join('.') || 'the machine'}`;
  }
}

function childrenOf(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states);
}

/** By name, by `prefix.*` or by `*`; a guarded handler counts, because somebody thought of it. */
function handles(node: AnyStateNode, event: string): boolean {
  return Object.keys(node.on).some((descriptor) => {
    if (!descriptor.endsWith('*')) return descriptor === event;
    return event.startsWith(descriptor.slice(0, -1));
  });
}

/** A state that an unguarded `always` leaves at once: no event meets the machine there. */
function passesThrough(node: AnyStateNode): boolean {
  return (node.always ?? []).some(({ guard }) => guard === undefined);
}
