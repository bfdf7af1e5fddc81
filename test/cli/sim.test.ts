import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { simulate } from '../../src/sim/index.js';
import { readTrace } from '../../src/trace/trace-file.js';
import { conclave } from './child.js';

const FAST = ['--duration', '2'];

test('sim: the hash and the failures do not depend on the number of jobs', async (t) => {
  const range = ['sim', '--seeds', '1..6', '--zoo', 'adds-twice', '--json'];
  const [one, two] = await Promise.all([
    conclave([...range, '--jobs', '1']),
    conclave([...range, '--jobs', '2']),
  ]);
  t.equal(one.code, 1, 'an invariant failed');
  t.equal(two.code, 1);
  const [a, b] = [JSON.parse(one.stdout), JSON.parse(two.stdout)];
  t.match(a, { seeds: 6, firstSeed: 1, lastSeed: 6, ratio: Number, simSeconds: Number });
  t.match(a.traceHash, /^[0-9a-f]{16}$/);
  t.same({ ...a, ratio: 0 }, { ...b, ratio: 0 });
  const [first] = a.failures;
  const { scenario, seed, step, invariant } = first;
  t.match(first.replay, `conclave sim --scenario ${scenario} --seed ${seed}`);

  const words = first.replay.split(' ').slice(1);
  const replayed = await conclave(words);
  t.equal(replayed.code, 1);
  t.match(
    replayed.stdout.split('\n')[0],
    `SEED=${seed} SCENARIO=${scenario} STEP=${step} INVARIANT=${invariant} ${first.replay}`,
  );
  t.match(replayed.stdout, /^1 seed, 1 failure; \d+ s simulated in .* trace hash [0-9a-f]{16}$/m);
});

test('sim: one seed has the hash of the library, and its trace can be read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-sim-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'run.jsonl');
  const [traced, random, listed] = await Promise.all([
    conclave(['sim', '--seed', '7', ...FAST, '--trace', file, '--json', '--quiet']),
    conclave(['sim', ...FAST]),
    conclave(['sim', '--list']),
  ]);
  const run = simulate({ seed: 7, nodes: 5, durationMicros: 2_000_000 });
  t.match(traced, { code: 0, stderr: '' });
  t.match(JSON.parse(traced.stdout), { seeds: 1, failures: [], traceHash: run.traceHash });
  const trace = readTrace(readFileSync(file, 'utf8').split('\n'));
  t.match(trace.header, { seed: '7', scenario: run.scenario });
  t.match(random, { code: 0, stdout: /^seed \d+\n1 seed, 0 failures; / });
  t.match(listed, { code: 0, stdout: /^swarm +.*\n[a-z-]+ / });
});

test('sim: bad options are refused before anything runs', async (t) => {
  const cases: [string, RegExp][] = [
    ['--seed 1 --seeds 1..2', /exclude each other/],
    ['--seeds 5..3', /--seeds must be A\.\.B .* such as 1\.\.1000, not '5\.\.3'/],
    ['--scenario nope', /no scenario 'nope'; there are swarm, /],
    ['--zoo nope', /no bug 'nope' here; there are /],
    ['--seeds 1..2 --trace x', /--trace needs one seed/],
    ['--nodes 0', /--nodes must be a whole number from 1 to 64, not '0'/],
    ['--duration -1', /--duration must be a number from 0 to 86400, not '-1'/],
  ];
  const ended = await Promise.all(cases.map(([words]) => conclave(['sim', ...words.split(' ')])));
  for (const [i, [words, message]] of cases.entries()) {
    t.match(ended[i], { code: 2, stdout: '', stderr: message }, words);
  }
  const trace = await conclave(['sim', '--seed', '1', '--trace', '/nope/run.jsonl']);
  t.match(trace, { code: 1, stdout: '', stderr: /'\/nope\/run.jsonl' cannot be written: ENOENT/ });
  t.notOk(existsSync('x'));
});

test('sim: a signal ends it with its exit code; a reader that leaves ends it too', async (t) => {
  const endless = ['sim', '--seeds', '1..100000000', '--zoo', 'adds-twice'];
  const killer = (signal: NodeJS.Signals) => {
    let isSent = false;
    return (_: string, kill: (signal: NodeJS.Signals) => void) => {
      if (!isSent) kill(signal);
      isSent = true;
    };
  };
  const [int, term, head] = await Promise.all([
    conclave(endless, { onStderr: killer('SIGINT') }),
    conclave([...endless, '--json'], { onStderr: killer('SIGTERM') }),
    conclave(endless, { closeStdout: true }),
  ]);
  t.match(int, { code: 130, signal: null, stderr: /\nerror: stopped by SIGINT\n$/ });
  t.match(term, { code: 143, signal: null });
  t.same(JSON.parse(term.stdout), {
    error: { code: 'INTERRUPTED', message: 'stopped by SIGTERM' },
  });
  t.match(head, { code: 0, stdout: /^SEED=/ });
  t.notMatch(head.stderr, /EPIPE|\n +at /);
});
