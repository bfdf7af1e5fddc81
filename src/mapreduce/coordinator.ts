/** What a thread runs as a job's coordinator. */
import { coordinatorActor } from '../../actors/mapreduce/coordinator-actor.js';
import type { ActorBinding } from '../host/binding.js';

export const actor: ActorBinding = { definition: coordinatorActor };
