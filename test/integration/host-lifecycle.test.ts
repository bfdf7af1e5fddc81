import { existsSync, readdirSync } from 'node:fs';
import { t as file, test } from 'tap';
import { ActorSystem } from '../../src/host/actor-system.js';
import { rejection, scene, UNRULY } from './host-actors.js';

file.setTimeout(60_000);

const QUICK = { supervision: { backoffMs: 5 } };

test('host: deaths of every kind cost the actor a life, and nothing else', async (t) => {
  const { system, event, tell, ask, events } = await scene(t);
  await system.spawn({ name: 'bystander', module: UNRULY });
  const limits = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
  await system.spawn({ name: 'a', module: UNRULY, limits, supervision: { backoffMs: 5 } });
  const deaths = [
    ['throw', /told to: now/],
    ['throwFunction', /what no clone takes/],
    ['exit', /exit/],
    ['reject', /nobody waits for this/],
    ['exhaust', /memory/],
  ] as const;
  let incarnation = 1;
  for (const [verb, reason] of deaths) {
    tell('a', verb, 'now');
    const exited = await event('exited', (e) => e.actor === 'a' && e.incarnation === incarnation);
    t.equal(exited.death.cause, 'failed', verb);
    t.match(exited.death.error?.message, reason, verb);
    t.equal(exited.restartInMs, 5 * 2 ** (incarnation - 1), 'pauses double');
    incarnation++;
    await event('spawned', (e) => e.actor === 'a' && e.incarnation === incarnation);
    t.same(await ask('a', 'ping'), ['a', incarnation]);
  }
  t.same(await ask('bystander', 'ping'), ['bystander', 1]);
  tell('a', 'throw', 'once too often');
  const last = await event('exited', (e) => e.incarnation === incarnation);
  t.equal(last.restartInMs, undefined, 'the sixth death within the window is the last');
  t.equal(events.filter((e) => e.type === 'exited').length, 6);
  t.match(await rejection(system.stats('a')), { code: 'ACTOR_FAILED' });
  await system.restart('a');
  t.same(await ask('a', 'ping'), ['a', 7], 'the operator can still restart it');
});

test('host: the operator’s last order wins over the supervisor’s and over earlier ones', async (t) => {
  const { system, event, tell, ask, events } = await scene(t);
  const slow = { supervision: { backoffMs: 50 } };
  await system.spawn({ name: 'a', module: UNRULY, ...slow });
  tell('a', 'throw', 'now');
  await event('exited', (e) => e.restartInMs === 50);
  await system.kill('a');
  await system.spawn({ name: 'b', module: UNRULY });
  await system.kill('b');
  t.match(events.at(-1), { type: 'exited', actor: 'b', death: { cause: 'killed' } });
  t.equal(system.incarnationOf('a'), 1, 'killed in the supervisor’s pause, it stays dead');
  t.match(await rejection(system.spawn({ name: 'b', module: UNRULY })), { code: 'NAME_IN_USE' });

  const first = rejection(system.restart('a'));
  const second = system.restart('a');
  t.match(await first, { code: 'ACTOR_FAILED', message: /later order/ });
  await second;
  t.equal(system.incarnationOf('a'), 2, 'two restarts at once are one life');
  t.same(await ask('a', 'ping'), ['a', 2]);

  tell('a', 'throw', 'again');
  await event('exited', (e) => e.incarnation === 2);
  await Promise.all([rejection(system.restart('a')), system.kill('a')]);
  t.equal(system.incarnationOf('a'), 2, 'a kill ends the restart before it');
  await system.stop('a');
  await system.spawn({ name: 'a', module: UNRULY });
  t.same(await ask('a', 'ping'), ['a', 3], 'a name that is used again goes on counting lives');
});

test('host: an actor that cannot be made says why, and frees its name', async (t) => {
  const { system, events, ask } = await scene(t);
  const missing = new URL('./no-such-module.js', import.meta.url);
  const bad = [
    [{ name: 'a', module: missing }, /actor 'a': .*no-such-module/],
    [{ name: 'a', module: UNRULY, exportName: 'none' }, /does not export a binding 'none'/],
    [{ name: 'a', module: UNRULY, exportName: 'notABinding' }, /'notABinding'/],
    [{ name: 'a', module: UNRULY, input: { no: () => 1 } }, /no plain data/],
  ] as const;
  for (const [spec, message] of bad) {
    t.match(await rejection(system.spawn(spec)), { code: 'ACTOR_FAILED', message });
  }
  const thrower = 'data:text/javascript,throw new Error("bad module")';
  t.match(await rejection(system.spawn({ name: 'a', module: thrower })), {
    code: 'ACTOR_FAILED',
    message: /bad module/,
  });
  t.notOk(events.some((e) => e.type === 'exited' && e.restartInMs !== undefined));
  await system.spawn({ name: 'a', module: UNRULY });
  t.match(await ask('a', 'ping'), ['a']);
  t.match(await rejection(system.spawn({ name: 'watcher', module: UNRULY })), {
    code: 'NAME_IN_USE',
  });
  t.throws(() => system.endpoint('a'), { code: 'NAME_IN_USE' });
  const twice = { name: 'c', module: UNRULY };
  t.match(await rejection(system.spawnTogether([twice, twice])), { code: 'NAME_IN_USE' });
  t.match(await rejection(system.kill('nobody')), { code: 'NO_SUCH_ACTOR' });
});

test('host: a boot that fails in a later life is a death like others', async (t) => {
  const { system, event, tell, ask } = await scene(t);
  const bootFailures = new SharedArrayBuffer(4);
  await system.spawn({ name: 'a', module: UNRULY, input: { bootFailures }, ...QUICK });
  new Int32Array(bootFailures)[0] = 2;
  tell('a', 'throw', 'now');
  await event('spawned', (e) => e.incarnation === 4);
  t.same(await ask('a', 'ping'), ['a', 4], 'two boots failed, the third did not');
});

test('host: actors that share a thread live, die and stop together', async (t) => {
  const { system, event, tell, ask } = await scene(t);
  const specs = ['a', 'b', 'c'].map((name) => ({ name, module: UNRULY }));
  await system.spawnTogether(specs, QUICK);
  const before = await system.stats('a');
  t.same(
    before.actors.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  tell('b', 'throw', 'now');
  for (const name of ['a', 'b', 'c']) {
    const { death } = await event('exited', (e) => e.actor === name);
    t.match(death, { cause: 'failed', actor: 'b' }, 'the one that threw is named');
    await event('spawned', (e) => e.actor === name && e.incarnation === 2);
    t.same(await ask(name, 'ping'), [name, 2]);
  }
  await system.kill('c');
  t.match(await event('exited', (e) => e.actor === 'a' && e.incarnation === 2), {
    death: { cause: 'killed' },
  });
  await system.restart('b');
  t.same(await ask('a', 'ping'), ['a', 3]);
  await system.stop('a');
  t.throws(() => system.stats('c'), { code: 'NO_SUCH_ACTOR' });
  await system.spawn({ name: 'c', module: UNRULY });
  t.same(await ask('c', 'ping'), ['c', 4]);
});

test('host: pause stands still at a turn boundary; messages wait, a timer fires late, once', async (t) => {
  const { system, ask, tell, event, watcher } = await scene(t);
  const word = new SharedArrayBuffer(4);
  const count = new Int32Array(word);
  await system.spawn({ name: 'a', module: UNRULY, input: { word } });
  await system.spawn({ name: 'b', module: UNRULY });
  tell('a', 'count');
  await ask('a', 'arm', 30_000);
  const [, turnsBefore] = (await ask('a', 'about')) as number[];
  system.pause('a');
  const answers = [ask('a', 'about'), ask('a', 'about')];
  let isAnswered = false;
  void answers[0]?.then(() => {
    isAnswered = true;
  });
  // It stands still at latest when the first message wakes it: then its interval stops counting.
  for (let last = -1; last !== count[0]; ) {
    last = count[0] as number;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await ask('b', 'ping');
  t.notOk(isAnswered, 'no turn while paused');
  system.resume('a');
  const [, turns, timers] = (await answers[1]) as number[];
  t.equal(turns, (turnsBefore as number) + 1, 'both messages came in one turn');
  t.equal(timers, 0, 'messages go before timers');
  t.same((await ask('a', 'about'))[2], 1, 'the timer fired once');

  system.pause('a');
  const unanswered = rejection(ask('a', 'write', 1, 10));
  await system.kill('a');
  await system.restart('a');
  t.same(await ask('a', 'about'), [2, 1, 0], 'a paused actor dies, and its pause with it');
  system.pause('a');
  await system.stop('a');
  t.match(await event('exited', ({ incarnation }) => incarnation === 2), {
    death: { cause: 'stopped' },
  });
  watcher.close();
  t.match(await unanswered, { code: 'CLOSED' });
});

test('host: what does not stop is killed, and close() may be called in any mess', async (t) => {
  const { system, event, tell, ask } = await scene(t);
  const word = new SharedArrayBuffer(4);
  await system.spawn({ name: 'spinner', module: UNRULY, input: { word }, stopTimeoutMs: 50 });
  await system.spawn({ name: 'clinger', module: UNRULY, stopTimeoutMs: 50 });
  await system.spawn({ name: 'thrower', module: UNRULY, ...QUICK });
  await system.spawn({ name: 'killed', module: UNRULY });
  await system.spawn({ name: 'paused', module: UNRULY });
  await system.spawn({ name: 'final', module: UNRULY });
  tell('final', 'end');
  t.match(await event('exited', (e) => e.actor === 'final'), { death: { cause: 'finished' } });
  t.throws(() => system.stats('final'), { code: 'NO_SUCH_ACTOR' }, 'its name is free');
  await ask('clinger', 'ping');
  tell('spinner', 'spin');
  tell('clinger', 'clingOn');
  tell('thrower', 'throw', 'now');
  while (new Int32Array(word)[0] === 0) await new Promise((resolve) => setImmediate(resolve));
  system.pause('paused');
  const booting = rejection(system.spawn({ name: 'booting', module: UNRULY }));
  const restarting = rejection(system.restart('killed'));
  const closings = [system.close(), system.close()];
  await Promise.all(closings);
  t.equal(closings[0], closings[1]);
  t.match((await booting).code ?? 'booted', /ACTOR_FAILED|booted/);
  t.match((await restarting).code, /CLOSED|ACTOR_FAILED/);
  const { death } = await event('exited', (e) => e.actor === 'spinner');
  t.equal(death.cause, 'killed');
  t.match(await rejection(system.spawn({ name: 'x', module: UNRULY })), { code: 'CLOSED' });
  t.throws(() => system.endpoint('y'), { code: 'CLOSED' });
});

test('host: a log line with odd fields arrives, and does not kill', async (t) => {
  const { system, event, ask } = await scene(t);
  await system.spawn({ name: 'a', module: UNRULY });
  await ask('a', 'log');
  t.match(await event('log'), { actor: 'a', level: 'info', message: 'a line' });
  t.same(await ask('a', 'ping'), ['a', 1]);
});

test('host: spawns and kills at any instant leak no thread or port', async (t) => {
  const { system, ask, tell } = await scene(t);
  await system.spawn({ name: 'peer', module: UNRULY });
  const round = async (instant: number): Promise<void> => {
    const booted = rejection(system.spawn({ name: 'a', module: UNRULY }));
    if (instant % 3 > 0) await new Promise((resolve) => setTimeout(resolve, 5 * (instant % 9)));
    tell('a', 'ping');
    await system.kill('a');
    await booted;
    await system.stop('a');
  };
  await round(1);
  const before = { ports: portCount(), threads: threadCount() };
  for (let i = 0; i < 30; i++) await round(i);
  await ask('peer', 'ping');
  // A thread that was aborted before it was up is ended by Piscina a moment later. A leak ends in
  // this test's time-out.
  while (portCount() > before.ports || threadCount() > before.threads) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.ok(portCount() <= before.ports && threadCount() <= before.threads);
  await system.close();
  while (portCount() > 0) await new Promise((resolve) => setTimeout(resolve, 20));
});

/** Threads of this process as the system counts them; 0 where it does not say. */
function threadCount(): number {
  return existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0;
}

function portCount(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
}

test('host: a wrong preset leaves nothing behind', async (t) => {
  const dataDir = t.testdir();
  const network = { preset: 'no such' as 'wan' };
  await t.rejects(ActorSystem.start({ network, dataDir }), { message: /no preset/ });
  const system = await ActorSystem.start({ dataDir });
  await system.close();
});
