/**
 * `step(state, event) → [state, effects]`: how every host drives a statechart.
 *
 * This file and `reducer.ts` are all that touches XState's interpreter. XState's own `transition()`
 * builds an actor and a system for each call (13–27 µs); a stepper builds one inert scope and
 * reuses it (3–6 µs). `createActor().send()` turns an exception into status `error` and goes mute;
 * `step()` lets it through, so that a broken invariant stops the actor where it happened.
 *
 * The scope's shape is semi-internal to XState: the version is pinned and
 * `test/machines/step.test.ts` proves that this file and `transition()` agree.
 */
import {
  type AnyStateMachine,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate';
import { REDUCE } from './reducer.js';

/** The state after an event and the effects that the machine asks for, in the order it asked. */
export type Stepped<M extends AnyStateMachine> = readonly [
  state: SnapshotFrom<M>,
  effects: EmittedFrom<M>[],
];

export interface Stepper<M extends AnyStateMachine> {
  readonly machine: M;
  /** The initial state and the effects of entering it. Throws what the machine throws. */
  initial(input: InputFrom<M>): Stepped<M>;
  /**
   * One macrostep. Pure: the same arguments give the same result. Throws what the machine throws.
   */
  step(state: SnapshotFrom<M>, event: EventFromLogic<M>): Stepped<M>;
}

type Scope = Parameters<AnyStateMachine['transition']>[2];
type ExecutableAction = Parameters<Scope['actionExecutor']>[0];

/**
 * Builds the stepper of a machine. The machine may only reduce, `assign` and `emit`: any other
 * action (a delayed `raise`, `sendTo`, `spawn`, an implementation with side effects) throws,
 * because no host would perform it and the simulator could not see it.
 */
export function createStepper<M extends AnyStateMachine>(machine: M): Stepper<M> {
  let effects: EmittedFrom<M>[] = [];
  let scope: Scope | undefined;

  const collect = (action: ExecutableAction): void => {
    const type: string = action.type;
    if (type === REDUCE) {
      for (const effect of action.params as unknown as EmittedFrom<M>[]) effects.push(effect);
    } else if (type === 'xstate.emit') {
      effects.push((action.params as { event: EmittedFrom<M> }).event);
    } else {
      throw new Error(
        `machine '${machine.id}' asked for the action '${type}'; ` +
          'only reducers, assign and emit are allowed',
      );
    }
  };

  const scopeFor = (input: unknown): Scope => {
    const self = createActor(machine, { input } as never);
    return {
      self,
      system: self.system,
      id: machine.id,
      sessionId: '',
      logger: ignore,
      defer: ignore,
      stopChild: ignore,
      emit: ignore,
      actionExecutor: collect,
    } as unknown as Scope;
  };

  const run = (advance: (scope: Scope) => unknown): Stepped<M> => {
    effects = [];
    const state = advance(scope as Scope) as SnapshotFrom<M>;
    const emitted = effects;
    effects = [];
    return [state, emitted];
  };

  return {
    machine,
    initial: (input) => {
      scope ??= scopeFor(input);
      const stepped = run((inert) => machine.getInitialSnapshot(inert, input as never));
      // XState catches what the context factory and entry actions throw; only `transition` does
      // not.
      const { status, error } = stepped[0] as { status: string; error?: unknown };
      if (status === 'error') throw error;
      return stepped;
    },
    step: (state, event) => {
      scope ??= scopeFor((state as { context: unknown }).context);
      return run((inert) => machine.transition(state as never, event as never, inert));
    },
  };
}

function ignore(): void {}
