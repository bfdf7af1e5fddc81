/**
 * One process at a time. A process is told by its id, the time it started and the boot of the
 * machine, so that an id that is in use again is not taken for the process that died.
 *
 * Every holder has a lock file of its own name. Who wants the lock publishes its file first and
 * then looks for others: of two that start at once, at least one sees the other and gives way, so
 * never two hold it (both may give way). A file of a process that is gone is removed at once.
 *
 * Limits: processes that cannot see each other (other machines, other process namespaces) are not
 * kept apart; without /proc, an id that is in use again counts as the process that died.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConclaveError } from '../errors.js';

interface Owner {
  readonly pid: number;
  /** In clock ticks since the boot; null where there is no /proc. */
  readonly startTime: string | null;
  /** Null where there is no /proc. */
  readonly bootId: string | null;
}

const LOCK_NAME = /^lock-\d+-[0-9a-f]+$/;
const UNPUBLISHED = /^new-lock-/;

/** Whether a directory's entry belongs to its lock. */
export function isLockName(name: string): boolean {
  return LOCK_NAME.test(name) || UNPUBLISHED.test(name);
}

/**
 * Takes the lock of an existing directory and returns what releases it. Throws `DATA_LOCKED` if a
 * living process holds it, this one included.
 */
export function lockDirectory(directory: string): () => void {
  const name = `lock-${process.pid}-${randomBytes(8).toString('hex')}`;
  const path = join(directory, name);
  publish(directory, name, { ...ownerOf(process.pid), pid: process.pid });
  const release = () => rmSync(path, { force: true });
  try {
    for (const other of readdirSync(directory)) {
      if (!LOCK_NAME.test(other) || other === name) continue;
      refuseIfAlive(directory, readOwner(join(directory, other)));
      rmSync(join(directory, other), { force: true });
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/** A lock file appears whole: whoever reads half of one would take its owner for dead. */
function publish(directory: string, name: string, owner: Owner): void {
  const unpublished = join(directory, `new-${name}`);
  writeFileSync(unpublished, `${JSON.stringify(owner)}\n`);
  renameSync(unpublished, join(directory, name));
}

function refuseIfAlive(directory: string, owner: Owner | undefined): void {
  if (owner === undefined || !isAlive(owner)) return;
  const who =
    owner.pid === process.pid
      ? 'this process; close the system that has it'
      : `process ${owner.pid}; stop it`;
  throw new ConclaveError(
    'DATA_LOCKED',
    `${directory} is in use by ${who}, or use another directory`,
  );
}

/** Undefined: no process wrote this, or it has been released in the meantime. */
function readOwner(path: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Partial<Owner> | null;
    const { pid, startTime, bootId } = owner ?? {};
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined;
    return { pid: pid as number, startTime: startTime ?? null, bootId: bootId ?? null };
  } catch {
    return undefined;
  }
}

function isAlive(owner: Owner): boolean {
  const now = ownerOf(owner.pid);
  if (owner.bootId !== null && now.bootId !== null) {
    return owner.bootId === now.bootId && owner.startTime === now.startTime;
  }
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process that has this id now; its start time is null if there is none, or no /proc. */
function ownerOf(pid: number): Owner {
  return { pid, startTime: startTimeOf(pid), bootId: readText('/proc/sys/kernel/random/boot_id') };
}

function startTimeOf(pid: number): string | null {
  // "pid (name) state …": the name may hold anything, so count from its last parenthesis.
  const fields = readText(`/proc/${pid}/stat`)
    ?.replace(/^.*\)\s*/s, '')
    .split(/\s+/);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  // A zombie has let go of all that it held, and only waits for its parent to notice.
  if (state === undefined || state === 'Z' || state === 'X') return null;
  return startTime ?? null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
