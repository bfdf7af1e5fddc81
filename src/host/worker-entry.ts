/**
 * What a thread runs: a Piscina task that never ends. It builds the thread's router and loop,
 * imports the modules of its actors, boots them, and then lives from its ports. Every stop ends
 * in an abort of the task, so that no thread serves two actors in turn.
 */

import type { Address } from '../../actors/ports.js';
import { messageOf } from '../errors.js';
import { LinkPolicy } from '../router/link-policy.js';
import { LinkTable } from '../router/link-table.js';
import { ThreadRouter } from '../router/thread-router.js';
import type { ActorLog } from '../storage/actor-log.js';
import { openDiskLog } from '../storage/disk-log.js';
import { MemoryLog } from '../storage/memory-log.js';
import type { ActorBinding, EndpointBinding } from './binding.js';
import { SystemClock } from './clock.js';
import type {
  ActorSeat,
  FromThread,
  LogLine,
  ThreadBoot,
  ThreadStats,
  ToThread,
} from './control-protocol.js';
import { Directory, MAX_ADDRESSES } from './directory.js';
import { Endpoint } from './endpoint.js';
import { describeFailure } from './failure.js';
import { LocalActor } from './local-actor.js';
import { ThreadHost } from './thread-host.js';

/** The Piscina task. Resolves never; rejects when the thread is aborted. */
export default async function runThread(boot: ThreadBoot): Promise<never> {
  const thread = new ActorThread(boot);
  await thread.start();
  return new Promise<never>(() => {});
}

class ActorThread {
  readonly #boot: ThreadBoot;
  readonly #host: ThreadHost;
  readonly #router: ThreadRouter;
  readonly #now: () => number;
  readonly #directory: Directory;
  readonly #actors: LocalActor[] = [];
  #isStopping = false;
  readonly #cleanups: (() => void | Promise<void>)[] = [];

  constructor(boot: ThreadBoot) {
    this.#boot = boot;
    const clock = new SystemClock(boot.epochMicros);
    this.#now = () => clock.now();
    this.#directory = new Directory(boot.directory);
    const links = new LinkTable(boot.links, MAX_ADDRESSES);
    this.#host = new ThreadHost({
      now: this.#now,
      flags: new Int32Array(boot.flags),
      onFailure: (resident, error) => this.#fail(resident.name, error),
    });
    this.#router = new ThreadRouter({
      thread: boot.thread,
      directory: this.#directory,
      policy: new LinkPolicy({
        table: links,
        seed: boot.seed,
        nameOf: (id) => this.#directory.nameOf(id),
      }),
      now: this.#now,
      arrived: () => this.#host.arrived(),
      wake: () => this.#host.wake(),
    });
    this.#host.use(this.#router);
  }

  async start(): Promise<void> {
    this.#boot.control.on('message', (message: ToThread) => this.#hear(message));
    for (const seat of this.#boot.seats) {
      try {
        await this.#seat(seat);
      } catch (error) {
        this.#fail(seat.name, error);
      }
    }
    this.#router.open();
    this.#tell({ type: 'ready' });
    this.#finish();
  }

  async #seat(seat: ActorSeat): Promise<void> {
    const binding = await importBinding(seat);
    if ('serve' in binding) this.#seatEndpoint(seat, binding);
    else this.#seatActor(seat, binding);
  }

  #seatActor(seat: ActorSeat, binding: ActorBinding): void {
    const actor: LocalActor = new LocalActor({
      seat,
      binding,
      router: this.#router,
      log: this.#openLog(seat),
      seed: this.#boot.seed,
      now: this.#now,
      host: this.#host,
      onLog: (line) => this.#log(line),
      onFinished: () => this.#finish(),
      isRecorded: this.#boot.recording,
    });
    this.#actors.push(actor);
    this.#router.attach(seat.id, actor);
    this.#host.add(actor, () => actor.start());
  }

  #seatEndpoint(seat: ActorSeat, binding: EndpointBinding): void {
    const endpoint = new Endpoint({
      ...seat,
      router: this.#router,
      now: this.#now,
      wake: (endpoint) => this.#host.soon(endpoint),
      onClose: (closed) => {
        this.#router.detach(seat.id);
        this.#host.remove(closed);
      },
    });
    this.#router.attach(seat.id, endpoint);
    this.#host.add(endpoint, () =>
      binding.serve(endpoint, {
        ...seat,
        complete: () => {
          throw new Error('an endpoint has no mailbox for completions; call its own code');
        },
        onStop: (cleanup) => this.#cleanups.push(cleanup),
      }),
    );
  }

  #openLog({ storageDir }: ActorSeat): ActorLog {
    if (storageDir === undefined) return new MemoryLog();
    const fsync = this.#boot.fsync ? 'always' : 'never';
    return openDiskLog({ directory: storageDir, fsync });
  }

  #hear(message: ToThread): void {
    switch (message.type) {
      case 'connect':
        this.#router.connect(message.peer.thread, message.peer.port);
        break;
      case 'stop':
        void this.#stop('stopped');
        break;
      case 'takeStats':
        this.#tell({ type: 'stats', stats: this.#stats() });
        break;
      case 'takeRecordings':
        this.#tell({ type: 'recordings', recordings: this.#recordings() });
        break;
    }
  }

  #recordings(): (readonly [Address, Uint8Array])[] {
    return this.#actors.flatMap((actor) => {
      const bytes = actor.recording();
      return bytes === undefined ? [] : [[actor.name, bytes] as const];
    });
  }

  #stats(): ThreadStats {
    return {
      utilization: performance.eventLoopUtilization().utilization,
      heapUsedBytes: process.memoryUsage().heapUsed,
      unknownCount: this.#router.unknownCount,
      actors: this.#actors.map((actor) => actor.stats()),
    };
  }

  /** When the machines of all its actors are final, the thread stops by itself. */
  #finish(): void {
    const isOver = this.#boot.seats.length === this.#actors.length;
    if (isOver && this.#actors.every((actor) => actor.isFinished)) void this.#stop('finished');
  }

  async #stop(reason: 'stopped' | 'finished'): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#host.halt();
    for (const cleanup of this.#cleanups) await cleanup();
    for (const actor of this.#actors) await actor.stop();
    this.#tell({ type: 'stopped', reason });
  }

  /** The thread is one failure domain: what one of its actors throws ends it. */
  #fail(actor: string, error: unknown): never {
    this.#tell({ type: 'failed', actor, error: describeFailure(error) });
    process.exit(1);
  }

  #log(line: LogLine): void {
    try {
      this.#tell(line);
    } catch (error) {
      // A line for the operator is no reason to die.
      this.#tell({ ...line, fields: { dropped: `fields are no plain data: ${messageOf(error)}` } });
    }
  }

  #tell(message: FromThread): void {
    this.#boot.control.postMessage(message);
  }
}

async function importBinding(seat: ActorSeat): Promise<ActorBinding | EndpointBinding> {
  const module = (await import(seat.module)) as Record<string, unknown>;
  const binding = module[seat.exportName];
  if (isBinding(binding)) return binding;
  throw new TypeError(
    `${seat.module} does not export a binding '${seat.exportName}'; ` +
      `export const ${seat.exportName}: ActorBinding = { definition }`,
  );
}

function isBinding(value: unknown): value is ActorBinding | EndpointBinding {
  return typeof value === 'object' && value !== null && ('definition' in value || 'serve' in value);
}
