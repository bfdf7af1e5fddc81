import { test } from 'tap';
import { PLAIN_LINK } from '../../src/router/link-settings.js';
import { Chaos, type FaultTargets, GOOD_DISK, Simulation } from '../../src/sim/index.js';
import { clientBinding, serverBinding } from '../../src/sim/scenarios/ledger.js';
import { MemoryRecorder, type TraceEvent } from '../../src/trace/record.js';

const NAMES = ['server', 'client-1', 'client-2', 'client-3'];
const SECOND = 1_000_000;

interface Run {
  readonly sim: Simulation;
  readonly chaos: Chaos;
  readonly faults: () => readonly TraceEvent[];
}

function makeRun(seed: number, targets: Partial<FaultTargets> = {}): Run {
  const recorder = new MemoryRecorder();
  const sim = new Simulation({ seed, recorder });
  const input = { answersEarly: false, addsTwice: false, forgets: false };
  for (const name of NAMES) {
    if (name === 'server') sim.spawn(name, serverBinding, { input });
    else {
      const goal = 1000;
      sim.spawn(name, clientBinding, { input: { server: 'server', goal, runsAhead: false } });
    }
  }
  const chaos = new Chaos(sim, { actors: NAMES, network: NAMES, ...targets });
  chaos.start();
  return { sim, chaos, faults: () => recorder.events().filter(({ type }) => type === 'fault') };
}

/** What is wrong with an actor and its links, '' when nothing is. */
function stateOf(sim: Simulation, name: string): string {
  const others = NAMES.filter((other) => other !== name);
  const actor = sim.actor(name);
  const isDeaf = others.every((other) => !sim.network.isUp(other, name));
  const isMute = others.every((other) => !sim.network.isUp(name, other));
  const words = [!actor.isAlive && 'dead', actor.isPaused && 'frozen'];
  return [...words, isDeaf && 'deaf', isMute && 'mute'].filter(Boolean).join();
}

test('chaos: when it stops all is healed, but some expendable actors are lost for ever', (t) => {
  const expendable = ['client-2', 'client-3'];
  const states = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const { sim, chaos } = makeRun(seed, { expendable });
    sim.runFor(20 * SECOND);
    chaos.stop();
    const after = NAMES.map((name) => stateOf(sim, name));
    t.same([after[0], after[1]], ['', ''], `seed ${seed}`);
    states.add(after[2] ?? '');
    for (const from of NAMES) {
      t.same(sim.disk(from).faults, GOOD_DISK);
      for (const to of NAMES) t.same(sim.network.link(from, to), PLAIN_LINK);
    }
    sim.runFor(60 * SECOND);
    t.same(
      NAMES.map((name) => stateOf(sim, name)),
      after,
      'nothing more happens to them',
    );
  }
  t.same([...states].sort(), ['', 'dead', 'deaf', 'frozen', 'mute']);
  t.end();
});

test('chaos: a class that is forbidden never strikes, and shifts no other', (t) => {
  const firstCrash = (run: Run): TraceEvent | undefined => {
    run.sim.runFor(30 * SECOND);
    return run.faults().find((event) => event.type === 'fault' && event.fault === 'crash');
  };
  let compared = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const all = firstCrash(makeRun(seed));
    const run = makeRun(seed, { classes: ['crash'] });
    const alone = firstCrash(run);
    if (all !== undefined) compared++;
    t.same([alone?.at, alone?.actor], [all?.at, all?.actor], `seed ${seed}`);
    t.match(run.sim.network.totals(), { dropped: 0, duplicated: 0 });
    const others = run
      .faults()
      .filter((event) => event.type === 'fault' && event.fault === 'pause');
    t.same(others, []);
  }
  t.ok(compared > 10, `${compared} seeds crash`);
  t.end();
});

test('chaos: an actor that something else restarts is left to it', (t) => {
  const asked: string[] = [];
  const { sim, chaos } = makeRun(1, {
    classes: ['crash'],
    restart: (name) => asked.push(name),
  });
  sim.kill('client-1');
  chaos.stop();
  t.ok(asked.includes('client-1'));
  t.notOk(sim.actor('client-1').isAlive);
  t.end();
});
