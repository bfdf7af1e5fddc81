import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { build } from 'esbuild';
import { type Test, test } from 'tap';
import { replayTrace, SCENARIOS, simulate, simulateVerified } from '../../src/sim/index.js';
import { formatTrace, readTrace } from '../../src/trace/trace-file.js';

const SIM = new URL('../../src/sim/index.js', import.meta.url).href;
const SEEDS = [1, 2, 3, 4];
/** Short, for the slow interpreter without its compiler. */
const OPTIONS = { nodes: 4, durationMicros: 4_000_000 };

function hashes(): string[] {
  return SCENARIOS.flatMap((scenario) =>
    SEEDS.map((seed) => simulate({ scenario: scenario.name, ...OPTIONS, seed }).traceHash),
  );
}

/** The same hashes from a process of its own. */
function freshHashes(nodeOptions: string[], env: Record<string, string> = {}): string[] {
  const program = `
    import { SCENARIOS, simulate } from ${JSON.stringify(SIM)};
    const OPTIONS = ${JSON.stringify(OPTIONS)};
    const hashes = SCENARIOS.flatMap((scenario) => ${JSON.stringify(SEEDS)}.map(
      (seed) => simulate({ scenario: scenario.name, ...OPTIONS, seed }).traceHash));
    console.log(JSON.stringify(hashes));`;
  const output = execFileSync(
    process.execPath,
    [...nodeOptions, '--input-type=module', '--eval', program],
    { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...env } },
  );
  return JSON.parse(output) as string[];
}

/** Real time and chance throw while the simulator runs. */
function banClocks(t: Test): void {
  const refuse = (name: string) => () => {
    throw new Error(`${name} was called within a simulation`);
  };
  t.intercept(Date, 'now', { value: refuse('Date.now') });
  t.intercept(Math, 'random', { value: refuse('Math.random') });
  t.intercept(performance, 'now', { value: refuse('performance.now') });
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] as const) {
    t.intercept(globalThis, name, { value: refuse(name) });
  }
}

test('determinism: a seed gives the same hash twice, without any real clock or chance', (t) => {
  t.test('within', (t) => {
    banClocks(t);
    const first = hashes();
    t.same(hashes(), first);
    t.equal(new Set(first).size, first.length, 'other seeds give other hashes');
    t.end();
  });
  t.end();
});

test('determinism: the 1st and the 500th run of a process equal a fresh process', (t) => {
  const first = hashes();
  for (let seed = 1000; seed < 1500; seed++) {
    simulate({ scenario: 'exactly-once', seed, nodes: 2, durationMicros: 1_000_000 });
  }
  t.same(hashes(), first, 'the 500th run');
  t.same(freshHashes([]), first, 'a fresh process');
  t.end();
});

test('determinism: time zone, language, the compiler and memory make no difference', (t) => {
  const first = hashes();
  t.same(freshHashes([], { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR' }), first);
  t.same(freshHashes(['--jitless']), first);
  t.same(freshHashes(['--max-old-space-size=64', '--stack-size=500']), first);
  t.end();
});

test('determinism: options count, watching does not', (t) => {
  const seed = 3;
  const scenario = 'exactly-once';
  const { traceHash } = simulate({ scenario, seed });
  t.equal(simulate({ scenario, seed, isTraced: true }).traceHash, traceHash);
  t.equal(simulateVerified({ scenario, seed: 64n }).violations.length, 0);
  t.not(simulate({ scenario, seed, nodes: 3 }).traceHash, traceHash);
  t.not(simulate({ scenario, seed, durationMicros: 1_000_000 }).traceHash, traceHash);
  t.not(simulate({ scenario, seed, isCalm: true }).traceHash, traceHash);
  t.end();
});

test('determinism: a trace file replays, and shows where another run differs', (t) => {
  const { trace } = simulate({ scenario: 'exactly-once', seed: 5, nodes: 3, isTraced: true });
  if (trace === undefined) throw new Error('there is no trace');
  const lines = [...formatTrace(trace.header, trace.events)].join('').split('\n');
  const read = readTrace(lines);
  t.match(replayTrace(read), { type: 'same' });
  const events = read.events.map((event, i) => (i === 40 ? { ...event, actor: 'x' } : event));
  t.match(replayTrace({ ...read, events }), { type: 'differs', position: 40 });
  const cut = { ...read, events: read.events.slice(0, 50) };
  t.match(replayTrace(cut), { type: 'differs', position: 50, recorded: undefined });
  const other = { ...read, header: { ...read.header, options: { nodes: 0 } } };
  t.throws(() => replayTrace(other), { code: 'INPUT', message: /nodes must be/ });
  const threads = { ...read, header: { ...read.header, host: 'threads' as const } };
  t.throws(() => replayTrace(threads), { code: 'INPUT' });
  t.end();
});

test('determinism: wrong options are refused', (t) => {
  t.throws(() => simulate({ seed: 1, scenario: 'nosuch' }), { code: 'USAGE' });
  t.throws(() => simulate({ seed: 1, nodes: 0 }), /nodes must be/);
  t.throws(() => simulate({ seed: 1, durationMicros: 0.5 }), /duration must be/);
  t.throws(() => simulate({ seed: 'x' }), /whole number/);
  const bug = 'nosuch';
  t.throws(() => simulate({ seed: 1, scenario: 'exactly-once', bug }), /no bug 'nosuch'; it has/);
  t.end();
});

test('browser: the simulator bundles without node: and runs in a bare page', async (t) => {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `import * as sim from ${JSON.stringify(fileURLToPath(SIM))}; globalThis.sim = sim;`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    platform: 'browser',
    format: 'esm',
    metafile: true,
    write: false,
  });
  const imports = Object.values(metafile.inputs).flatMap((input) => input.imports);
  t.same(
    imports.filter(({ path }) => path.startsWith('node:')),
    [],
  );
  const text = outputFiles[0]?.text ?? '';
  t.notMatch(text, /from ?["']node:|require\(["']node:/);
  t.notMatch(text, /\beval\(|new Function\(/, 'a strict content-security policy allows it');
  // What a page has of it; no process, no require, no Buffer.
  const page: Record<string, unknown> = { TextEncoder, TextDecoder };
  runInNewContext(text, page);
  const run = runInNewContext(
    `const OPTIONS = ${JSON.stringify(OPTIONS)};
    [typeof process, typeof require, typeof Buffer].join() + ' ' +
      sim.SCENARIOS.flatMap((scenario) => ${JSON.stringify(SEEDS)}.map(
        (seed) => sim.simulate({ scenario, ...OPTIONS, seed }).traceHash)).join()`,
    page,
  ) as string;
  t.equal(run, `undefined,undefined,undefined ${hashes().join()}`);
});
