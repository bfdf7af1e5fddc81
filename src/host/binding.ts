/**
 * How a host finds an actor: a module exports a binding, which names the definition and builds the
 * ports that only this actor has. Worker threads import the module by URL; the simulator is given
 * the binding itself.
 */
import type { AnyActorDefinition } from '../../actors/define-actor.js';
import type { Address } from '../../actors/ports.js';

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
