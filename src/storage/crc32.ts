/**
 * CRC-32 (IEEE 802.3, the polynomial of zlib) without `node:`, for the simulator and the page. On
 * Node the log is given `zlib.crc32`, which is several times as fast and gives the same numbers.
 */

/** The checksum of `bytes`, continued from `seed` (0, or the checksum of what came before). */
export type Crc32 = (bytes: Uint8Array, seed?: number) => number;

const TABLE = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
    table[byte] = value;
  }
  return table;
}

export const crc32: Crc32 = (bytes, seed = 0) => {
  let crc = ~seed;
  for (let at = 0; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~crc >>> 0;
};
