/**
 * Runs a program and measures its time from start to end, and the processor time and memory of all
 * its processes.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MILLIS = 20;
/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export interface ProcessFigures {
  readonly seconds: number;
  /** User and system time of the program and all it started, up to the last sample. */
  readonly cpuSeconds: number;
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
    let ticks = 0;
    const timer = setInterval(() => {
      if (child.pid === undefined) return;
      const sample = sampleTree(child.pid);
      peakKB = Math.max(peakKB, sample.residentKB);
      ticks = Math.max(ticks, sample.ticks);
    }, SAMPLE_MILLIS);
    child.once('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.once('exit', (code) => {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      const cpuSeconds = ticks / TICKS_PER_SECOND;
      if (code === 0) resolve({ seconds, cpuSeconds, peakMB: (peakKB * 1024) / 1e6 });
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}`));
    });
  });
}

/** Of a process and all below it. The time of those that have ended is in their parent's. */
function sampleTree(root: number): { residentKB: number; ticks: number } {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? fieldsOf(name)[1] : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  let residentKB = 0;
  let ticks = 0;
  for (const waiting = [root]; waiting.length > 0; ) {
    const pid = waiting.pop() as number;
    residentKB += Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
    // utime, stime, cutime, cstime: proc(5).
    for (const time of fieldsOf(String(pid)).slice(11, 15)) ticks += time;
    waiting.push(...(children.get(pid) ?? []));
  }
  return { residentKB, ticks };
}

/** The fields of `stat` behind the name, from the state on (which is no number); empty if gone. */
function fieldsOf(pid: string): number[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat === ''
    ? []
    : stat
        .replace(/^.*\)\s*/s, '')
        .split(' ')
        .map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
