/**
 * The only source of chance: xoshiro128** (Blackman and Vigna), 32-bit operations only, so that a
 * seed gives the same numbers on every machine. A stream is named: taking one away, or drawing
 * more from it, shifts no other stream, which is what makes a failing run reducible.
 */
import type { RandomPort } from '../../actors/ports.js';

/** A 64-bit seed. A string is a whole number, decimal or `0x…`; negative ones wrap to 64 bits. */
export type Seed = number | bigint | string;

/** Told of each raw draw, for a trace hash. */
export type DrawTap = (value: number) => void;

const TWO_32 = 2 ** 32;
const ONE_MILLION = 1_000_000;
/** ln 2 · 2^32, rounded. */
const LN_2 = 2_977_044_472;
/**
 * `Q[k] = Σ (ln 2)^i / i!` for i = 1 … k+1, in units of 2^-32 (Knuth, TAOCP 3.4.1, Algorithm S).
 * Written out, because `Math.log` differs between machines.
 */
const EXPONENTIAL_Q = [
  2_977_044_472, 4_008_809_463, 4_247_197_794, 4_288_507_344, 4_294_234_064, 4_294_895_641,
  4_294_961_151, 4_294_966_827, 4_294_967_264, 4_294_967_294,
];

/** The seed as an unsigned 64-bit integer. Throws when it is not a whole number. */
export function parseSeed(seed: Seed): bigint {
  if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
    throw new RangeError(`a seed must be a whole number below 2^53, not ${seed}`);
  }
  if (typeof seed === 'string' && !/^(-?\d{1,20}|0x[0-9a-f]{1,16})$/i.test(seed)) {
    throw new RangeError(`a seed must be a whole number of at most 64 bits, not '${seed}'`);
  }
  return BigInt.asUintN(64, BigInt(seed));
}

/** The stream of that name under that seed, from its start. */
export function stream(seed: Seed, name: string, tap?: DrawTap): Prng {
  let state = parseSeed(seed) ^ hashName(name);
  const words: number[] = [];
  while (words.length < 4) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    const mixed = splitmix(state);
    words.push(Number(mixed & 0xffffffffn), Number(mixed >> 32n));
  }
  return new Prng(words as [number, number, number, number], tap);
}

export class Prng implements RandomPort {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #tap: DrawTap | undefined;

  /** `words` must not all be zero. Use `stream()` unless you have state of your own. */
  constructor(words: readonly [number, number, number, number], tap?: DrawTap) {
    [this.#a, this.#b, this.#c, this.#d] = words;
    this.#tap = tap;
  }

  /**
   * Starts over from a key and a counter: what is drawn next depends on these only. One generator
   * so serves many streams with random access.
   */
  seek(key0: number, key1: number, counter: number): void {
    const low = counter >>> 0;
    const high = Math.floor(counter / TWO_32) >>> 0;
    this.#a = mix32(key0 ^ mix32(low));
    this.#b = mix32(key1 ^ this.#a ^ high);
    this.#c = mix32(this.#b + 0x9e3779b9);
    this.#d = mix32(this.#c ^ key0) | 1;
  }

  /** An unsigned 32-bit integer. */
  uint32(): number {
    const product = Math.imul(this.#b, 5);
    const value = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    if (this.#tap !== undefined) this.#tap(value);
    return value;
  }

  /** Uniform in 0 … n-1, without bias; n is 1 … 2^32. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) {
      throw new RangeError(`below(n): n must be a whole number of 1 … 2^32, not ${n}`);
    }
    const limit = TWO_32 - (TWO_32 % n);
    for (;;) {
      const value = this.uint32();
      if (value < limit) return value % n;
    }
  }

  /** True with probability numerator/denominator; the denominator is a million by default. */
  chance(numerator: number, denominator: number = ONE_MILLION): boolean {
    return this.below(denominator) < numerator;
  }

  /** Uniform whole number in min … max, both included; at most 2^32 values. */
  uniform(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  /** Exponentially distributed whole number, rounded down, with the given mean before rounding. */
  exponential(mean: number): number {
    let halvings = 0;
    while (this.uint32() >= TWO_32 / 2) halvings++;
    let fraction = this.uint32();
    if (fraction >= LN_2) {
      let k = 1;
      let smallest = Math.min(this.uint32(), this.uint32());
      while (fraction >= (EXPONENTIAL_Q[k] ?? TWO_32)) {
        smallest = Math.min(smallest, this.uint32());
        k++;
      }
      fraction = (smallest * LN_2) / TWO_32;
    }
    return Math.floor((mean * (halvings * LN_2 + fraction)) / TWO_32);
  }

  /** A random element. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [result[last], result[other]] = [result[other] as T, result[last] as T];
    }
    return result;
  }
}

function splitmix(state: bigint): bigint {
  let z = state;
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** FNV-1a, 64 bits, over the UTF-16 units, then mixed: similar names give unrelated streams. */
function hashName(name: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < name.length; i++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(name.charCodeAt(i))) * 0x100000001b3n);
  }
  return splitmix(hash);
}

/** MurmurHash3's finaliser: every input bit changes every output bit with probability one half. */
function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
