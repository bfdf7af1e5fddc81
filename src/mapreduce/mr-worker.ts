/** What a thread runs as a MapReduce worker; its attempts run in a thread of their own below it. */
import { mrWorkerActor } from '../../actors/mapreduce/mr-worker-actor.js';
import type { ActorBinding } from '../host/binding.js';
import { PiscinaTasks } from './piscina-tasks.js';

export const actor: ActorBinding = {
  definition: mrWorkerActor,
  ports: (context) => ({ tasks: new PiscinaTasks(context) }),
};
