import { test } from 'tap';
import { countTests } from './tap-counts.js';

const passing = `TAP version 14
# Subtest: a.test.js
    # Subtest: first claim
        ok 1 - one
        ok 2 - two
        1..2
    ok 1 - first claim
    # Subtest: second claim
        ok 1 - one
        1..1
    ok 2 - second claim
    1..2
ok 1 - a.test.js
1..1
`;

test('test counts: a test is a claim, however many assertions it makes', async (t) => {
  t.match(countTests(passing), { files: 1, passed: 2, failed: 0, skipped: [], failures: [] });
});

test('test counts: a failing assertion fails its claim once and is named in full', async (t) => {
  const counts = countTests(
    passing
      .replace(/( +)ok 2 - two/, '$1not ok 2 - two')
      .replace('ok 1 - first claim', 'not ok 1 - first claim')
      .replace('ok 1 - a.test.js', 'not ok 1 - a.test.js'),
  );
  t.match(counts, { files: 1, passed: 1, failed: 1 });
  t.same(
    counts.failures.map((failure) => failure.name),
    ['a.test.js > first claim > two'],
  );
});

test('test counts: a skipped test is neither passed nor lost', async (t) => {
  const counts = countTests(
    passing.replace('ok 2 - second claim', 'ok 2 - second claim # SKIP needs redis-server'),
  );
  t.match(counts, { passed: 1, failed: 0 });
  t.same(counts.skipped, [{ name: 'a.test.js > second claim', reason: 'needs redis-server' }]);
});

test('test counts: a file that crashed outside its tests is a failure', async (t) => {
  const counts = countTests(passing.replace('ok 1 - a.test.js', 'not ok 1 - a.test.js'));
  t.match(counts, { passed: 2, failed: 1 });
});

test('test counts: output that breaks off, or is empty, is a failure', async (t) => {
  t.equal(countTests(passing.slice(0, 100)).failed > 0, true);
  t.equal(countTests('').failed > 0, true);
  t.equal(countTests('TAP version 14\nBail out! no memory\n').failed > 0, true);
});
