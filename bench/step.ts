/**
 * What an event costs: `step()` beside XState's own `transition()`, `createActor().send`, and the
 * plain reducer that the machine wraps. The machine is a small election: three states, a guard, an
 * `always`, and most events stay where they are, as in a real run.
 */
import { createActor, initialTransition, setup, transition } from 'xstate';
import { type Reduced, reducerFor } from '../machines/reducer.js';
import { createStepper } from '../machines/step.js';
import type { Benchmark, Row } from './framework/benchmark.js';

interface Context {
  readonly term: number;
  readonly votes: number;
  readonly heard: number;
}
type Event =
  | { readonly type: 'heartbeat'; readonly term: number }
  | { readonly type: 'vote' }
  | { readonly type: 'timeout' }
  | { readonly type: 'higherTerm'; readonly term: number };
type Effect = { readonly type: 'acknowledge'; readonly term: number };

/** Seven events of which five stay in their state. */
const EVENTS: readonly Event[] = [
  { type: 'heartbeat', term: 1 },
  { type: 'heartbeat', term: 1 },
  { type: 'timeout' },
  { type: 'vote' },
  { type: 'vote' },
  { type: 'heartbeat', term: 1 },
  { type: 'higherTerm', term: 2 },
];

function hear(context: Context, event: { readonly term: number }): Reduced<Context, Effect> {
  const next = { ...context, heard: context.heard + 1 };
  return [next, [{ type: 'acknowledge', term: event.term }]];
}

function countVote(context: Context): Reduced<Context, Effect> {
  return [{ ...context, votes: context.votes + 1 }, []];
}

function campaign(context: Context): Reduced<Context, Effect> {
  return [{ ...context, term: context.term + 1, votes: 1 }, []];
}

const on = reducerFor<Context, Event, Effect>();
const machine = setup({
  types: {} as { context: Context; events: Event; emitted: Effect },
  guards: { hasQuorum: ({ context }) => context.votes >= 3 },
  actions: {
    hear: on(['heartbeat', 'higherTerm'], hear),
    countVote: on('vote', countVote),
    campaign: on('timeout', campaign),
  },
}).createMachine({
  id: 'bench',
  initial: 'follower',
  context: { term: 0, votes: 0, heard: 0 },
  on: {
    heartbeat: { actions: 'hear' },
    vote: { actions: 'countVote' },
    higherTerm: { target: '.follower', actions: 'hear' },
  },
  states: {
    follower: { on: { timeout: 'candidate' } },
    candidate: { entry: 'campaign', always: { guard: 'hasQuorum', target: 'leader' } },
    leader: {},
  },
});

/** The same decisions without a chart, to show what the chart costs. */
function reduce(context: Context, event: Event): Reduced<Context, Effect> {
  switch (event.type) {
    case 'heartbeat':
    case 'higherTerm':
      return hear(context, event);
    case 'vote':
      return countVote(context);
    case 'timeout':
      return campaign(context);
  }
}

/** Microseconds per event of `rounds` times all events. */
function time(rounds: number, advance: (event: Event) => void): number {
  const started = performance.now();
  for (let round = 0; round < rounds; round++) {
    for (const event of EVENTS) advance(event);
  }
  return ((performance.now() - started) * 1000) / (rounds * EVENTS.length);
}

function measureStep(rounds: number): number {
  const stepper = createStepper(machine);
  let [state] = stepper.initial(undefined);
  return time(rounds, (event) => {
    [state] = stepper.step(state, event);
  });
}

function measureTransition(rounds: number): number {
  let [state] = initialTransition(machine);
  return time(rounds, (event) => {
    [state] = transition(machine, state, event);
  });
}

function measureActor(rounds: number): number {
  const actor = createActor(machine).start();
  const cost = time(rounds, (event) => actor.send(event));
  actor.stop();
  return cost;
}

function measureReducer(rounds: number): number {
  let context: Context = { term: 0, votes: 0, heard: 0 };
  return time(rounds, (event) => {
    [context] = reduce(context, event);
  });
}

export const stepBenchmark: Benchmark = {
  name: 'step',
  description: 'the cost of an event: step(), transition(), createActor().send, a plain reducer',
  options: [
    {
      name: 'events',
      unit: 'events',
      description: 'how many events each way handles in a run',
      value: 350_000,
      quick: 70_000,
    },
  ],
  runs: { full: 7, quick: 3 },
  run: ({ option }): readonly Row[] => {
    const rounds = Math.ceil(option('events') / EVENTS.length);
    const row = (name: string, value: number): Row => ({ name, unit: 'µs', value });
    return [
      row('step()', measureStep(rounds)),
      row('transition()', measureTransition(Math.ceil(rounds / 5))),
      row('createActor().send', measureActor(rounds)),
      row('plain reducer', measureReducer(rounds * 20)),
    ];
  },
  comparisons: [
    { of: 'step()', to: 'transition()', atMost: 0.5 },
    { of: 'step()', to: 'createActor().send' },
    { of: 'step()', to: 'plain reducer' },
  ],
};
