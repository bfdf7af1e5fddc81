/**
 * How a host finds an actor: a module exports a binding, which names the definition and builds the
 * ports that only this actor has. Worker threads import the module by URL; the simulator is given
 * the binding itself.
 */

import type { AnyActorDefinition } from '../../actors/define-actor.js';
import type { Address } from '../../actors/ports.js';
import type { Endpoint } from './endpoint.js';

/** What an actor's own ports may use of their host. */
export interface PortContext {
  readonly name: Address;
  readonly incarnation: number;
  /** The plain data given at spawn. */
  readonly input: unknown;
  /** Puts `{ type: 'completed', port, event }` into the actor's mailbox; a turn follows. */
  complete(port: string, event: unknown): void;
  /** Runs when the actor stops cleanly (not when it is killed). */
  onStop(cleanup: () => void | Promise<void>): void;
}

export interface ActorBinding {
  readonly definition: AnyActorDefinition;
  /** Ports beyond `ActorPorts`, by name. */
  readonly ports?: (context: PortContext) => Readonly<Record<string, unknown>>;
}

/**
 * A thread of its own for code that is not an actor: a server, a clerk, the load of a benchmark. It
 * has an endpoint on the network in the place of a machine.
 */
export interface EndpointBinding {
  /** Called once; the endpoint's handler must be set before it returns. */
  readonly serve: (endpoint: Endpoint, context: PortContext) => void;
}
