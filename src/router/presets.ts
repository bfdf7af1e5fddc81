/**
 * Networks by name. The labs' network (MIT 6.824, package labrpc) is reproduced with its own
 * integer arithmetic, so that its probabilities are exact; see `labRequest` and `labReply`.
 */
import type { Micros } from '../../actors/ports.js';
import type { Prng } from '../random/prng.js';
import { type LabSettings, type LinkSettings, PLAIN_LINK } from './link-settings.js';

const MILLIS = 1000;
const LAB: LabSettings = { unreliable: false, longReordering: false, longDelays: false };

function link(settings: Partial<LinkSettings>): LinkSettings {
  return Object.freeze({ ...PLAIN_LINK, ...settings });
}

export const PRESETS = {
  /** Every message arrives, in order, at once. */
  reliable: PLAIN_LINK,
  /** The labs' network as the tests find it; a call over a cut link fails after 0 … 99 ms. */
  labs: link({ lab: LAB }),
  /** 0 … 26 ms for a request; a tenth of the requests and a tenth of the replies lost. */
  'labs-unreliable': link({ lab: { ...LAB, unreliable: true } }),
  /** Two thirds of the replies come 200 … 2199 ms late. */
  'labs-long-reordering': link({ lab: { ...LAB, longReordering: true } }),
  /** A call over a cut link fails after 0 … 6999 ms. */
  'labs-long-delays': link({ lab: { ...LAB, longDelays: true } }),
  /** All three, as the labs' last tests of each part have it. */
  'labs-chaos': link({ lab: { unreliable: true, longReordering: true, longDelays: true } }),
  /** One switch: 0.1 … 0.5 ms, 1 Gbit/s. */
  lan: link({
    delay: { kind: 'exponential', minMicros: 100, meanMicros: 100, maxMicros: 500 },
    bytesPerSecond: 125_000_000,
  }),
  /** Between continents: 40 ms and a tail, a message in a thousand lost, 100 Mbit/s. */
  wan: link({
    dropPpm: 1000,
    delay: {
      kind: 'exponential',
      minMicros: 40 * MILLIS,
      meanMicros: 5 * MILLIS,
      maxMicros: 200 * MILLIS,
    },
    tailPpm: 1000,
    tailMicros: 1000 * MILLIS,
    bytesPerSecond: 12_500_000,
  }),
  /** A datagram network on a bad day: a tenth lost, a twentieth twice, out of order. */
  lossy: link({
    dropPpm: 100_000,
    duplicatePpm: 50_000,
    duplicateSpreadMicros: 100 * MILLIS,
    delay: {
      kind: 'exponential',
      minMicros: 1 * MILLIS,
      meanMicros: 10 * MILLIS,
      maxMicros: 500 * MILLIS,
    },
    reorder: true,
  }),
} as const satisfies Readonly<Record<string, LinkSettings>>;

export type PresetName = keyof typeof PRESETS;

/** What the labs' network does to one message. */
export interface LabFate {
  readonly isLost: boolean;
  /** Until it arrives, or until the caller hears of its loss. */
  readonly delayMicros: Micros;
}

/** labrpc: a short sleep of `rand % 27` ms, and then `rand % 1000 < 100` loses the request. */
export function labRequest(random: Prng, lab: LabSettings): LabFate {
  if (!lab.unreliable) return { isLost: false, delayMicros: 0 };
  const delayMicros = random.below(27) * MILLIS;
  return { isLost: random.below(1000) < 100, delayMicros };
}

/**
 * labrpc: `rand % 1000 < 100` loses the reply, at once; else, with long reordering,
 * `rand % 900 < 600` delays it by `200 + rand(1 + rand(2000))` ms.
 */
export function labReply(random: Prng, lab: LabSettings): LabFate {
  if (lab.unreliable && random.below(1000) < 100) return { isLost: true, delayMicros: 0 };
  if (!lab.longReordering || random.below(900) >= 600) return { isLost: false, delayMicros: 0 };
  const millis = 200 + random.below(1 + random.below(2000));
  return { isLost: false, delayMicros: millis * MILLIS };
}

/** labrpc: how long a call over a link that is down waits before it fails. */
export function labDown(random: Prng, lab: LabSettings): LabFate {
  const millis = random.below(lab.longDelays ? 7000 : 100);
  return { isLost: true, delayMicros: millis * MILLIS };
}
