/** Messages and records with a payload: the header's length in two bytes, the header, the rest. */
import { MalformedMessage, unpack } from '../codec/fields.js';
import { type Encodable, encode } from '../codec/positional.js';

const HEADER_BYTES_MAX = 0xffff;

export function headerOf(fields: Encodable): Uint8Array {
  const encoded = encode(fields);
  const { byteLength } = encoded;
  if (byteLength > HEADER_BYTES_MAX) throw new RangeError(`a header of ${byteLength} bytes`);
  const header = new Uint8Array(2 + byteLength);
  header[0] = byteLength;
  header[1] = byteLength >>> 8;
  header.set(encoded, 2);
  return header;
}

/** The rest is a view. */
export function splitHeader(bytes: Uint8Array): { fields: unknown; rest: Uint8Array } {
  const end = 2 + ((bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8));
  if (bytes.byteLength < end) throw new MalformedMessage('the header is cut off');
  return { fields: unpack(bytes.subarray(2, end)), rest: bytes.subarray(end) };
}
