/**
 * The actors of one job on threads: starts the coordinator and the workers, keeps at least one
 * worker alive, and ends them all.
 */

import type { CoordinatorInput } from '../../actors/mapreduce/coordinator-actor.js';
import type { MrWorkerSpawn } from '../../actors/mapreduce/mr-worker-actor.js';
import { encodeWorkerLost } from '../../actors/mapreduce/wire.js';
import type { Address } from '../../actors/ports.js';
import { ConclaveError, messageOf } from '../errors.js';
import { ActorSystem } from '../host/actor-system.js';
import type { Endpoint } from '../host/endpoint.js';
import type { SystemEvent } from '../host/system-options.js';
import type { JobControl, MapReduceOptions } from './options.js';

const COORDINATOR = 'mr-coordinator';
const CLIENT = 'mr-client';

type OnEvent = NonNullable<MapReduceOptions['onEvent']>;

export class JobActors implements JobControl {
  readonly system: ActorSystem;
  readonly client: Endpoint;
  /** Rejects when the job cannot go on: its coordinator has died, or no worker lives any more. */
  readonly lost: Promise<never>;
  readonly #alive = new Set<Address>();
  readonly #onEvent: OnEvent;
  #fail: (error: Error) => void = () => {};
  #workersCount = 0;
  #isClosing = false;

  static async start(
    input: CoordinatorInput,
    workersCount: number,
    options: Pick<MapReduceOptions, 'network' | 'onEvent'>,
  ): Promise<JobActors> {
    let actors: JobActors | undefined;
    const system = await ActorSystem.start({
      ...(options.network === undefined ? {} : { network: options.network }),
      onEvent: (event) => actors?.hear(event),
    });
    actors = new JobActors(system, options.onEvent ?? (() => {}));
    try {
      await actors.#begin(input, workersCount);
      return actors;
    } catch (error) {
      await actors.close();
      throw error;
    }
  }

  private constructor(system: ActorSystem, onEvent: OnEvent) {
    this.system = system;
    this.client = system.endpoint(CLIENT);
    this.#onEvent = onEvent;
    this.lost = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for it hears of it; before that nobody needs to.
    this.lost.catch(() => {});
  }

  get coordinator(): Address {
    return COORDINATOR;
  }

  // Fields, not methods: a caller may take them out of the control object.
  readonly workers = (): readonly string[] => [...this.#alive].sort();

  readonly killWorker = (name: string): Promise<void> => this.system.kill(name);

  readonly addWorker = async (): Promise<string> => {
    this.#workersCount += 1;
    const name = `mr-worker-${this.#workersCount}`;
    const input: MrWorkerSpawn = { coordinator: COORDINATOR };
    await this.system.spawn({ name, module: new URL('./mr-worker.js', import.meta.url), input });
    return name;
  };

  /** Ends all actors, and the attempts that run. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.system.close();
  }

  async #begin(input: CoordinatorInput, workersCount: number): Promise<void> {
    const module = new URL('./coordinator.js', import.meta.url);
    const supervision = { restart: 'never' } as const;
    // It comes first, so that the workers' first calls have somewhere to wait for it.
    const coordinator = this.system.spawn({ name: COORDINATOR, module, input, supervision });
    const workers = Array.from({ length: workersCount }, () => this.addWorker());
    await Promise.all([coordinator, ...workers]);
  }

  /** What the system tells of its threads. */
  hear(event: SystemEvent): void {
    switch (event.type) {
      case 'spawned':
        if (event.actor !== COORDINATOR) this.#alive.add(event.actor);
        break;
      case 'exited':
        if (!this.#isClosing) this.#exited(event);
        break;
      case 'log':
        this.#onEvent({ level: 'info', message: `${event.actor}: ${event.message}` });
        break;
    }
  }

  #exited({
    actor,
    incarnation,
    death,
    restartInMs,
  }: Extract<SystemEvent, { type: 'exited' }>): void {
    const why = death.error === undefined ? death.cause : messageOf(death.error);
    this.#alive.delete(actor);
    // Sent home at the end of the job, or gone home because the coordinator does not answer.
    if (death.cause === 'finished') return;
    if (actor === COORDINATOR) {
      const message = `the job's coordinator has died: ${why}`;
      this.#fail(new ConclaveError('ACTOR_FAILED', message, { cause: death.error }));
      return;
    }
    // Without waiting for the time-out, which is for workers of which nobody knows this.
    this.client.send({
      to: COORDINATOR,
      kind: 'workerLost',
      payload: encodeWorkerLost({ worker: actor, incarnation }),
    });
    this.#onEvent({ level: 'warn', message: `worker ${actor} has died: ${why}` });
    if (restartInMs !== undefined || this.#alive.size > 0) return;
    if (death.cause === 'killed') this.addWorker().catch(this.#fail);
    else {
      const message = `all workers have died; the last, ${actor}: ${why}`;
      this.#fail(new ConclaveError('ACTOR_FAILED', message, { cause: death.error }));
    }
  }
}
