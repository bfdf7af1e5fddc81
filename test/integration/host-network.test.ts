import { t as file, test } from 'tap';
import { decode, encode } from '../../actors/codec/positional.js';
import { PLAIN_LINK } from '../../src/router/link-settings.js';
import { rejection, type Scene, scene, UNRULY } from './host-actors.js';

file.setTimeout(60_000);

async function pair(t: Parameters<typeof scene>[0], together = false): Promise<Scene> {
  const stage = await scene(t);
  const specs = ['a', 'b'].map((name) => ({ name, module: UNRULY }));
  if (together) await stage.system.spawnTogether(specs);
  else for (const spec of specs) await stage.system.spawn(spec);
  return stage;
}

/** Resolves with the messages to the watcher as soon as there are so many. */
function heard({ watcher }: Scene, count: number): Promise<unknown[]> {
  const got: unknown[] = [];
  return new Promise((resolve) => {
    watcher.onMessage = ({ payload }) => {
      got.push(decode(payload));
      if (got.length === count) resolve(got);
    };
  });
}

const INSTANT = { kind: 'custom', timeoutMs: 100 } as const;

test('host: cuts and partitions stop what they should, in the direction they should', async (t) => {
  const { system, watcher, ask } = await pair(t);
  const { network } = system;
  const request = { ...INSTANT, payload: encode(['ping']) };
  network.cut('watcher', 'a');
  t.match(await rejection(watcher.request({ to: 'a', ...request })), { code: 'TIMEOUT' });
  t.match(network.counters('watcher', 'a'), { sent: 1, dropped: 1, delivered: 0 });
  network.mend('watcher', 'a');
  network.cut('a', 'watcher');
  t.match(await rejection(watcher.request({ to: 'a', ...request })), { code: 'TIMEOUT' });
  t.match(network.counters('watcher', 'a'), { sent: 2, dropped: 1, delivered: 1 });
  t.match(network.counters('a', 'watcher'), { sent: 1, sentReplies: 1, dropped: 1 });
  network.partition([['watcher', 'a'], ['b']]);
  t.same(await ask('a', 'ping'), ['a', 1], 'within its group');
  t.match(await rejection(watcher.request({ to: 'b', ...request })), { code: 'TIMEOUT' });
  network.heal();
  t.same(await ask('b', 'ping'), ['b', 1]);
});

test('host: what is on the wire survives the sender’s kill; a cut meanwhile stops it', async (t) => {
  const stage = await pair(t);
  const { system, ask } = stage;
  const delay = { kind: 'constant', micros: 150_000 } as const;
  system.network.setLink('a', 'b', { delay });
  await ask('a', 'forward', 'b', 3);
  const got = heard(stage, 3);
  await system.kill('a');
  t.equal(system.network.counters('a', 'b').delivered, 0, 'still on the wire');
  t.same(await got, [
    ['b', 0],
    ['b', 1],
    ['b', 2],
  ]);
  await system.restart('a');
  await ask('a', 'forward', 'b', 2);
  system.network.cut('a', 'b');
  while (system.network.counters('a', 'b').refused < 2) await ask('b', 'ping');
  t.match(system.network.counters('a', 'b'), { sent: 5, delivered: 3, refused: 2, dropped: 0 });
});

for (const together of [false, true]) {
  const where = together ? 'one thread' : 'two threads';
  test(`host: loss, duplication, delay and bandwidth, between actors of ${where}`, async (t) => {
    const stage = await pair(t, together);
    const { system, ask } = stage;
    const { network } = system;
    network.setLink('a', 'b', { dropPpm: 300_000, duplicatePpm: 300_000 });
    await ask('a', 'forward', 'b', 1_000);
    const { sent, dropped, duplicated } = network.counters('a', 'b');
    t.equal(sent, 1_000);
    t.ok(dropped > 200 && dropped < 400, `${dropped} lost`);
    t.ok(duplicated > 120 && duplicated < 320, `${duplicated} twice`);
    await heard(stage, sent - dropped + duplicated);
    t.equal(network.counters('a', 'b').delivered, sent - dropped + duplicated);

    const delay = { kind: 'constant', micros: 40_000 } as const;
    network.setLink('a', 'b', { ...PLAIN_LINK, delay });
    let started = system.now();
    await ask('a', 'forward', 'b', 1);
    await heard(stage, 1);
    t.ok(system.now() - started >= 40_000, 'a delay');
    network.setLink('a', 'b', { ...PLAIN_LINK, bytesPerSecond: 1_000 });
    started = system.now();
    await ask('a', 'forward', 'b', 4);
    await heard(stage, 4);
    t.ok(system.now() - started >= 50_000, 'at least 50 bytes at 1000 bytes/s');
  });
}

test('host: the labs’ network reports what is lost, to endpoints and to actors', async (t) => {
  const stage = await pair(t);
  const { system, watcher, tell } = stage;
  system.network.preset('labs');
  const request = { kind: 'custom', payload: encode(['ping']), timeoutMs: 60_000 } as const;
  const started = system.now();
  system.network.cut('watcher', 'a');
  t.match(await rejection(watcher.request({ to: 'a', ...request })), { message: /survived/ });
  system.network.mend('watcher', 'a');
  system.network.cut('a', 'watcher');
  t.match(await rejection(watcher.request({ to: 'a', ...request })), { message: /survived/ });
  system.network.heal();
  await system.kill('b');
  t.match(await rejection(watcher.request({ to: 'b', ...request })), { message: /survived/ });
  const got = heard(stage, 1);
  tell('a', 'ask', 'b', 5, 60_000_000);
  t.same(await got, [['noReply', 'b', 5]], 'an actor hears of a dead addressee');
  t.ok(system.now() - started < 20_000_000, 'long before the time-outs');
});

test('host: time-outs, late replies, the dead and the unknown', async (t) => {
  const stage = await pair(t);
  const { system, watcher, ask, tell } = stage;
  const payload = encode(['ping']);
  const delay = { kind: 'constant', micros: 80_000 } as const;
  system.network.setLink('a', 'watcher', { delay });
  const strays: unknown[] = [];
  watcher.onMessage = (envelope) => strays.push(envelope);
  const early = watcher.request({ to: 'a', kind: 'custom', payload, timeoutMs: 20 });
  t.match(await rejection(early), { code: 'TIMEOUT', message: /came in time from 'a'/ });
  while (system.network.counters('a', 'watcher').refused < 1) await ask('b', 'ping');
  t.same(strays, [], 'a late reply is dropped, and counted as refused');

  const got = heard(stage, 1);
  tell('b', 'ask', 'a', 9, 20_000);
  tell('b', 'ask', 'nobody', 10, 20_000);
  t.match(await got, [['noReply', 'a', 9]]) || t.comment('the actor’s own time-out');
  t.equal((await system.stats('b')).unknownCount, 1);
  await system.kill('a');
  tell('a', 'ping');
  t.match(system.network.counters('watcher', 'a'), { dropped: 1 }, 'to the dead: lost at once');

  const open = watcher.request({ to: 'b', kind: 'custom', payload: encode(['ignore']) });
  watcher.close();
  watcher.close();
  t.match(await rejection(open), { code: 'CLOSED' });
  t.match(await rejection(watcher.request({ to: 'b', kind: 'custom', payload })), {
    code: 'CLOSED',
  });
  t.throws(() => watcher.send({ to: 'b', kind: 'custom', payload }), { code: 'CLOSED' });
  const again = system.endpoint('watcher');
  const reply = await again.request({ to: 'b', kind: 'custom', payload });
  t.same(decode(reply.payload), ['b', 1], 'the name is free for another endpoint');
});

test('host: a full mailbox drops and counts', async (t) => {
  const { system, ask, tell, watcher } = await pair(t);
  const count = 70_000;
  system.pause('a');
  const payload = encode(['ignore']);
  for (let i = 0; i < count; i++) watcher.send({ to: 'a', kind: 'custom', payload });
  tell('b', 'ignore');
  await ask('b', 'ping');
  system.resume('a');
  const { network } = system;
  const arrived = (): number => {
    const { delivered, refused } = network.counters('watcher', 'a');
    return delivered + refused;
  };
  while (arrived() < count) await system.stats('a');
  const [stats] = (await system.stats('a')).actors;
  t.equal(stats?.droppedCount, network.counters('watcher', 'a').refused);
  t.match(await ask('a', 'ping'), ['a'], 'it goes on');
});
