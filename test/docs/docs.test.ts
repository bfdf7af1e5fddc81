import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { ERROR_CODES } from '../../src/errors.js';
import { commandLinesOf, examplesOf } from './examples.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CLI = join(ROOT, 'dist/src/cli/main.js');
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8');

function run(args: readonly string[], cwd: string): string {
  const options = { cwd, encoding: 'utf8', timeout: 60_000 } as const;
  const { stdout, stderr, status } = spawnSync(process.execPath, args, options);
  return status === 0 ? stdout : `exit ${status}\n${stdout}${stderr}`;
}

test('README: each example runs and prints what it says', async (t) => {
  const { files, outputs } = examplesOf(read('README.md'));
  t.ok(outputs.size >= 1, 'there are examples');
  // Inside the package, so that `import 'conclave'` finds it.
  const folder = join(ROOT, 'dist/test/docs/examples-run');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  for (const [name, output] of outputs) t.equal(run([name], folder), output, name);
});

test('documents: each command line names a command and options that exist', async (t) => {
  const helpOf = new Map<string, string>();
  for (const document of DOCUMENTS) {
    for (const words of commandLinesOf(read(document))) {
      const command = words[0]?.startsWith('-') ? [] : words.slice(0, 1);
      const key = command.join();
      const help = helpOf.get(key) ?? run([CLI, ...command, '--help'], ROOT);
      helpOf.set(key, help);
      t.notMatch(help, /^exit /, `${document}: ${words.join(' ')}`);
      for (const option of words.filter((word) => word.startsWith('--'))) {
        t.match(help, option, `${document}: ${words.join(' ')}`);
      }
    }
  }
});

test('documents: each script, link and path is there', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const document of DOCUMENTS) {
    const text = read(document);
    for (const [, script = ''] of text.matchAll(/npm run ([a-z:]+)/g)) {
      t.ok(script in scripts, `${document}: npm run ${script}`);
    }
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => path);
    const paths = [...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|md|grit|svg))`/g)];
    for (const path of [...links, ...paths.map(([, path = '']) => path)]) {
      t.ok(existsSync(join(ROOT, path)), `${document}: ${path}`);
    }
  }
});

test('ARCHITECTURE: its table of errors is the table of the code', async (t) => {
  const rows = read('ARCHITECTURE.md').matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\|$/gm);
  const documented = Object.fromEntries([...rows].map(([, code, text]) => [code, text]));
  t.same(documented, ERROR_CODES);
});
