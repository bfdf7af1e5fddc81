import { test } from 'tap';
import { runSeeds, type SeedResult, SeedTotals } from '../../src/cli/seed-runs.js';
import { ConclaveError } from '../../src/errors.js';

const resultOf = (seed: number): SeedResult => ({
  seed,
  scenario: 'calm',
  simMicros: 1_000_000,
  traceHash: String(seed),
  counters: { sent: seed, [`only${seed}`]: 1 },
});

/** Ends at once the runs that were begun, latest first. */
function reversedRuns() {
  const waiting: (() => void)[] = [];
  return {
    run: (seed: number) =>
      new Promise<SeedResult>((resolve) => {
        waiting.push(() => resolve(resultOf(seed)));
        queueMicrotask(() => waiting.pop()?.());
      }),
  };
}

test('seeds: results come in the order of the seeds, whoever ends first', async (t) => {
  for (const jobs of [1, 3, 50]) {
    const seen: number[] = [];
    let most = 0;
    let now = 0;
    const { run } = reversedRuns();
    const counted = async (seed: number) => {
      most = Math.max(most, ++now);
      const result = await run(seed);
      now--;
      return result;
    };
    const { signal } = new AbortController();
    await runSeeds({ first: 5, last: 14, jobs, signal }, counted, ({ seed }) => seen.push(seed));
    t.same(seen, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14], `${jobs} jobs`);
    t.equal(most, Math.min(jobs, 10), `${jobs} jobs at the same time`);
  }
});

test('seeds: an abort ends the range, and a failed run rejects it', async (t) => {
  const controller = new AbortController();
  const seen: number[] = [];
  const plan = { first: 1, last: 100, jobs: 2, signal: controller.signal };
  await t.rejects(
    runSeeds(
      plan,
      async (seed) => resultOf(seed),
      ({ seed }) => {
        seen.push(seed);
        if (seed === 3) controller.abort(new ConclaveError('INTERRUPTED', 'stopped by SIGINT'));
      },
    ),
    { code: 'INTERRUPTED' },
  );
  t.same(seen.slice(0, 3), [1, 2, 3]);
  t.ok(seen.length < 6);
  const { signal } = new AbortController();
  await t.rejects(
    runSeeds({ ...plan, signal }, async () => Promise.reject(new Error('gone')), t.fail),
    /gone/,
  );
});

test('seeds: totals add up the counters by name', (t) => {
  const totals = new SeedTotals();
  for (const seed of [2, 3]) totals.add(resultOf(seed));
  t.equal(totals.seeds, 2);
  t.equal(totals.simMicros, 2_000_000);
  t.same(Object.entries(totals.counters()), [
    ['only2', 1],
    ['only3', 1],
    ['sent', 5],
  ]);
  t.end();
});
