/** Payloads as senders give them: whole, or in parts that belong together. */

/** The length of a payload in parts. */
export function payloadBytes(payload: Uint8Array | readonly Uint8Array[]): number {
  if (payload instanceof Uint8Array) return payload.byteLength;
  let length = 0;
  for (const part of payload) length += part.byteLength;
  return length;
}

/** A payload in one piece of its own: nothing that the sender does to its parts changes it. */
export function payloadCopy(payload: Uint8Array | readonly Uint8Array[]): Uint8Array {
  if (payload instanceof Uint8Array) return payload.slice();
  const copy = new Uint8Array(payloadBytes(payload));
  let at = 0;
  for (const part of payload) {
    copy.set(part, at);
    at += part.byteLength;
  }
  return copy;
}
