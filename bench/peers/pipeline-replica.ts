/** The replica of `bench pipeline` on the threads host: the actor, and a map as state machine. */
import { LogCache } from '../../actors/log-cache.js';
import { replicaActor } from '../../actors/pipeline/replica-actor.js';
import type { ActorBinding } from '../../src/host/binding.js';
import { PipelineMap } from './pipeline-map.js';

export const replica: ActorBinding = {
  definition: replicaActor,
  ports: () => ({ log: new LogCache(), waiters: new Map(), stateMachine: new PipelineMap() }),
};
