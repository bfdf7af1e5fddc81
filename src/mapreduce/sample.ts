/**
 * Chooses the boundaries of `sort`'s output files, from lines taken at even distances over the
 * whole input: the same input gives the same boundaries.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { ConclaveError, messageOf } from '../errors.js';
import type { InputFile } from './inputs.js';
import { compareStrings } from './key-order.js';

const SAMPLES_PER_PARTITION = 200;
const SAMPLES_MAX = 10_000;
/** A sample is the first line that begins in a block of this size; longer lines count as cut. */
const BLOCK_BYTES = 8192;
const BOUND_UNITS_MAX = 256;
const LINE_FEED = 10;

/** `reduces` - 1 boundaries, ascending by UTF-8 bytes; equal ones leave a file empty. */
export function sampleBounds(inputs: readonly InputFile[], reduces: number): string[] {
  const samples = takeSamples(inputs, Math.min(SAMPLES_MAX, reduces * SAMPLES_PER_PARTITION));
  samples.sort(compareStrings);
  const bounds: string[] = [];
  for (let i = 1; i < reduces; i++) {
    const at = Math.floor((samples.length * i) / reduces);
    bounds.push(samples[at] ?? '');
  }
  return bounds;
}

function takeSamples(inputs: readonly InputFile[], wanted: number): string[] {
  const totalBytes = inputs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const step = Math.max(1, Math.floor(totalBytes / wanted));
  const samples: string[] = [];
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** Where in the current file the next sample is due. */
  let due = 0;
  for (const { file, path, sizeBytes } of inputs) {
    if (due < sizeBytes) {
      try {
        const fd = openSync(path, 'r');
        for (; due < sizeBytes; due += step) {
          const count = readSync(fd, block, 0, BLOCK_BYTES, due);
          const line = firstLine(block.subarray(0, count), due === 0);
          if (line !== undefined) samples.push(line);
        }
        closeSync(fd);
      } catch (cause) {
        throw new ConclaveError('INPUT', `cannot read ${file}: ${messageOf(cause)}`, { cause });
      }
    }
    due -= sizeBytes;
  }
  return samples;
}

/** The first line that begins in the block; undefined when none does. */
function firstLine(block: Buffer, isFileStart: boolean): string | undefined {
  const start = isFileStart ? 0 : block.indexOf(LINE_FEED) + 1;
  if (!isFileStart && start === 0) return undefined;
  if (start >= block.length) return undefined;
  const end = block.indexOf(LINE_FEED, start);
  const line = block.toString('utf8', start, end < 0 ? block.length : end);
  // A pair of surrogates that the cut parts in two would be written as U+FFFD: still a boundary.
  return line.slice(0, BOUND_UNITS_MAX);
}
