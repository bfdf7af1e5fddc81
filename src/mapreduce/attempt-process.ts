/**
 * What a child process runs for the attempts of a user's module. Its main thread does nothing but
 * look on: it hands each attempt to a thread (attempt-pool.ts), tells the worker actor how far it
 * is, and ends at once when that actor is gone. When V8 cannot give the thread the memory that it
 * asks for, it aborts this process and no other. The other end is process-pool.ts.
 */
import type { TaskAttempt } from '../../actors/mapreduce/tasks-port.js';
import { AttemptPool } from './attempt-pool.js';
import { makeProgressBuffer, reportMillis } from './attempt-progress.js';
import type { WorkerReply, WorkerRequest } from './attempt-worker.js';

/** What the process is asked to do; one at a time. */
export type ProcessRequest =
  | { readonly type: 'attempt'; readonly attempt: TaskAttempt }
  | Extract<WorkerRequest, { type: 'inspect' }>;

export type ProcessMessage =
  /** What has changed in the memory that ProgressReader reads. */
  | { readonly type: 'progress'; readonly cells: Float64Array }
  | { readonly type: 'reply'; readonly reply: WorkerReply }
  /** What user code printed. */
  | { readonly type: 'output'; readonly text: string | Uint8Array };

const pool = new AttemptPool();

function send(message: ProcessMessage): void {
  // When the other end is gone so is this process; with a callback nothing is thrown before.
  process.send?.(message, undefined, undefined, () => {});
}

async function handle(request: ProcessRequest): Promise<WorkerReply> {
  if (request.type === 'inspect') return await pool.inspect(request, new AbortController().signal);
  const { attempt } = request;
  const buffer = makeProgressBuffer();
  const shared = new Float64Array(buffer);
  let last = shared.slice();
  const report = () => {
    const cells = shared.slice();
    if (cells.every((value, i) => value === last[i])) return;
    last = cells;
    send({ type: 'progress', cells });
  };
  // The actor looks at what arrives here: twice as often, so that both delays are one period.
  const timer = setInterval(report, reportMillis(attempt.job) / 2);
  const reply = await pool.run(attempt, buffer).ended;
  clearInterval(timer);
  report();
  return reply;
}

// Its own error output is left to V8, for the report of a crash; user code's goes to the actor.
process.stderr.write = (text: string | Uint8Array, ...rest: unknown[]): boolean => {
  send({ type: 'output', text });
  const callback = rest.find((argument) => typeof argument === 'function');
  if (callback !== undefined) process.nextTick(callback as () => void);
  return true;
};

// A Ctrl-C goes to all processes of the terminal, but the job alone decides what it means.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// No exit can wait for user code.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

process.on('message', (request: ProcessRequest) => {
  void handle(request).then((reply) => send({ type: 'reply', reply }));
});
