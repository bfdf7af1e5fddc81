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

test('chaos: when it stops all is healed, but some expendable actors stay dead', (t) => {
  const lostCounts = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const { sim, chaos } = makeRun(seed, { expendable: ['client-2', 'client-3'] });
    sim.runFor(20 * SECOND);
    chaos.stop();
    const check = (): void => {
      const dead = NAMES.filter((name) => !sim.actor(name).isAlive);
      lostCounts.add(dead.length);
      if (dead.some((name) => !['client-2', 'client-3'].includes(name))) t.fail(`seed ${seed}`);
      for (const from of NAMES) {
        if (sim.actor(from).isPaused) t.fail(`seed ${seed}: ${from} is paused`);
        t.same(sim.disk(from).faults, GOOD_DISK);
        for (const to of NAMES) {
          if (!sim.network.isUp(from, to)) t.fail(`seed ${seed}: ${from}→${to} is cut`);
          t.same(sim.network.link(from, to), PLAIN_LINK);
        }
      }
    };
    check();
    const dead = NAMES.filter((name) => !sim.actor(name).isAlive).join();
    sim.runFor(60 * SECOND);
    check();
    t.equal(NAMES.filter((name) => !sim.actor(name).isAlive).join(), dead, 'nothing more dies');
  }
  t.same([...lostCounts].sort(), [0, 1, 2]);
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
