/** Runs a program and measures its time from start to end and the memory of all its processes. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MILLIS = 20;

export interface ProcessFigures {
  readonly seconds: number;
  /** Largest sum of the resident memory of the program and all it started, by samples. */
  readonly peakMB: number;
}

/** Throws when the program fails. */
export function measureProcess(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ProcessFigures> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'], signal });
    let peakKB = 0;
    const timer = setInterval(() => {
      if (child.pid !== undefined) peakKB = Math.max(peakKB, residentKB(child.pid));
    }, SAMPLE_MILLIS);
    child.once('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.once('exit', (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (code === 0) resolve({ seconds, peakMB: (peakKB * 1024) / 1e6 });
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}`));
    });
  });
}

function residentKB(root: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  let total = 0;
  for (const waiting = [root]; waiting.length > 0; ) {
    const pid = waiting.pop() as number;
    total += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
    waiting.push(...(children.get(pid) ?? []));
  }
  return total;
}

function parentOf(pid: string): number | undefined {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\)\s*/s, '')
    .split(' ');
  return fields[1] === undefined ? undefined : Number(fields[1]);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
