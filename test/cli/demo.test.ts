import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { conclave, START } from './child.js';

/** An environment whose temporary files can be counted. */
function sandbox(t: Test): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-sandbox-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, env: { TMPDIR: folder, TMP: folder, TEMP: folder } };
}

test('demo: npm start runs it; a worker dies, and the output is a sequential run’s', async (t) => {
  const { folder, env } = sandbox(t);
  const ended = await conclave(['--json'], { entry: START, env });
  t.match(ended, { code: 0, stderr: '' });
  const report = JSON.parse(ended.stdout);
  t.match(report, { ok: true, stages: [{ name: 'mapreduce', checks: { length: 2 } }] });
  const { kill, job, words } = report.stages[0].facts;
  t.match(kill, { worker: /^mr-worker-\d+$/, phase: 'map' });
  t.ok(kill.tasksDone >= job.map.tasks / 3);
  t.ok(words > 1000);
  t.same(readdirSync(folder), [], 'no file is left');
});

test('demo: a signal ends it and leaves nothing behind', async (t) => {
  const { folder, env } = sandbox(t);
  const killer = (text: string, kill: (signal: NodeJS.Signals) => void) => {
    if (/has died/.test(text)) kill('SIGINT');
  };
  const ended = await conclave(['demo', '--verbose'], { env, onStderr: killer });
  t.match(ended, { code: 130, signal: null, stdout: /^MapReduce: an inverted index/ });
  t.match(ended.stderr, /error: stopped by SIGINT\n/);
  t.same(readdirSync(folder), []);
});
