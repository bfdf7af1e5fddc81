import { test } from 'tap';
import type { Benchmark } from '../../bench/framework/benchmark.js';
import { htmlReport } from '../../bench/framework/html-report.js';
import { runBenchmark } from '../../bench/framework/runner.js';
import { formatNumber, percentile, summarise } from '../../bench/framework/statistics.js';
import { textReport } from '../../bench/framework/text-report.js';
import { type BenchRequest, bench } from '../../bench/main.js';

/** Three runs on a machine that slows down: the ratio of the two rows stays 4. */
const drifting: Benchmark = {
  name: 'drifting',
  description: 'two ways <beside> each other',
  options: [{ name: 'size', unit: 'bytes', description: 'of a message', value: 256, quick: 16 }],
  runs: { full: 3, quick: 1 },
  plots: [{ name: 'load', title: 'By load', xLabel: 'clients', yLabel: 'op/s', xScale: 'log' }],
  comparisons: [{ of: 'fast', to: 'slow', atLeast: 3, atMost: 3.5 }],
  run: ({ run, option }) => [
    { name: 'fast', unit: 'op/s', value: 400 / run, plot: { plot: 'load', series: 'a & b', x: 1 } },
    {
      name: 'slow',
      unit: 'op/s',
      value: 100 / run,
      plot: { plot: 'load', series: 'a & b', x: 64 },
    },
    { name: 'size', unit: 'bytes', value: option('size') },
  ],
};

const settings = {
  quick: false,
  seed: 7,
  against: [],
  options: {},
  progress: () => {},
  signal: new AbortController().signal,
};

test('bench: a figure is the median of the measured runs with its spread', async (t) => {
  const { rows } = await runBenchmark(drifting, settings);
  t.match(rows[0], { name: 'fast', median: 200, max: 400, min: 400 / 3 });
  t.equal(rows[0]?.values.length, 3, 'the warm-up does not count');
});

test('bench: ratios are taken within each run, and a missed bound is said', async (t) => {
  const report = await runBenchmark(drifting, settings);
  t.same(report.comparisons[0]?.values, [4, 4, 4]);
  t.equal(report.comparisons[0]?.holds, false);
  t.match(textReport(report), /at least 3, at most 3.5: MISSED/);
});

test('bench: options have a default, a quick default and the value that the user sets', async (t) => {
  const sizeOf = async (changed: object) => {
    const report = await runBenchmark(drifting, { ...settings, ...changed });
    return report.rows.find((row) => row.name === 'size')?.median;
  };
  t.equal(await sizeOf({}), 256);
  t.equal(await sizeOf({ quick: true }), 16);
  t.equal(await sizeOf({ quick: true, options: { size: 9 } }), 9);
});

test('bench: the page draws every row and plot and asks for nothing', async (t) => {
  const report = await runBenchmark(drifting, settings);
  const machine = { cpu: 'a <cpu>', cores: 2, memoryGB: 4, system: 'linux' };
  const page = htmlReport({ machine, versions: { node: '20' }, benchmarks: [report] });
  t.equal(page.match(/<svg/g)?.length, 3, 'one plot, and bars for each of two units');
  t.match(page, 'a &lt;cpu&gt;');
  t.match(page, 'a &amp; b');
  t.notMatch(page, /https?:|<script|<link|<img|@import|url\(/);
  t.notMatch(page, /NaN|Infinity|undefined/);
});

test('bench: an aborted run stops with the reason', async (t) => {
  const controller = new AbortController();
  const stops: Benchmark = {
    ...drifting,
    run: () => {
      controller.abort(new Error('stopped by SIGINT'));
      return [];
    },
  };
  const { signal } = controller;
  await t.rejects(runBenchmark(stops, { ...settings, signal }), { message: 'stopped by SIGINT' });
});

test('bench: an unknown name, peer or option is refused before anything runs', async (t) => {
  const ask = (request: BenchRequest) =>
    bench(request, { write: t.fail, progress: t.fail, signal: settings.signal });
  await t.rejects(ask({ names: ['stop'] }), { code: 'USAGE', message: /there are: step/ });
  await t.rejects(ask({ names: ['step'], against: ['mysql'] }), { code: 'USAGE' });
  await t.rejects(ask({ names: ['step'], options: { sise: 1 } }), { code: 'USAGE' });
});

test('bench: the JSON document says on what its figures were measured', async (t) => {
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text), progress: () => {} };
  const request = { names: ['step'], json: true, runs: 1, options: { events: 70 } };
  await bench(request, { ...output, signal: settings.signal });
  const document = JSON.parse(written.join(''));
  t.match(document.machine, { cpu: String, cores: Number, memoryGB: Number, system: String });
  t.match(document.versions, { node: process.versions.node, xstate: /^5\./ });
  t.match(document.benchmarks, [{ name: 'step', seed: 1, runs: 1, rows: [{ unit: 'µs' }] }]);
});

test('bench statistics: even counts, percentiles by rank, and no figure out of nothing', async (t) => {
  t.match(summarise([3, 1, 2, 10]), { median: 2.5, min: 1, max: 10 });
  t.throws(() => summarise([]), RangeError);
  t.throws(() => summarise([1, Number.NaN]), RangeError);
  t.equal(percentile([1, 2, 3, 4], 0.5), 2);
  t.equal(percentile([1, 2, 3, 4], 0.99), 4);
  t.equal(percentile([1], 0), 1);
  t.equal(formatNumber(1234567), '1,235,000');
});
