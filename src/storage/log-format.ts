/**
 * The bytes of a log on disk, and the rule that tells a torn tail from damage. Pure: disk and
 * simulator share it.
 *
 * A log is a row of segment files. A segment is preallocated with zeros, begins with one sector of
 * header, and holds batches: what one turn wrote with one write and one sync. All integers are
 * little-endian.
 *
 *     segment  magic 8 · version 4 · number 4 · first sequence 8 · log id 8 · capacity 4 · 0… ·
 *              crc 4
 *     batch    magic 4 · length 4 · first sequence 8 · record count 4 · body crc 4 · header crc 4
 *              then `length` bytes: (record length 4 · record)…, and 1 to 8 bytes 0xA5 that bring
 *              the end of the batch to a multiple of 8
 *
 * Differs from a checksum per record: a batch is acknowledged as a whole, so it is checked as a
 * whole, and a turn of a thousand records costs one checksum call. The header's checksum starts
 * from the log's id, the segment's number and the batch's offset: a batch of another log, of an
 * earlier use of the file or of another place never passes.
 *
 * The rule. A batch is written only after the sync of the one before has returned, and a segment
 * gets its name only after its first batch is synced. So a crash can hurt one batch only: the last
 * of the last segment; and each of its 512-byte sectors is either written or still zero, or the
 * batch is cut at some byte and zero from there. Where no valid batch begins, and not all that
 * follows is zero, the tail is *torn* only if one write cut short explains it:
 *
 * - the header is sound, nothing follows the batch, and its last byte (never zero) is missing or
 *   one of its sectors is all zero; or
 * - the header is lost: its first byte is zero, or its part in the second of two sectors is, or
 *   the file holds nothing beyond it; and no sound header of a batch follows, and nothing lies
 *   further on than one batch can reach.
 *
 * Everything else is damage: what had been synced is broken, and cutting it would lose it. Bits
 * that rot in the last batch are thereby told from a torn write too, except where its payload has
 * a whole sector of zeros, or where rot turned a whole sector into zeros.
 */
import { RECORD_BYTES_MAX } from './actor-log.js';
import type { Crc32 } from './crc32.js';

export const FORMAT_VERSION = 1;
export const SECTOR_BYTES = 512;
export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
export const BATCH_HEADER_BYTES = 28;
export const RECORD_HEADER_BYTES = 4;
/** A batch's `length` is at most this; a turn that writes more is cut into several batches. */
export const BODY_BYTES_MAX = 2 * RECORD_BYTES_MAX;
export const LOG_ID_BYTES = 8;

/** "CONCLOG" and a byte that a transfer as text would spoil. */
const SEGMENT_MAGIC = Uint8Array.of(0x43, 0x4f, 0x4e, 0x43, 0x4c, 0x4f, 0x47, 0x8a);
/** Its first byte on disk, 0xC5, is not one flipped bit away from zero. */
const BATCH_MAGIC = 0x1d6ba7c5;
const TRAILER = 0xa5;
const ALIGNMENT = 8;

export interface SegmentHeader {
  /** 1 for the first segment of a log, one more for each; equals the number in the file's name. */
  readonly number: number;
  /** The sequence of the first record that the segment holds or will hold. */
  readonly firstSequence: number;
  /** Random, the same in all segments of a log. */
  readonly logId: Uint8Array;
  /** Bytes that the segment may fill, its header included. */
  readonly capacityBytes: number;
}

export interface BatchHeader {
  readonly firstSequence: number;
  readonly recordCount: number;
  /** Bytes after the header: records and trailer. */
  readonly length: number;
  readonly bodyCrc: number;
}

/** Where a batch stands; enters its checksum. */
export interface BatchPlace {
  /** `segmentSeed()` of its segment. */
  readonly seed: number;
  /** Offset in the segment file. */
  readonly offset: number;
}

export function encodeSegmentHeader(header: SegmentHeader, crc: Crc32): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(SEGMENT_MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, header.number, true);
  setUint53(view, 16, header.firstSequence);
  bytes.set(header.logId, 24);
  view.setUint32(32, header.capacityBytes, true);
  const crcAt = SEGMENT_HEADER_BYTES - 4;
  view.setUint32(crcAt, crc(bytes.subarray(0, crcAt)), true);
  return bytes;
}

/**
 * Reads a segment's header; `damaged`, or `version` for a sound one of another version. Magic,
 * version and checksum keep their places in every version.
 */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  crc: Crc32,
): SegmentHeader | 'damaged' | 'version' {
  const view = viewOf(bytes);
  const crcAt = SEGMENT_HEADER_BYTES - 4;
  if (SEGMENT_MAGIC.some((byte, at) => bytes[at] !== byte)) return 'damaged';
  if (view.getUint32(crcAt, true) !== crc(bytes.subarray(0, crcAt))) return 'damaged';
  if (view.getUint32(8, true) !== FORMAT_VERSION) return 'version';
  return {
    number: view.getUint32(12, true),
    firstSequence: getUint53(view, 16),
    logId: bytes.slice(24, 24 + LOG_ID_BYTES),
    capacityBytes: view.getUint32(32, true),
  };
}

/** What the checksums of all batches of a segment start from. */
export function segmentSeed(header: SegmentHeader, crc: Crc32): number {
  const number = new Uint8Array(4);
  viewOf(number).setUint32(0, header.number, true);
  return crc(number, crc(header.logId));
}

/** The bytes of a batch on disk whose records, with their lengths, take `recordsBytes`. */
export function batchBytes(recordsBytes: number): number {
  const bare = BATCH_HEADER_BYTES + recordsBytes;
  return bare + ALIGNMENT - (bare % ALIGNMENT);
}

/**
 * Completes a batch in place: `bytes` has room for the header, then the records, and is exactly
 * `batchBytes()` long.
 */
export function sealBatch(
  bytes: Uint8Array,
  batch: BatchPlace & { recordsBytes: number; firstSequence: number; recordCount: number },
  crc: Crc32,
): void {
  const view = viewOf(bytes);
  bytes.fill(TRAILER, BATCH_HEADER_BYTES + batch.recordsBytes);
  view.setUint32(0, BATCH_MAGIC, true);
  view.setUint32(4, bytes.length - BATCH_HEADER_BYTES, true);
  setUint53(view, 8, batch.firstSequence);
  view.setUint32(16, batch.recordCount, true);
  view.setUint32(20, crc(bytes.subarray(BATCH_HEADER_BYTES)), true);
  view.setUint32(24, headerCrc(bytes, 0, batch, crc), true);
}

/** The header at `at` of `bytes`, or undefined if there is no sound one that belongs there. */
export function readBatchHeader(
  bytes: Uint8Array,
  at: number,
  place: BatchPlace,
  crc: Crc32,
): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(at, true) !== BATCH_MAGIC) return undefined;
  if (view.getUint32(at + 24, true) !== headerCrc(bytes, at, place, crc)) return undefined;
  const length = view.getUint32(at + 4, true);
  if (length === 0 || length > BODY_BYTES_MAX + ALIGNMENT) return undefined;
  return {
    length,
    firstSequence: getUint53(view, at + 8),
    recordCount: view.getUint32(at + 16, true),
    bodyCrc: view.getUint32(at + 20, true),
  };
}

/**
 * The records in a body whose checksum is right, as views of it; undefined if their lengths do not
 * fill it exactly, which a sound writer never leaves.
 */
export function splitBody(body: Uint8Array, recordCount: number): Uint8Array[] | undefined {
  const view = viewOf(body);
  const records: Uint8Array[] = [];
  let at = 0;
  for (let n = 0; n < recordCount; n++) {
    if (at + RECORD_HEADER_BYTES > body.length) return undefined;
    const length = view.getUint32(at, true);
    at += RECORD_HEADER_BYTES;
    if (length > RECORD_BYTES_MAX || at + length > body.length) return undefined;
    records.push(body.subarray(at, at + length));
    at += length;
  }
  const rest = body.length - at;
  return rest >= 1 && rest <= ALIGNMENT ? records : undefined;
}

/** The end of a segment, where no valid batch begins. */
export interface Tail extends BatchPlace {
  /** From `offset` to the last byte of the file that is not zero; not empty. */
  readonly bytes: Uint8Array;
}

/**
 * Applies the rule of this file's header to the end of the last segment. Undefined: the tail is
 * torn and may be cut; a text says why it is damage.
 */
export function damageOfTail(tail: Tail, crc: Crc32): string | undefined {
  const { bytes, offset } = tail;
  const header = readBatchHeader(padded(bytes), 0, tail, crc);
  if (header !== undefined) {
    const end = BATCH_HEADER_BYTES + header.length;
    if (bytes.length > end) return 'a batch fails its checksum, and more follows it';
    // `bytes` ends with its last byte that is not zero, and a batch's last byte is not zero.
    if (bytes.length < end || hasZeroSector(bytes, offset)) return undefined;
    return 'a batch fails its checksum, and no torn write explains it';
  }
  if (bytes.length > BATCH_HEADER_BYTES + BODY_BYTES_MAX + ALIGNMENT) {
    return 'there is data further after the end than one write reaches';
  }
  if (!isHeaderLost(bytes, offset)) return 'the header of a batch is damaged';
  if (hasLaterHeader(tail, crc)) return 'no batch begins here, yet one follows';
  return undefined;
}

/** A header can lose its bytes to a torn write only in the ways that the rule lists. */
function isHeaderLost(bytes: Uint8Array, offset: number): boolean {
  if (bytes[0] === 0 || bytes.length < BATCH_HEADER_BYTES) return true;
  const boundary = SECTOR_BYTES - (offset % SECTOR_BYTES);
  return boundary < BATCH_HEADER_BYTES && isZero(bytes, boundary, BATCH_HEADER_BYTES);
}

function hasLaterHeader({ bytes, seed, offset }: Tail, crc: Crc32): boolean {
  for (let at = ALIGNMENT; at + BATCH_HEADER_BYTES <= bytes.length; at += ALIGNMENT) {
    if (bytes[at] !== (BATCH_MAGIC & 0xff)) continue;
    if (readBatchHeader(bytes, at, { seed, offset: offset + at }, crc) !== undefined) return true;
  }
  return false;
}

function hasZeroSector(bytes: Uint8Array, offset: number): boolean {
  let from = 0;
  while (from < bytes.length) {
    const to = Math.min(bytes.length, from + SECTOR_BYTES - ((offset + from) % SECTOR_BYTES));
    if (isZero(bytes, from, to)) return true;
    from = to;
  }
  return false;
}

/** Whether all bytes of [from, to) are zero. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** A header that the end of the file or a run of zeros cuts short reads as if zeros followed. */
function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= BATCH_HEADER_BYTES) return bytes;
  const whole = new Uint8Array(BATCH_HEADER_BYTES);
  whole.set(bytes);
  return whole;
}

/** A CRC is a bijection of what it starts from, so mixing in the offset loses nothing. */
function headerCrc(bytes: Uint8Array, at: number, place: BatchPlace, crc: Crc32): number {
  return crc(bytes.subarray(at + 4, at + 24), (place.seed ^ place.offset) >>> 0);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Integers up to 2^53, in 8 bytes. */
function setUint53(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getUint53(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
