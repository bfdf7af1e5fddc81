import { test } from 'tap';
import { createMachine } from 'xstate';
import type { Ignored } from '../../machines/chart.js';
import { CHARTS } from '../../machines/charts.js';
import { matrixProblems } from './matrix.js';

test('machines: each state handles every event, or its table says why not', async (t) => {
  for (const chart of CHARTS) t.same(matrixProblems(chart), [], chart.name);
  const names = CHARTS.map(({ name }) => name);
  t.same(names, [...new Set(names)], 'a chart has a name of its own');
});

const noted = { actions: 'note' };
const problemsOf = (config: object, ignored: Ignored = {}) =>
  matrixProblems({ name: 'm', machine: createMachine(config), ignored });

test('matrix: a state that nobody thought about is found', async (t) => {
  const config = {
    initial: 'a',
    states: {
      a: { description: 'A.', on: { go: 'b' } },
      b: { description: 'B.' },
      gone: { description: 'Over.', type: 'final' },
      passing: { description: 'Never rests.', always: 'a' },
    },
  };
  t.same(problemsOf(config), ["m: b neither handles nor ignores 'go'"]);
  t.same(problemsOf(config, { b: { go: 'It is there already.' } }), []);
});

test('matrix: children inherit handlers, and a compound excuses its children', async (t) => {
  const inner = { initial: 'x', states: { x: { description: 'X.' }, y: { description: 'Y.' } } };
  const outer = { description: 'Outer.', ...inner };
  const config = { initial: 'a', states: { a: outer, b: { description: 'B.', on: { go: 'a' } } } };
  t.same(problemsOf(config).length, 2);
  t.same(problemsOf({ ...config, on: { go: noted } }), []);
  t.same(problemsOf(config, { a: { go: 'Not yet.' } }), []);
  t.same(problemsOf(config, { 'a.x': { go: 'Not yet.' } }), [
    "m: a.y neither handles nor ignores 'go'",
  ]);
});

test('matrix: one region of a parallel state is enough, half of one is not', async (t) => {
  const region = (on: object, more: object) => ({
    description: 'A region.',
    initial: 'p',
    states: { p: { description: 'P.', on }, q: { description: 'Q.', on: more } },
  });
  const go = { go: noted };
  t.same(problemsOf({ type: 'parallel', states: { l: region(go, go), r: region({}, {}) } }), []);
  t.same(
    problemsOf({ type: 'parallel', states: { l: region(go, {}), r: region({}, go) } }).length,
    1,
  );
});

test('matrix: wildcards handle, and xstate wants them after a dot', async (t) => {
  const state = (on: object) => ({ description: 'S.', on });
  const events = { 'disk.full': noted, other: noted };
  const config = (on: object) => ({ initial: 'a', states: { a: state(events), b: state(on) } });
  t.same(problemsOf(config({ '*': noted })), []);
  t.same(problemsOf(config({ 'disk.*': noted })), ["m: b neither handles nor ignores 'other'"]);
});

test('matrix: the table must be true: no reason, no state, or a handled event is a mistake', async (t) => {
  const config = {
    initial: 'a',
    states: { a: { description: 'A.', on: { go: 'b' } }, b: { description: 'B.' } },
  };
  const table = { a: { go: 'But it does.' }, b: { go: ' ' }, c: { go: 'No such state.' } };
  t.same(problemsOf(config, table), [
    "m: a handles 'go', which its table calls ignored",
    "the table's entry 'b', 'go' gives no reason",
    "the table's entry 'c', 'go' excuses nothing",
  ]);
});

test('matrix: a state without a description and an empty transition are found', async (t) => {
  t.same(problemsOf({ initial: 'a', states: { a: { on: { go: {} } } } }), [
    'm: a has no one-line description',
    "m: a blocks 'go' by an empty transition",
  ]);
});
