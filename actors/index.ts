/**
 * `conclave/actors`: what an actor is made of. `defineActor` binds a machine to ports; a host (an
 * `ActorSystem` on threads, the simulator) makes an `Actor` of it and drives it.
 */
export { Actor, type ActorHost, type Observation } from './actor.js';
export {
  type ActorBehaviour,
  type ActorDefinition,
  defineActor,
  type EffectTable,
} from './define-actor.js';
export { MESSAGE_KINDS, type MessageKind } from './message-kinds.js';
export type * from './ports.js';
