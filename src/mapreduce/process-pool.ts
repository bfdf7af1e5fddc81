/**
 * One process for the attempts of a user's module, as AttemptPool is one thread for those of the
 * built-in apps: started when it is needed, kept while it lives, and replaced after a crash or an
 * abort. A thread alone cannot hold what runs out of memory: V8 lets it have some more, and when
 * one allocation exceeds that it aborts the whole process (Node 20).
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TaskAttempt } from '../../actors/mapreduce/tasks-port.js';
import type { AttemptFailure } from '../../machines/mapreduce/job-spec.js';
import { messageOf } from '../errors.js';
import { positionPath } from './attempt-files.js';
import {
  type AttemptRunner,
  heapMebibytes,
  memoryMessage,
  type RunningAttempt,
} from './attempt-pool.js';
import type { ProcessMessage, ProcessRequest } from './attempt-process.js';
import type { WorkerReply, WorkerRequest } from './attempt-worker.js';

/** Of a crash report, which V8 begins with what matters. */
const DUMP_LENGTH_MAX = 16_384;
/** What a dead process wrote arrives within this, unless a child of its own holds the pipe open. */
const DUMP_MILLIS_MAX = 200;

export class ProcessPool implements AttemptRunner {
  #process: AttemptProcess | undefined;

  run(attempt: TaskAttempt, progress: SharedArrayBuffer): RunningAttempt {
    const process = this.#open();
    const memory = memoryMessage(heapMebibytes(attempt.job, attempt));
    const cells = new Float64Array(progress);
    const ended = process.ask({ type: 'attempt', attempt }, memory, cells).then((reply) => {
      if (process.isDead) readPosition(attempt, cells);
      return reply;
    });
    return { ended, kill: () => void this.#end(process) };
  }

  async inspect(
    request: Extract<WorkerRequest, { type: 'inspect' }>,
    signal: AbortSignal,
  ): Promise<WorkerReply> {
    const process = this.#open();
    signal.addEventListener('abort', () => void this.#end(process), { once: true });
    return await process.ask(request, 'the app ran out of memory', new Float64Array(0));
  }

  async close(): Promise<void> {
    if (this.#process !== undefined) await this.#end(this.#process);
  }

  #open(): AttemptProcess {
    if (this.#process?.isDead !== false) this.#process = new AttemptProcess();
    return this.#process;
  }

  async #end(process: AttemptProcess): Promise<void> {
    if (this.#process === process) this.#process = undefined;
    await process.kill();
  }
}

interface Asked {
  /** Where progress goes. */
  readonly cells: Float64Array;
  /** What to say when memory was the cause of death. */
  readonly memory: string;
  readonly settle: (reply: WorkerReply) => void;
}

class AttemptProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #asked: Asked | undefined;
  #dump = '';
  #isKilled = false;
  isDead = false;

  constructor() {
    // No options of the parent: an --eval or --inspect among them would be the child's as well.
    this.#child = fork(new URL('./attempt-process.js', import.meta.url), [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const keep = (text: string) => {
      this.#dump = (this.#dump + text).slice(0, DUMP_LENGTH_MAX);
    };
    this.#child.stdout?.setEncoding('utf8').on('data', keep);
    this.#child.stderr?.setEncoding('utf8').on('data', keep);
    this.#child.on('message', (message) => this.#hear(message as ProcessMessage));
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        const died = () => {
          this.#die((asked) => this.#deathOf(code, signal, asked.memory));
          resolve();
        };
        this.#child.once('close', died);
        setTimeout(died, DUMP_MILLIS_MAX);
      });
      this.#child.on('error', (error) => {
        // Others are of messages to a process that is ending.
        if (this.#child.pid !== undefined) return;
        const message = `a process for the app cannot be started: ${messageOf(error)}`;
        this.#die(() => ({ kind: 'exit', message }));
        resolve();
      });
    });
  }

  /** Never rejects. After a kill it settles once the process is gone. */
  async ask(request: ProcessRequest, memory: string, cells: Float64Array): Promise<WorkerReply> {
    const reply = await new Promise<WorkerReply>((settle) => {
      this.#asked = { settle, memory, cells };
      // An error of sending is followed by the end of the process.
      this.#child.send(request, () => {});
    });
    if (this.#isKilled) await this.#exited;
    return reply;
  }

  /** Resolves when it has gone. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #hear(message: ProcessMessage): void {
    switch (message.type) {
      case 'progress':
        this.#asked?.cells.set(message.cells);
        break;
      case 'reply':
        this.#settle(message.reply);
        break;
      case 'output':
        process.stderr.write(message.text);
        break;
    }
  }

  #settle(reply: WorkerReply): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.settle(reply);
  }

  #die(failureOf: (asked: Asked) => AttemptFailure): void {
    this.isDead = true;
    if (this.#asked === undefined) return;
    this.#settle({ type: 'failed', failure: failureOf(this.#asked) });
  }

  /** V8 aborts for want of memory; the system kills for it. */
  #deathOf(code: number | null, signal: string | null, memory: string): AttemptFailure {
    const stack = this.#dump;
    if (/out of memory|allocation failed|invalid size/i.test(stack)) {
      return { kind: 'memory', message: memory, stack };
    }
    if (signal === 'SIGKILL') {
      const message = "the app's process was killed; most often the system lacks memory then";
      return { kind: 'memory', message };
    }
    const how = signal ?? `exit code ${code}`;
    return { kind: 'exit', message: `the app ended its process (${how})`, stack };
  }
}

/** Which input and record a process had in hand when it died; what it reported may be older. */
function readPosition(attempt: TaskAttempt, cells: Float64Array): void {
  try {
    const bytes = readFileSync(positionPath(attempt.job.directory, attempt.id));
    if (bytes.length === cells.byteLength) new Uint8Array(cells.buffer).set(bytes);
  } catch {
    // It died before its first input.
  }
}
