/**
 * Files in two layers, for the simulated disk: the cache, which reads and writes see, and the
 * platter, which a power failure leaves. A sync carries the one to the other.
 */
import type { Prng } from '../random/prng.js';
import { SECTOR_BYTES } from './log-format.js';

/** A directory in the cache and on the platter. */
export class Directory {
  #cache = new Map<string, Image>();
  #platter = new Map<string, Image>();
  /** Not synced yet, in order; an undefined image is a removal. */
  #changes: { readonly name: string; readonly image: Image | undefined }[] = [];

  names(): string[] {
    return [...this.#cache.keys()].sort();
  }

  find(name: string): Image {
    const image = this.#cache.get(name);
    if (image === undefined) throw new Error(`no file ${name}`);
    return image;
  }

  change(change: { readonly name: string; readonly image: Image | undefined }): void {
    apply(this.#cache, change);
    this.#changes.push(change);
  }

  sync(): void {
    for (const change of this.#changes) apply(this.#platter, change);
    this.#changes = [];
  }

  loseChanges(random: Prng): void {
    for (const change of this.#changes) if (random.below(2) === 0) apply(this.#platter, change);
    this.#changes = [];
  }

  losePower(random: Prng): void {
    this.loseChanges(random);
    this.#cache = new Map(this.#platter);
    for (const name of this.names()) this.find(name).losePower(random);
  }
}

function apply(
  names: Map<string, Image>,
  change: { readonly name: string; readonly image: Image | undefined },
): void {
  if (change.image === undefined) names.delete(change.name);
  else names.set(change.name, change.image);
}

/** A file's content in the cache and on the platter. */
export class Image {
  #cache = new Uint8Array(0);
  #platter = new Uint8Array(0);
  /** Not synced yet, in order. */
  #writes: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  get sizeBytes(): number {
    return this.#cache.length;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    bytes.set(this.#cache.subarray(offset, offset + length));
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#cache = written(this.#cache, offset, bytes);
    this.#writes.push({ offset, bytes: bytes.slice() });
  }

  sync(): void {
    for (const { offset, bytes } of this.#writes) this.#carry(offset, bytes);
    this.#writes = [];
  }

  /** A part of what is not synced reaches the platter; the cache goes on showing all of it. */
  loseChanges(random: Prng): void {
    const kind = random.below(3);
    let left = 0;
    for (const { bytes } of this.#writes) left += bytes.length;
    if (kind === 1) left = random.below(left + 1);
    for (const { offset, bytes } of this.#writes) {
      if (kind === 1) this.#carry(offset, bytes.subarray(0, Math.max(0, left)));
      left -= bytes.length;
    }
    if (kind === 2) this.#carrySectors(random);
    this.#writes = [];
  }

  losePower(random: Prng): void {
    this.loseChanges(random);
    this.#cache = this.#platter.slice();
  }

  flip(offset: number, bit: number): void {
    for (const layer of [this.#cache, this.#platter]) {
      if (offset < layer.length) layer[offset] = (layer[offset] as number) ^ (1 << bit);
    }
  }

  #carry(offset: number, bytes: Uint8Array): void {
    this.#platter = written(this.#platter, offset, bytes);
  }

  /** Any subset of the sectors that were written to; a sector goes whole, as the cache has it. */
  #carrySectors(random: Prng): void {
    const sectors = new Set<number>();
    for (const { offset, bytes } of this.#writes) {
      const end = offset + bytes.length;
      for (let at = offset - (offset % SECTOR_BYTES); at < end; at += SECTOR_BYTES) sectors.add(at);
    }
    for (const at of [...sectors].sort((a, b) => a - b)) {
      if (random.below(2) === 0) this.#carry(at, this.#cache.subarray(at, at + SECTOR_BYTES));
    }
  }
}

/** `image` with `bytes` at `offset`, in place where there is room. */
function written(image: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = offset + bytes.length;
  let result = image as Uint8Array<ArrayBuffer>;
  if (end > image.length) {
    // Grows by doubling; the length counts as the file's, and what is beyond the log reads as
    // zeros.
    result = new Uint8Array(Math.max(end, 2 * image.length));
    result.set(image);
  }
  result.set(bytes, offset);
  return result;
}
