/** Runs the built entry points as a user does: as a process of their own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
export const START = fileURLToPath(new URL('../../src/cli/start.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly entry?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each piece of standard error; may send signals. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Sends the signal once the file exists. */
  readonly killWhen?: { readonly exists: string; readonly signal: NodeJS.Signals };
  /** Stop reading standard output after its first piece, as `| head -1` does. */
  readonly closeStdout?: boolean;
}

/** Nothing that a terminal or a CI machine has set may leak into what is tested. */
const CLEAN = { CI: '', NO_COLOR: '', FORCE_COLOR: '', NODE_OPTIONS: '' };

export function conclave(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [options.entry ?? MAIN, ...words], {
    cwd: options.cwd,
    env: { ...process.env, ...CLEAN, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (options.closeStdout === true) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    options.onStderr?.(text, (signal) => child.kill(signal));
  });
  const { killWhen } = options;
  const watch =
    killWhen &&
    setInterval(() => {
      if (!existsSync(killWhen.exists)) return;
      clearInterval(watch);
      child.kill(killWhen.signal);
    }, 20);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ code, signal, stdout, stderr });
    });
  });
}
