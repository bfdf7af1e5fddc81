/**
 * Messages and records as positional msgpack arrays: `[kind, term, …]`. No records and no shared
 * structures: a hostile message can replace a decoder's shared structures for good (msgpackr), and
 * positions are smaller and faster. msgpackr's build without `eval` works in a page with a strict
 * content-security policy.
 */
import { Packr } from 'msgpackr/index-no-eval';

const packr = new Packr({ useRecords: false, variableMapSize: true });

/** Plain data that survives the wire; `undefined` becomes null. */
export type Encodable =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Encodable[]
  | { readonly [key: string]: Encodable };

/**
 * Encodes into a buffer of its own (msgpackr packs into a shared pool, which must not leak out).
 */
export function encode(value: Encodable): Uint8Array {
  const view = packr.pack(value);
  return new Uint8Array(view);
}

/**
 * Decodes what `encode` made. Binary fields are views of `bytes`. Throws on what is no MessagePack;
 * what is, may be anything, so check it. No bytes change how later ones are decoded.
 */
export function decode(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
