/**
 * Which output file a key belongs to. All workers must agree for ever, whatever their locale or
 * age, so this is part of the file format: FNV-1a 32 over the key's UTF-8 bytes, `& 0x7fffffff`,
 * modulo the number of partitions; or, for sorted output, the range between sampled boundaries.
 */
import type { Partitioning } from '../../machines/mapreduce/job-spec.js';
import { compareBytes } from './key-order.js';

export const FNV_OFFSET = 0x811c9dc5 | 0;
export const FNV_PRIME = 0x01000193;

/** FNV-1a 32 of `bytes[start, end)`, as a signed integer. */
export function fnv1a(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
  return hash;
}

/** The partition, 0 to `partitions` - 1, of a key with this hash. */
export function partitionOfHash(hash: number, partitions: number): number {
  return (hash & 0x7fffffff) % partitions;
}

/**
 * The range that the key falls into: the number of boundaries that are not greater than it.
 * `boundaries` ascend; n of them make n + 1 partitions.
 */
export function partitionOfRange(
  boundaries: readonly Uint8Array[],
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const boundary = boundaries[middle] as Uint8Array;
    if (compareBytes(boundary, 0, boundary.length, bytes, start, end) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `text` is the key as a string where that is at hand. Returns 0 to `reduces` - 1. */
export type Partitioner = (
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string | undefined,
) => number;

/** Sampled ranges if the job has them, else the app's own `partition`, else the hash. */
export function makePartitioner(
  job: { readonly reduces: number; readonly partitioning: Partitioning },
  app: { readonly partition?: (key: string, partitions: number) => number },
): Partitioner {
  const { reduces, partitioning } = job;
  if (partitioning.type === 'ranges') {
    const boundaries = partitioning.bounds.map((bound) => Buffer.from(bound));
    return (bytes, start, end) => partitionOfRange(boundaries, bytes, start, end);
  }
  const { partition } = app;
  if (partition === undefined) {
    return (bytes, start, end) => partitionOfHash(fnv1a(bytes, start, end), reduces);
  }
  return (bytes, start, end, text) => {
    const key = text ?? Buffer.from(bytes.subarray(start, end)).toString();
    const chosen = partition(key, reduces);
    if (Number.isInteger(chosen) && chosen >= 0 && chosen < reduces) return chosen;
    throw new RangeError(
      `partition(${JSON.stringify(key)}, ${reduces}) returned ${String(chosen)}; it must be an ` +
        `integer from 0 to ${reduces - 1}`,
    );
  };
}
