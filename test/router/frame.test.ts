import fc from 'fast-check';
import { test } from 'tap';
import { MESSAGE_KINDS } from '../../actors/message-kinds.js';
import { type FrameHeader, FramePacker, unpackFrames } from '../../src/router/frame.js';

type Sent = readonly [FrameHeader, Uint8Array];

const header: fc.Arbitrary<FrameHeader> = fc.record({
  from: fc.integer({ min: 0, max: 65_535 }),
  to: fc.integer({ min: 0, max: 65_535 }),
  kind: fc.constantFrom(...MESSAGE_KINDS),
  rpc: fc.constantFrom('none', 'request', 'reply'),
  lost: fc.boolean(),
  inOrder: fc.boolean(),
  incarnation: fc.integer({ min: 0, max: 65_535 }),
  correlation: fc.maxSafeNat(),
  delayMicros: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});
const frames = fc.array(fc.tuple(header, fc.uint8Array({ maxLength: 300 })), { maxLength: 40 });

function unpack(packed: Uint8Array): Sent[] {
  const got: Sent[] = [];
  unpackFrames(packed, (header, payload) => got.push([header, payload.slice()]));
  return got;
}

test('frame: any envelopes come out as they went in, in order, whole or in parts', (t) => {
  const packer = new FramePacker();
  fc.assert(
    fc.property(frames, fc.nat(300), (sent, cut) => {
      for (const [header, payload] of sent) {
        const parts = [payload.subarray(0, cut), payload.subarray(cut), new Uint8Array(0)];
        packer.add(header, cut % 2 === 0 ? payload : parts);
      }
      t.equal(packer.sizeBytes % 4, 0, 'frames are padded to words');
      const packed = packer.take();
      t.equal(packer.sizeBytes, 0);
      t.same(unpack(packed), sent);
    }),
    { numRuns: 150 },
  );
  t.end();
});

test('frame: a packer grows for a large message, and gives the memory back', (t) => {
  const packer = new FramePacker();
  const plain = {
    from: 1,
    to: 2,
    kind: 'custom',
    rpc: 'none',
    lost: false,
    inOrder: true,
  } as const;
  const base = { ...plain, incarnation: 1, correlation: 2 ** 53 - 1, delayMicros: 0 };
  for (const sizeBytes of [0, 1, 3, 4, 65_536, 5_000_001]) {
    const payload = new Uint8Array(sizeBytes).fill(7);
    packer.add(base, Uint8Array.of(1));
    packer.add(base, payload);
    packer.add(base, Uint8Array.of(2));
    const packed = packer.take();
    t.equal(packed.buffer.byteLength, packed.byteLength, 'the buffer is its own');
    const got = unpack(packed);
    t.equal(got.length, 3);
    t.equal(Buffer.compare(got[1]?.[1] as Uint8Array, payload), 0, `${sizeBytes} bytes`);
    t.same(got[2], [base, Uint8Array.of(2)]);
  }
  t.end();
});

test('frame: a delay beyond an unsigned word is cut to it', (t) => {
  const packer = new FramePacker();
  const what = { from: 0, to: 0, kind: 'custom', rpc: 'none', lost: false, inOrder: true } as const;
  packer.add({ ...what, incarnation: 1, correlation: 0, delayMicros: 2 ** 40 }, new Uint8Array(0));
  t.equal(unpack(packer.take())[0]?.[0].delayMicros, 2 ** 32 - 1);
  t.end();
});
