/**
 * Lifts reducers into statechart actions. The chart says which role and when; a reducer says what
 * changes: `(context, event) → [context, effects]`, a plain function without XState that a test
 * can call directly.
 */
import { type ActionFunction, type EventObject, enqueueActions, type MachineContext } from 'xstate';

/** What a reducer returns: the next context, and the effects to perform, in order. */
export type Reduced<C, F> = readonly [context: C, effects: readonly F[]];

export type Reducer<C, E, F> = (context: C, event: E) => Reduced<C, F>;

/**
 * The lifted form. The `never`s are XState's registries of actors, actions, guards and delays,
 * which actions that only assign and emit do not use.
 */
type Lifted<
  C extends MachineContext,
  E extends EventObject,
  F extends EventObject,
> = ActionFunction<C, E, E, undefined, never, never, never, never, F>;

/**
 * `reducerFor<Context, Event, Effect>()` returns `on(type, reducer)`, which makes an action that
 * runs `reducer` when the event that caused it has (one of) the given type(s), assigns the context
 * and emits the effects. An event of another type is a mistake in the chart and throws.
 */
export function reducerFor<
  C extends MachineContext,
  E extends EventObject,
  F extends EventObject,
>() {
  return function on<T extends E['type']>(
    types: T | readonly T[] | '*',
    reducer: Reducer<C, Extract<E, { type: T }>, F>,
  ): Lifted<C, E, F> {
    const accepts = typeof types === 'string' ? [types as string] : (types as readonly string[]);
    return enqueueActions<C, E, undefined, E, never, never, never, never, F>(
      ({ context, event, enqueue }) => {
        if (!accepts.includes(event.type) && !accepts.includes('*')) {
          throw new Error(`the reducer for ${accepts.join(', ')} was run by '${event.type}'`);
        }
        const [next, effects] = reducer(context, event as Extract<E, { type: T }>);
        if (next !== context) enqueue.assign(next as never);
        for (const effect of effects) enqueue.emit(effect as never);
      },
    ) as Lifted<C, E, F>;
  };
}

/** The usual result of a reducer that changes nothing. */
export function unchanged<C, F>(context: C): Reduced<C, F> {
  return [context, []];
}
