/**
 * Runs a counting job on two attempt threads without coordinator and workers: what the data plane
 * alone takes, from the start of the process to the renamed output.
 */
import { pathToFileURL } from 'node:url';
import type { TaskAttempt } from '../actors/mapreduce/tasks-port.js';
import type { JobSpec, ResultFile } from '../machines/mapreduce/job-spec.js';
import { AttemptPool } from '../src/mapreduce/attempt-pool.js';
import { makeProgressBuffer } from '../src/mapreduce/attempt-progress.js';
import { findInputs } from '../src/mapreduce/inputs.js';
import { OutputDirectory } from '../src/mapreduce/output-directory.js';
import { planMapTasks } from '../src/mapreduce/splits.js';

const THREADS = 2;
const REDUCES = 10;

const [directory, out, app] = process.argv.slice(2) as [string, string, string];
const output = new OutputDirectory({ out, jobId: 'bench', force: true });
const job: JobSpec = {
  jobId: 'bench',
  app:
    app === 'wc'
      ? { type: 'builtin', name: app }
      : { type: 'module', url: pathToFileURL(app).href },
  options: {},
  reduces: REDUCES,
  partitioning: { type: 'hash' },
  format: 'text',
  combine: true,
  splittable: true,
  skipBadRecords: false,
  maxAttempts: 1,
  taskTimeoutMicros: 10_000_000,
  memoryBytes: 128 << 20,
  directory: output.directory,
};
const pools = Array.from({ length: THREADS }, () => new AttemptPool());

/** Each thread takes the next attempt when it is free; results in the order of the attempts. */
async function runAll(attempts: readonly TaskAttempt[]): Promise<readonly ResultFile[][]> {
  const results: ResultFile[][] = [];
  const waiting = [...attempts.entries()];
  const work = async (pool: AttemptPool): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, attempt] = next;
      const reply = await pool.run(attempt, makeProgressBuffer()).ended;
      if (reply.type !== 'finished') throw new Error(JSON.stringify(reply));
      results[index] = [...reply.files];
    }
  };
  await Promise.all(pools.map(work));
  return results;
}

const tasks = planMapTasks(findInputs([directory], { out }), {
  splittable: true,
  workers: THREADS,
});
const maps = await runAll(
  tasks.map((task) => ({ id: `m${task.index}.1`, attempt: 1, task, skip: [], job })),
);
const reduces = await runAll(
  Array.from({ length: REDUCES }, (_, index) => ({
    id: `r${index}.1`,
    attempt: 1,
    task: { kind: 'reduce', index },
    inputs: maps.map((files, map) => ({
      map,
      attempt: `m${map}.1`,
      file: files[index] as ResultFile,
    })),
    job,
  })),
);
output.commit(reduces.flat());
output.close();
await Promise.all(pools.map((pool) => pool.close()));
