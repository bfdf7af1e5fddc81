/** What a link can be told to do: the vocabulary of the network, shared by all hosts. */
import type { Micros } from '../../actors/ports.js';

/** How long a message takes beyond the host's own time. All times in whole microseconds. */
export type Delay =
  | { readonly kind: 'none' }
  | { readonly kind: 'constant'; readonly micros: Micros }
  /** Both ends included. */
  | { readonly kind: 'uniform'; readonly minMicros: Micros; readonly maxMicros: Micros }
  /** `minMicros` plus an exponential of that mean, together at most `maxMicros`. */
  | {
      readonly kind: 'exponential';
      readonly minMicros: Micros;
      readonly meanMicros: Micros;
      readonly maxMicros: Micros;
    };

/** One direction between two actors. Probabilities are parts per million. */
export interface LinkSettings {
  readonly dropPpm: number;
  readonly duplicatePpm: number;
  /** A copy comes up to this much later than a second draw of the delay would have it. */
  readonly duplicateSpreadMicros: Micros;
  readonly delay: Delay;
  /** This share of the messages takes a uniform 0 … `tailMicros` longer. */
  readonly tailPpm: number;
  readonly tailMicros: Micros;
  /** False: messages arrive in the order sent (copies excepted), as on a TCP connection. */
  readonly reorder: boolean;
  /** Messages queue for the wire; 0 is unlimited. */
  readonly bytesPerSecond: number;
  /** The labs' network (`presets.ts`), instead of all the above but `bytesPerSecond`. */
  readonly lab: LabSettings | undefined;
}

/** The three switches of the labs' network; each is a feature of requests, replies or cuts. */
export interface LabSettings {
  readonly unreliable: boolean;
  readonly longReordering: boolean;
  readonly longDelays: boolean;
}

/** A link that only delivers. */
export const PLAIN_LINK: LinkSettings = Object.freeze({
  dropPpm: 0,
  duplicatePpm: 0,
  duplicateSpreadMicros: 0,
  delay: Object.freeze({ kind: 'none' }),
  tailPpm: 0,
  tailMicros: 0,
  reorder: false,
  bytesPerSecond: 0,
  lab: undefined,
} as const);
