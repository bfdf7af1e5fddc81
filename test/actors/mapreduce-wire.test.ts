import { test } from 'tap';
import {
  decodeTaskProgress,
  decodeWorkerLost,
  encodeTaskProgress,
  encodeWorkerLost,
  MalformedMessage,
} from '../../actors/mapreduce/wire.js';

test('wire: progress says which record is in hand, if one is', (t) => {
  const call = { worker: 'mr-worker-1', incarnation: 2, attempt: 'm0.1' };
  const counts = { bytes: 2 ** 33, records: 7, pairs: 8 };
  for (const progress of [counts, { ...counts, record: { input: 3, offset: 2 ** 40 } }]) {
    t.same(decodeTaskProgress(encodeTaskProgress({ ...call, progress })), { ...call, progress });
  }
  t.end();
});

test('wire: the death of a worker names its life, and anything else is refused', (t) => {
  const lost = { worker: 'mr-worker-1', incarnation: 2 };
  t.same(decodeWorkerLost(encodeWorkerLost(lost)), lost);
  t.throws(
    () => decodeWorkerLost(encodeWorkerLost({ ...lost, incarnation: -1 })),
    MalformedMessage,
  );
  t.throws(() => decodeWorkerLost(Uint8Array.of(0xc1)), MalformedMessage);
  t.end();
});
