/**
 * Files that are there whole or not at all: written under another name, synced, renamed, and the
 * directory synced too, without which the rename may be lost.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The temporary files of `writeFileAtomic` end so; whoever owns the directory may remove them. */
export const TEMPORARY_SUFFIX = '.atomic.tmp';

/**
 * Makes `path` hold exactly the bytes of `chunks`, durably; what it held before stays until then.
 * Leaves nothing behind if it throws (the operating system's own error).
 */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const name = `.${basename(path)}-${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`;
  const temporary = join(dirname(path), name);
  const fd = openSync(temporary, 'wx');
  let isOpen = true;
  try {
    for (const chunk of chunks) writeWhole(fd, chunk);
    fsyncSync(fd);
    isOpen = false;
    closeSync(fd);
    renameSync(temporary, path);
  } catch (error) {
    if (isOpen) closeSync(fd);
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes what was created, renamed or removed in a directory durable. */
export function syncDirectory(path: string): void {
  // Windows cannot open a directory, and needs no such sync.
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done);
}
