/**
 * Who is where: the names of all actors and endpoints of a system, the thread that each lives in
 * and its incarnation. One shared table that only the main thread writes and every thread reads,
 * so that a new actor needs no announcement: whoever meets an unknown id or name looks it up.
 */
import type { Address } from '../../actors/ports.js';

/** As many actors and endpoints as one system can have had; ids are never reused. */
export const MAX_ADDRESSES = 256;
const NAME_BYTES_MAX = 112;
const ENTRY_WORDS = 32;
const THREAD = 0;
const INCARNATION = 1;
const NAME_LENGTH = 2;
const NAME_WORD = 4;
/** The thread of a name that nobody bears at present. */
export const NOWHERE = -1;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class Directory {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #idsByName = new Map<Address, number>();
  readonly #namesById: (Address | undefined)[] = [];
  /** Names with smaller ids are all in `#idsByName`. */
  #scanned = 0;

  /** A new directory, or a thread's view of one. */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(4 + MAX_ADDRESSES * ENTRY_WORDS * 4);
    this.#words = new Int32Array(this.buffer);
    this.#bytes = new Uint8Array(this.buffer);
  }

  /** How many names there are; ids are 0 … size - 1. */
  get size(): number {
    return Atomics.load(this.#words, 0);
  }

  /**
   * Main thread only: gives a new name an id, or returns the one it has. It is nowhere at first.
   */
  register(name: Address): number {
    const known = this.idOf(name);
    if (known !== undefined) return known;
    const bytes = encoder.encode(name);
    if (bytes.byteLength === 0 || bytes.byteLength > NAME_BYTES_MAX) {
      throw new RangeError(`an actor's name must have 1 … ${NAME_BYTES_MAX} bytes: '${name}'`);
    }
    const id = this.size;
    if (id === MAX_ADDRESSES) throw new RangeError(`a system has at most ${MAX_ADDRESSES} names`);
    const at = entryAt(id);
    this.#words[at + THREAD] = NOWHERE;
    this.#words[at + NAME_LENGTH] = bytes.byteLength;
    this.#bytes.set(bytes, (at + NAME_WORD) * 4);
    Atomics.store(this.#words, 0, id + 1);
    return id;
  }

  /** Main thread only: says where a name lives now, and in which life. */
  place(id: number, thread: number, incarnation: number): void {
    Atomics.store(this.#words, entryAt(id) + INCARNATION, incarnation);
    Atomics.store(this.#words, entryAt(id) + THREAD, thread);
  }

  idOf(name: Address): number | undefined {
    const known = this.#idsByName.get(name);
    if (known !== undefined) return known;
    for (; this.#scanned < this.size; this.#scanned++) this.nameOf(this.#scanned);
    return this.#idsByName.get(name);
  }

  /** The name of an id; throws on an id that was never given. */
  nameOf(id: number): Address {
    const known = this.#namesById[id];
    if (known !== undefined) return known;
    if (id >= this.size) throw new RangeError(`no actor has the id ${id}`);
    const at = entryAt(id);
    const start = (at + NAME_WORD) * 4;
    // A copy, because TextDecoder refuses views of shared memory.
    const bytes = this.#bytes.slice(start, start + (this.#words[at + NAME_LENGTH] as number));
    const name = decoder.decode(bytes);
    this.#namesById[id] = name;
    this.#idsByName.set(name, id);
    return name;
  }

  /** All names, in the order of their ids. */
  names(): Address[] {
    return Array.from({ length: this.size }, (_, id) => this.nameOf(id));
  }

  /** The thread a name lives in, or `NOWHERE`. */
  threadOf(id: number): number {
    return this.#words[entryAt(id) + THREAD] as number;
  }

  incarnationOf(id: number): number {
    return this.#words[entryAt(id) + INCARNATION] as number;
  }
}

function entryAt(id: number): number {
  return 1 + id * ENTRY_WORDS;
}
