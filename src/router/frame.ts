/**
 * Envelopes on the wire between threads: many frames packed into one buffer, one buffer for each
 * (turn, destination thread). A frame is six little-endian words and the payload, padded to four
 * bytes:
 *
 *     payload length | from id << 16 | to id … | kind, flags, incarnation |
 *     correlation (two words) | delay µs
 *
 * Names and kinds are small integers here; the directory and the kind table give them back.
 */
import { codeOfKind, kindOfCode, type MessageKind } from '../../actors/message-kinds.js';
import type { Micros, Rpc } from '../../actors/ports.js';
import { payloadBytes } from './payload.js';

const HEADER_WORDS = 6;
const TWO_32 = 2 ** 32;
/** A delay fits one unsigned word: 71 minutes. Longer ones, of a choked link, are cut to it. */
const DELAY_MICROS_MAX = TWO_32 - 1;
export const FRAME_HEADER_BYTES = HEADER_WORDS * 4;
const FIRST_CAPACITY_BYTES = 64 * 1024;
/** A packer that grew beyond this for one big message gives the memory back. */
const KEPT_CAPACITY_BYTES = 1024 * 1024;

const RPCS: readonly Rpc[] = ['none', 'request', 'reply'];
const RPC_MASK = 0b11;
/** The frame carries no message: it tells a requester that its request or the reply was lost. */
const LOST_FLAG = 0b100;
const IN_ORDER_FLAG = 0b1000;

/** What is in a frame beside the payload. */
export interface FrameHeader {
  readonly from: number;
  readonly to: number;
  readonly kind: MessageKind;
  readonly rpc: Rpc;
  /** A notice of loss in place of a message (networks that report losses; see `presets.ts`). */
  readonly lost: boolean;
  /** It must not overtake what was sent before it on its link. */
  readonly inOrder: boolean;
  /** Modulo 2^16. */
  readonly incarnation: number;
  /** Unsigned, below 2^53. */
  readonly correlation: number;
  /** How long the receiver's host holds the message before it delivers it. */
  readonly delayMicros: Micros;
}

/** Gathers the frames of a turn for one destination. */
export class FramePacker {
  #words = new Int32Array(FIRST_CAPACITY_BYTES / 4);
  #bytes = new Uint8Array(this.#words.buffer);
  #used = 0;

  get sizeBytes(): number {
    return this.#used;
  }

  add(header: FrameHeader, payload: Uint8Array | readonly Uint8Array[]): void {
    const length = payloadBytes(payload);
    const start = this.#used;
    const end = start + FRAME_HEADER_BYTES + ((length + 3) & ~3);
    if (end > this.#bytes.byteLength) this.#grow(end);
    const words = this.#words;
    const at = start >> 2;
    words[at] = length;
    words[at + 1] = (header.from << 16) | header.to;
    words[at + 2] =
      codeOfKind(header.kind) |
      ((header.rpc === 'none' ? 0 : header.rpc === 'request' ? 1 : 2) << 8) |
      (header.lost ? LOST_FLAG << 8 : 0) |
      (header.inOrder ? IN_ORDER_FLAG << 8 : 0) |
      (header.incarnation << 16);
    words[at + 3] = header.correlation;
    words[at + 4] = header.correlation / TWO_32;
    words[at + 5] = Math.min(header.delayMicros, DELAY_MICROS_MAX);
    this.#copy(payload, start + FRAME_HEADER_BYTES);
    this.#used = end;
  }

  /**
   * The gathered frames in a buffer of their own, which may be transferred; the packer is empty
   * again.
   */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#used);
    this.#used = 0;
    if (this.#bytes.byteLength > KEPT_CAPACITY_BYTES) {
      this.#words = new Int32Array(FIRST_CAPACITY_BYTES / 4);
      this.#bytes = new Uint8Array(this.#words.buffer);
    }
    return taken;
  }

  #copy(payload: Uint8Array | readonly Uint8Array[], start: number): void {
    if (payload instanceof Uint8Array) {
      this.#bytes.set(payload, start);
      return;
    }
    let at = start;
    for (const part of payload) {
      this.#bytes.set(part, at);
      at += part.byteLength;
    }
  }

  #grow(needed: number): void {
    let capacity = this.#bytes.byteLength * 2;
    while (capacity < needed) capacity *= 2;
    const words = new Int32Array(capacity / 4);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(this.#bytes.subarray(0, this.#used));
    this.#words = words;
    this.#bytes = bytes;
  }
}

/** Calls `deliver` for each frame of a packed buffer, in order. Payloads are views of `packed`. */
export function unpackFrames(
  packed: Uint8Array,
  deliver: (header: FrameHeader, payload: Uint8Array) => void,
): void {
  const words = new Int32Array(packed.buffer, packed.byteOffset, packed.byteLength >> 2);
  let start = 0;
  while (start < packed.byteLength) {
    const at = start >> 2;
    const length = words[at] as number;
    const route = words[at + 1] as number;
    const what = words[at + 2] as number;
    const flags = (what >>> 8) & 0xff;
    const body = start + FRAME_HEADER_BYTES;
    deliver(
      {
        from: route >>> 16,
        to: route & 0xffff,
        kind: kindOfCode(what & 0xff),
        rpc: RPCS[flags & RPC_MASK] as Rpc,
        lost: (flags & LOST_FLAG) !== 0,
        inOrder: (flags & IN_ORDER_FLAG) !== 0,
        incarnation: what >>> 16,
        correlation: ((words[at + 3] as number) >>> 0) + (words[at + 4] as number) * TWO_32,
        delayMicros: (words[at + 5] as number) >>> 0,
      },
      packed.subarray(body, body + length),
    );
    start = body + ((length + 3) & ~3);
  }
}
