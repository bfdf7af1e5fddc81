import fc from 'fast-check';
import { test } from 'tap';
import {
  type AnyStateMachine,
  assign,
  createMachine,
  emit,
  initialTransition,
  log,
  raise,
  setup,
  spawnChild,
  transition,
} from 'xstate';
import { REDUCE, reducerFor, unchanged } from '../../machines/reducer.js';
import { createStepper } from '../../machines/step.js';

/**
 * Sends the events through `step()` and through XState's own `transition()`; says where the two
 * first differ, in the state, the context, the tags, the status or the effects.
 */
function firstDifference(machine: AnyStateMachine, events: readonly object[]): string | undefined {
  const stepper = createStepper(machine);
  let [mine, effects] = stepper.initial(undefined);
  let [theirs, actions] = initialTransition(machine);
  for (let index = -1; ; index++) {
    const [a, b] = [describe(mine, effects), describe(theirs, actions.flatMap(emittedBy))];
    if (a !== b) return `after event ${index}:\n${a}\n${b}`;
    const event = events[index + 1];
    if (event === undefined) return undefined;
    [mine, effects] = stepper.step(mine, event as never);
    [theirs, actions] = transition(machine, theirs, event as never);
  }
}

function emittedBy(action: { readonly type: string; readonly params: unknown }): unknown[] {
  if (action.type === REDUCE) return action.params as unknown[];
  return [
    action.type === 'xstate.emit' ? (action.params as { event: unknown }).event : action.type,
  ];
}

function describe(state: ReturnType<typeof initialTransition>[0], effects: unknown[]): string {
  const { value, context, status } = state as {
    value: unknown;
    context: unknown;
    status: string;
  };
  const tags = [...(state as { tags: Set<string> }).tags].sort();
  return JSON.stringify({ value, context, status, tags, effects });
}

interface Context {
  readonly n: number;
}
type Event =
  | { type: 'add'; by: number }
  | { type: 'go' }
  | { type: 'tick' }
  | { type: 'inner' }
  | { type: 'end' };
type Effect = { type: 'said'; n: number } | { type: 'entered'; state: string };

const on = reducerFor<Context, Event, Effect>();
const rich = setup({
  types: {} as { context: Context; events: Event; emitted: Effect; tags: 'busy' | 'idle' },
  guards: {
    isLarge: ({ context }) => context.n > 10,
    isEven: ({ context }) => context.n % 2 === 0,
  },
  actions: {
    add: on('add', (context, event) => [
      { n: context.n + event.by },
      [
        { type: 'said', n: context.n },
        { type: 'said', n: context.n + event.by },
      ],
    ]),
    reset: on('*', () => [{ n: 0 }, []]),
    enter: on('*', (context) => [context, [{ type: 'entered', state: 'b' }]]),
    leave: on('*', (context) => [context, [{ type: 'entered', state: 'elsewhere' }]]),
  },
}).createMachine({
  id: 'rich',
  type: 'parallel',
  context: { n: 0 },
  on: { add: { actions: 'add' } },
  states: {
    roles: {
      initial: 'a',
      states: {
        a: { tags: 'idle', on: { go: 'b' }, always: { guard: 'isLarge', target: 'b' } },
        b: {
          tags: 'busy',
          entry: ['enter', 'reset'],
          exit: 'leave',
          initial: 'first',
          on: { go: 'a', tick: { target: 'b', reenter: true } },
          states: {
            first: { on: { inner: [{ guard: 'isEven', target: 'second' }, { target: 'last' }] } },
            second: { on: { inner: 'last' } },
            last: { type: 'final' },
          },
          onDone: { target: 'a', actions: 'reset' },
        },
      },
    },
    watch: {
      initial: 'off',
      states: {
        off: { on: { inner: 'on' } },
        on: {
          initial: 'x',
          states: { x: { on: { tick: 'y' } }, y: { on: { tick: 'x' } } },
          on: { inner: 'off', end: 'over' },
        },
        over: { on: { go: 'memory' } },
        memory: { type: 'history', history: 'deep', target: 'off' },
      },
    },
  },
});

test('step: agrees with transition() on parallel, nested, history, guards and always', async (t) => {
  const event = fc.oneof(
    fc.record({ type: fc.constant('add'), by: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ type: fc.constantFrom('go', 'tick', 'inner', 'end', 'unknown') }),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      t.equal(firstDifference(rich, events), undefined);
    }),
    { seed: 1, numRuns: 150 },
  );
});

/** A state of a generated chart. */
interface Shape {
  readonly type: 'compound' | 'parallel';
  readonly children: readonly Shape[];
  /** Event → number of the sibling to go to. */
  readonly targets: Readonly<Record<string, number>>;
  readonly looksAhead: boolean;
  readonly reenter: boolean;
}

function shapes(depth: number): fc.Arbitrary<Shape> {
  return fc.record({
    type: fc.constantFrom('compound', 'compound', 'parallel'),
    children: depth === 0 ? fc.constant([]) : fc.array(shapes(depth - 1), { maxLength: 3 }),
    targets: fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.nat(2), { maxKeys: 3 }),
    looksAhead: fc.boolean(),
    reenter: fc.boolean(),
  });
}

/** `always` leads only to the next sibling, so that every chart comes to rest. */
function configOf(shape: Shape, name: string, siblings: number): Record<string, unknown> {
  const index = Number(name.slice(1));
  const { children, targets, reenter } = shape;
  const transitions = Object.entries(targets).map(([event, target], order) => [
    event,
    {
      actions: 'count',
      ...(target < siblings ? { target: `s${target}`, reenter } : {}),
      ...(order === 0 ? { guard: 'isEven' } : {}),
    },
  ]);
  const isLooking = shape.looksAhead && index + 1 < siblings;
  return {
    entry: { type: 'enter', params: { name } },
    exit: { type: 'leave', params: { name } },
    on: Object.fromEntries(transitions),
    ...(isLooking ? { always: { guard: 'isEven', target: `s${index + 1}` } } : {}),
    ...(children.length === 0 ? {} : bodyOf(shape)),
  };
}

function bodyOf({ type, children }: Shape): Record<string, unknown> {
  const siblings = type === 'parallel' ? 0 : children.length;
  const states = children.map((child, index) => {
    const name = `s${index}`;
    return [name, configOf(child, name, siblings)];
  });
  const kind = type === 'parallel' ? { type } : { initial: 's0' };
  return { ...kind, states: Object.fromEntries(states) };
}

test('step: agrees with transition() on generated charts', async (t) => {
  const implementations = {
    guards: { isEven: ({ context }: { context: Context }) => context.n % 2 === 0 },
    actions: {
      count: assign({ n: ({ context }: { context: Context }) => context.n + 1 }),
      enter: emit((_: unknown, params: { name: string }) => ({ type: 'entered', ...params })),
      leave: emit((_: unknown, params: { name: string }) => ({ type: 'left', ...params })),
    },
  };
  const root = fc.record({
    type: fc.constantFrom('compound' as const, 'parallel' as const),
    children: fc.array(shapes(2), { minLength: 1, maxLength: 3 }),
  });
  const events = fc.array(fc.constantFrom({ type: 'p' }, { type: 'q' }, { type: 'r' }), {
    maxLength: 15,
  });
  fc.assert(
    fc.property(root, events, (shape, sent) => {
      const body = bodyOf({ ...shape, targets: {}, looksAhead: false, reenter: false });
      const config = { context: { n: 0 }, ...body } as never;
      const machine = createMachine(config, implementations as never) as AnyStateMachine;
      t.equal(firstDifference(machine, sent), undefined);
    }),
    { seed: 2, numRuns: 150 },
  );
});

test('step: the same arguments give the same result, whatever was stepped between', async (t) => {
  const stepper = createStepper(rich);
  const [state] = stepper.initial(undefined);
  const first = stepper.step(state, { type: 'go' });
  stepper.step(first[0], { type: 'add', by: 3 });
  const second = stepper.step(state, { type: 'go' });
  t.same(second[0].value, first[0].value);
  t.same(second[1], first[1]);
  t.same(first[1], [{ type: 'entered', state: 'b' }], 'an earlier result does not change');
});

test('step: what a reducer throws comes through, and the stepper is whole after it', async (t) => {
  const machine = setup({
    types: {} as { context: Context; events: Event; emitted: Effect },
    actions: {
      add: on('add', (context, event) => {
        if (event.by < 0) throw new Error('term went back');
        return [{ n: context.n + event.by }, [{ type: 'said', n: event.by }]];
      }),
      sayThenThrow: on('go', (context) => [context, [{ type: 'said', n: -1 }]]),
    },
  }).createMachine({
    context: { n: 0 },
    on: { add: { actions: 'add' }, go: { actions: ['sayThenThrow', 'add'] } },
  });
  const stepper = createStepper(machine);
  const [state] = stepper.initial(undefined);
  t.throws(() => stepper.step(state, { type: 'add', by: -1 }), { message: 'term went back' });
  t.throws(() => stepper.step(state, { type: 'go' }), /the reducer for add was run by 'go'/);
  const [after, effects] = stepper.step(state, { type: 'add', by: 2 });
  t.same(after.context, { n: 2 });
  t.same(effects, [{ type: 'said', n: 2 }], 'effects of the failed step are gone');
});

test('step: an entry action that throws comes through from initial() too', async (t) => {
  const fails = () => {
    throw new Error('no such record');
  };
  t.throws(() => createStepper(createMachine({ entry: assign(fails) })).initial(undefined), {
    message: 'no such record',
  });
});

test('step: a machine that asks for what no host performs throws', async (t) => {
  const child = createMachine({});
  const forbidden = [
    ['xstate.raise', raise({ type: 'later' }, { delay: 10 })],
    ['xstate.raise', raise({ type: 'next' })],
    ['xstate.log', log('hello')],
    ['xstate.spawnChild', spawnChild(child)],
    ['touchDisk', { type: 'touchDisk' }],
  ] as const;
  for (const [name, action] of forbidden) {
    const config = { id: 'm', on: { go: { actions: action } } } as never;
    const machine = createMachine(config, { actions: { touchDisk: () => {} } });
    const stepper = createStepper(machine);
    const [state] = stepper.initial(undefined);
    t.throws(
      () => stepper.step(state, { type: 'go' }),
      {
        message: `machine 'm' asked for the action '${name}'; only reducers, assign and emit are allowed`,
      },
      name,
    );
  }
  const delayed = createMachine({ id: 'm', initial: 'a', states: { a: { after: { 10: 'a' } } } });
  t.throws(
    () => createStepper(delayed).initial(undefined),
    /only reducers, assign and emit are allowed/,
  );
});

test('reducerFor: assigns, emits in order, and leaves the context alone when nothing changed', async (t) => {
  const stepper = createStepper(rich);
  const [state] = stepper.initial(undefined);
  const [after, effects] = stepper.step(state, { type: 'add', by: 4 });
  t.same(after.context, { n: 4 });
  t.same(effects, [
    { type: 'said', n: 0 },
    { type: 'said', n: 4 },
  ]);
  const context = { n: 1 };
  t.equal(unchanged(context)[0], context);
  t.same(unchanged(context)[1], []);
});
