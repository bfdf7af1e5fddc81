/** What the tests of the thread host share: a system, its events, and ways to talk to actors. */
import type { Test } from 'tap';
import { decode, type Encodable, encode } from '../../actors/codec/positional.js';
import { ActorSystem } from '../../src/host/actor-system.js';
import type { Endpoint } from '../../src/host/endpoint.js';
import type { ActorSystemOptions, SystemEvent } from '../../src/host/system-options.js';

export const UNRULY = new URL('../fixtures/unruly-actor.js', import.meta.url);

export interface Scene {
  readonly system: ActorSystem;
  readonly watcher: Endpoint;
  readonly events: SystemEvent[];
  /** Resolves with the first event, past or to come, that the condition holds for. */
  event<T extends SystemEvent['type']>(
    type: T,
    condition?: (event: Extract<SystemEvent, { type: T }>) => boolean,
  ): Promise<Extract<SystemEvent, { type: T }>>;
  /** Tells an actor something; no answer. */
  tell(to: string, ...words: Encodable[]): void;
  /** Asks an actor, and decodes its answer. */
  ask(to: string, ...words: Encodable[]): Promise<Encodable[]>;
}

/** A system with an endpoint `watcher`; it is closed when the test ends. */
export async function scene(t: Test, options: ActorSystemOptions = {}): Promise<Scene> {
  const events: SystemEvent[] = [];
  const waiting = new Set<(event: SystemEvent) => void>();
  const system = await ActorSystem.start({
    network: { seed: 1 },
    ...options,
    onEvent: (event) => {
      events.push(event);
      for (const hear of waiting) hear(event);
    },
  });
  t.teardown(() => system.close());
  const watcher = system.endpoint('watcher');
  return {
    system,
    watcher,
    events,
    event: (type, condition = () => true) =>
      new Promise((resolve) => {
        const hear = (event: SystemEvent): void => {
          if (event.type !== type || !condition(event as never)) return;
          waiting.delete(hear);
          resolve(event as never);
        };
        waiting.add(hear);
        for (const event of events) hear(event);
      }),
    tell: (to, ...words) => watcher.send({ to, kind: 'custom', payload: encode(words) }),
    ask: async (to, ...words) => {
      const payload = encode(words);
      const reply = await watcher.request({ to, kind: 'custom', payload, timeoutMs: 20_000 });
      return decode(reply.payload) as Encodable[];
    },
  };
}

/** The code and message that a promise rejects with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<{ code: unknown; message: string; cause: unknown }> {
  try {
    await promise;
  } catch (error) {
    const { code, message, cause } = error as Error & { code?: unknown };
    return { code, message, cause };
  }
  return { code: undefined, message: 'it did not reject', cause: undefined };
}
