import { test } from 'tap';
import { ActorSystem } from '../../src/host/actor-system.js';
import { clientBinding, serverBinding } from '../../src/sim/scenarios/ledger.js';
import { replay } from '../../src/trace/actor-recording.js';
import { decodeRecording } from '../../src/trace/recording-codec.js';

const LEDGER = new URL('../../src/sim/scenarios/ledger.js', import.meta.url);
const SERVER_INPUT = { answersEarly: false, addsTwice: false, forgets: false };
const GOAL = 8;

test('recording: what actors did on worker threads replays in the simulator’s host', async (t) => {
  const system = await ActorSystem.start({ recording: true, network: { seed: 1 } });
  t.teardown(() => system.close());
  await system.spawn({
    name: 'server',
    module: LEDGER,
    exportName: 'serverBinding',
    input: SERVER_INPUT,
  });
  await system.spawn({
    name: 'client',
    module: LEDGER,
    exportName: 'clientBinding',
    input: { server: 'server', goal: GOAL, runsAhead: false },
  });
  let client = decodeRecording(await system.recordingOf('client'));
  for (let tries = 0; client.batches.length < 3 * GOAL && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    client = decodeRecording(await system.recordingOf('client'));
  }
  const server = decodeRecording(await system.recordingOf('server'));
  const isOf = (type: string) => client.batches.some(({ inputs }) => inputs[0]?.type === type);
  t.ok(isOf('timer') && isOf('message') && isOf('persisted'), 'all kinds of input');
  t.match(replay(client, clientBinding.definition), { type: 'same' });
  t.match(replay(server, serverBinding.definition), { type: 'same' });
  t.match(replay({ ...client, draws: [] }, clientBinding.definition), { type: 'differs' });
});
