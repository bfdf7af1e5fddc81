/**
 * Part of `npm run check`: what the formatter leaves alone. Lines have at most 100 columns, comments
 * and strings included, and each source file opens with a comment that says what it is for. No module
 * of what the simulator runs keeps state: it would outlive a run, and make the 500th differ.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const COLUMNS_MAX = 100;
const FOLDERS = ['machines', 'actors', 'src', 'test', 'bench'];
/** In tests only comments are measured: names are claims in one piece, strings hold programs. */
const COMMENT = /^\s*(\/\/|\/?\*)/;
/** Top-level statements begin in the first column; the formatter sees to that. */
const MODULE_STATE = /^(export )?(let|var)\s/;
const STATELESS = /^(machines|actors|src\/(sim|router|codec|random|heap|storage|trace))\//;
/** Tests say what they are for by their names. */
const NEEDS_HEADER = /^(?!.*\.test\.ts$)/;

const problems = [];
for (const folder of FOLDERS) {
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (!entry.endsWith('.ts')) continue;
    const file = join(folder, entry);
    const lines = readFileSync(file, 'utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      const columns = [...line].length;
      const isMeasured = folder !== 'test' || COMMENT.test(line);
      if (columns > COLUMNS_MAX && isMeasured)
        problems.push(`${file}:${index + 1}: ${columns} columns`);
      if (STATELESS.test(file) && MODULE_STATE.test(line)) {
        problems.push(`${file}:${index + 1}: state of a module; keep it in an instance`);
      }
    }
    const first = lines.find((line) => !line.startsWith('#!')) ?? '';
    if (NEEDS_HEADER.test(file) && !/^\/[*/]/.test(first)) {
      problems.push(`${file}:1: does not open with a comment that says what it is for`);
    }
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
