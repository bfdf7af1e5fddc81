/**
 * An actor is a machine, a way to read its mailbox, and a table effect → port. This file is the
 * table; `actor.ts` is the loop that runs it.
 */
import type { AnyStateMachine, EmittedFrom, EventFromLogic, InputFrom } from 'xstate';
import type { ActorPorts, Boot, Input, Turn } from './ports.js';

/** One row per effect of the machine; a missing row does not compile. */
export type EffectTable<M extends AnyStateMachine, P> = {
  readonly [T in EmittedFrom<M>['type']]: (
    effect: Extract<EmittedFrom<M>, { type: T }>,
    ports: P,
  ) => void;
};

export interface ActorBehaviour<M extends AnyStateMachine, P extends ActorPorts, In> {
  /**
   * Makes the machine's input from the spawn data and what the disk has. Ports that keep what the
   * disk has (a log's entries) are filled here.
   */
  readonly boot: (boot: Boot<In>, ports: P) => InputFrom<M>;
  /**
   * Turns what the mailbox holds into events, in order: decode, and gather what belongs together
   * into one batch event (XState's cost is per batch). A message that does not decode is dropped
   * here, with a log line (`logger`); it never reaches the machine.
   */
  readonly receive: (
    inputs: readonly Input[],
    turn: Turn,
    ports: Pick<ActorPorts, 'logger'>,
  ) => readonly EventFromLogic<M>[];
  readonly perform: EffectTable<M, P>;
}

export interface ActorDefinition<M extends AnyStateMachine, P extends ActorPorts, In>
  extends ActorBehaviour<M, P, In> {
  readonly machine: M;
}

// biome-ignore lint/suspicious/noExplicitAny: a host runs actors of every type.
export type AnyActorDefinition = ActorDefinition<any, any, any>;

/** Binds a machine to ports. Pure data: nothing runs until a host makes an `Actor` of it. */
export function defineActor<M extends AnyStateMachine, P extends ActorPorts, In>(
  machine: M,
  behaviour: ActorBehaviour<M, P, In>,
): ActorDefinition<M, P, In> {
  return { machine, ...behaviour };
}
