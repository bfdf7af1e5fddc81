/**
 * Lifts reducers into statechart actions. The chart says which role and when; a reducer says what
 * changes: `(context, event) → [context, effects]`, a plain function without XState that a test
 * can call directly.
 *
 * Beside `step.ts` the one file that knows XState's insides; the same test watches it.
 */
import type { ActionFunction, EventObject, MachineContext } from 'xstate';

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
    const accepts = new Set<string>(typeof types === 'string' ? [types] : types);
    return reduceAction((context: C, event: E) => {
      if (!accepts.has(event.type) && !accepts.has('*')) {
        throw new Error(`the reducer for ${[...accepts].join(', ')} was run by '${event.type}'`);
      }
      return reducer(context, event as Extract<E, { type: T }>);
    }) as unknown as Lifted<C, E, F>;
  };
}

/** The type of the actions made here, as XState reports them; `params` is the list of effects. */
export const REDUCE = 'conclave.reduce';

/**
 * An action in the form of XState's own `assign` and `emit`: `resolve` gives the next snapshot and
 * what to execute, `execute` does it under `createActor()`. Written with `enqueueActions`, an event
 * with three effects costs four more snapshots and twice the time (`bench step`).
 */
function reduceAction<C, E, F>(reduce: Reducer<C, E, F>): unknown {
  const action = (): never => {
    throw new Error('a reducer is run by its machine, not called');
  };
  action.type = REDUCE;
  action.resolve = (_: unknown, snapshot: object, args: { context: C; event: E }) => {
    const [context, effects] = reduce(args.context, args.event);
    return [context === args.context ? snapshot : { ...snapshot, context }, effects, undefined];
  };
  action.execute = (scope: EmittingScope<F>, effects: readonly F[]): void => {
    for (const effect of effects) scope.defer(() => scope.emit(effect));
  };
  return action;
}

/** The part of XState's actor scope that emits. */
interface EmittingScope<F> {
  defer(run: () => void): void;
  emit(event: F): void;
}

/** The usual result of a reducer that changes nothing. */
export function unchanged<C, F>(context: C): Reduced<C, F> {
  return [context, []];
}
