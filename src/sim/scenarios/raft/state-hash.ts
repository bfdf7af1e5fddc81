/** Hashes of entries and states: FNV-1a over bytes, in 32 bits. */

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

export function hashBytes(bytes: Uint8Array, start = OFFSET): number {
  let hash = start;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] as number), PRIME);
  return hash >>> 0;
}

/** The state after one more entry. */
export function foldEntry(state: number, index: number, command: Uint8Array | null): number {
  const placed = Math.imul(state ^ index, PRIME) >>> 0;
  return command === null ? placed : hashBytes(command, placed);
}
