/**
 * `npm test` after the compilation: lets tap run the compiled tests, then says in plain words how
 * many there were and which were skipped and why. Arguments go to `tap run`: files, or options.
 *
 * On a terminal tap reports in its own way. Elsewhere (a log) there is one line a file, and at the
 * end everything about what failed. The raw output stays in `dist/test/results.tap`, the counts in
 * `dist/test/results.json`.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { type Counts, countTests } from './tap-counts.js';

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, 'results.tap');

function tapCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('tap/package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { tap: string } };
  return join(dirname(manifest), bin.tap);
}

/** Runs tap to its end; returns its exit code. */
async function runTap(args: readonly string[]): Promise<number> {
  const isTerminal = process.stdout.isTTY;
  const reporter = isTerminal ? [`--output-file=${output}`] : ['--reporter=tap'];
  const tap = spawn(process.execPath, [tapCommand(), 'run', ...reporter, ...args], {
    stdio: ['inherit', isTerminal ? 'inherit' : 'pipe', 'inherit'],
  });
  const ended = new Promise<number>((resolve) => {
    tap.on('close', (code) => resolve(code ?? 1));
  });
  if (tap.stdout !== null) {
    const saved = finished(tap.stdout.pipe(createWriteStream(output)));
    for await (const line of createInterface({ input: tap.stdout })) {
      if (/^(not )?ok |^Bail out!/.test(line)) process.stdout.write(`${line}\n`);
    }
    await saved;
  }
  return ended;
}

function describe(counts: Counts): string {
  const { files, passed, failures, failed, skipped } = counts;
  const lines: string[] = [];
  if (!process.stdout.isTTY) {
    for (const { name, details } of failures) {
      lines.push('', `not ok: ${name}`, inspect(details, { depth: 6, breakLength: 100 }));
    }
  }
  for (const { name, reason } of skipped) lines.push(`skipped: ${name}: ${reason}`);
  const total = passed + failed + skipped.length;
  lines.push(`${total} tests in ${files} files: ${failed} not ok, ${skipped.length} skipped`);
  return lines.join('\n');
}

writeFileSync(output, '');
const status = await runTap(process.argv.slice(2));
const counts = countTests(readFileSync(output, 'utf8'));
writeFileSync(join(here, 'results.json'), `${JSON.stringify(counts)}\n`);
process.stdout.write(`${describe(counts)}\n`);
process.exitCode = counts.failed > 0 ? 1 : status;
