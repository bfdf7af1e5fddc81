import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { conclave } from './child.js';

test('replay: a trace that sim wrote goes the same way again', async (t) => {
  const file = join(t.testdir(), 'run.jsonl');
  const run = ['sim', '--scenario', 'exactly-once', '--seed', '7', '--duration', '2', '--json'];
  const simulated = JSON.parse((await conclave([...run, '--trace', file])).stdout);
  const replayed = await conclave(['replay', file, '--json']);
  t.equal(replayed.code, 0);
  const { traceHash } = simulated;
  t.match(JSON.parse(replayed.stdout), { outcome: 'same', seed: '7', violations: [], traceHash });

  const lines = readFileSync(file, 'utf8').split('\n');
  lines[20] = (lines[20] ?? '').replace(/"actor":"[^"]*"/, '"actor":"somebody"');
  writeFileSync(file, lines.join('\n'));
  const changed = await conclave(['replay', file]);
  t.equal(changed.code, 1);
  t.match(changed.stdout, /seed 7: event 19 was .*"somebody".* and is /);
});

test('replay: a trace of a failure fails again, and what is no trace is refused', async (t) => {
  const file = join(t.testdir({ 'no.jsonl': '{}\n' }), 'bug.jsonl');
  const run = ['sim', '--zoo', 'adds-twice', '--seed', '1', '--duration', '5'];
  const [failed, missing, wrong, none] = await Promise.all([
    conclave([...run, '--trace', file]),
    conclave(['replay', join(file, 'nowhere')]),
    conclave(['replay', file.replace('bug', 'no')]),
    conclave(['replay']),
  ]);
  t.equal(failed.code, 1);
  const again = await conclave(['replay', file]);
  t.match(again, {
    code: 1,
    stdout: /the same \d[\d ,]* events; .*\nSEED=1 SCENARIO=exactly-once /,
  });
  t.match(missing, { code: 1, stderr: /cannot be read/ });
  t.match(wrong, { code: 1, stderr: /no\.jsonl: .*line 1 is not the header of a conclave trace/ });
  t.match(wrong.stderr, /give a file that 'conclave sim --trace' wrote/);
  t.equal(none.code, 2);
});
