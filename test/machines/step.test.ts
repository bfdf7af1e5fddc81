import { test } from 'tap';
import { initialTransition, setup, transition } from 'xstate';
import { reducerFor } from '../../machines/reducer.js';
import { createStepper } from '../../machines/step.js';

interface Context {
  readonly n: number;
}
type Event = { type: 'add'; by: number } | { type: 'go' } | { type: 'tick' };
type Effect = { type: 'said'; n: number } | { type: 'entered'; state: string };

const on = reducerFor<Context, Event, Effect>();

const machine = setup({
  types: {} as { context: Context; events: Event; emitted: Effect; input: { n: number } },
  guards: { isLarge: ({ context }) => context.n > 10 },
  actions: {
    add: on('add', (context, event) => [
      { n: context.n + event.by },
      [{ type: 'said', n: context.n + event.by }],
    ]),
    enter: on('*', (context) => [context, [{ type: 'entered', state: 'b' }]]),
  },
}).createMachine({
  id: 'counter',
  initial: 'a',
  context: ({ input }) => ({ n: input?.n ?? 0 }),
  states: {
    a: { on: { add: { actions: 'add' }, go: 'b' }, always: { guard: 'isLarge', target: 'b' } },
    b: {
      entry: 'enter',
      on: { go: 'a', add: { actions: 'add' }, tick: { target: 'b', reenter: true } },
    },
  },
});

test('step: agrees with transition() on states and effects', (t) => {
  const stepper = createStepper(machine);
  let [mine, effects] = stepper.initial({ n: 3 });
  let [theirs, actions] = initialTransition(machine, { n: 3 });
  const events: Event[] = [
    { type: 'add', by: 2 },
    { type: 'go' },
    { type: 'tick' },
    { type: 'go' },
    { type: 'add', by: 9 },
  ];
  for (const event of events) {
    [mine, effects] = stepper.step(mine, event);
    [theirs, actions] = transition(machine, theirs, event);
    t.same(mine.value, theirs.value);
    t.same(mine.context, theirs.context);
    t.same(
      effects,
      actions.map((a) => (a.params as unknown as { event: Effect }).event),
    );
  }
  t.same(mine.context, { n: 14 });
  t.equal(mine.value, 'b');
  t.end();
});
