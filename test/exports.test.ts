import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'tap';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
};
const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');

/** A project that has installed the package, with one module that uses every subpath. */
function consumer(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'conclave-consumer-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'conclave'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'use.mts'), source);
  return folder;
}

test('package: every subpath resolves for a project that installs it, with types', async (t) => {
  const lines = subpaths.map((path, i) => `import * as part${i} from 'conclave${path.slice(1)}';`);
  const used = subpaths.map((_, i) => `part${i}`);
  const source = `${lines.join('\n')}
import type { Emit, MapFunction, MapReduceReport } from 'conclave/mapreduce';
import { ActorSystem, ConclaveError, type ErrorCode } from 'conclave';
const code: ErrorCode = new ConclaveError('INPUT', 'none').code;
// @ts-expect-error the types are not any
const wrong: number = code;
export const map = (_: string, text: string, emit: Emit) => emit(text, '1');
export const brief: MapFunction = (_, text, emit) => emit(text, 1);
export const slow: MapFunction = async (_, text, emit) => emit(text, 1);
export const words = (report: MapReduceReport): number => report.reduce.pairsOut;
const system = await ActorSystem.start({ network: { seed: 1 } });
await system.close();
console.log(Object.keys({ ${used.join(', ')} }).length, code, wrong);
`;
  const folder = consumer(source);
  t.teardown(() => rmSync(folder, { recursive: true }));
  const program = ts.createProgram([join(folder, 'use.mts')], {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    outDir: folder,
  });
  // What our dependencies' own declarations get wrong is not ours to mend, and takes long to check.
  const ours = program
    .getSourceFiles()
    .filter(({ fileName }) => !/node_modules\/(?!conclave\/)|\/lib\.[^/]*\.d\.ts$/.test(fileName));
  t.ok(ours.length > subpaths.length, 'the declarations have been found');
  const problems = [...program.getOptionsDiagnostics(), ...program.emit().diagnostics]
    .concat(ours.flatMap((file) => [...ts.getPreEmitDiagnostics(program, file)]))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  t.same(problems, []);
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'use.mjs')]);
  t.equal(stdout, `${subpaths.length} INPUT INPUT\n`);
});

test('package: it ships what it names, and neither tests nor sources', async (t) => {
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts'],
    {
      cwd: root,
      env: { ...process.env, npm_config_loglevel: 'error' },
    },
  );
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const shipped = new Set(files.map(({ path }) => path));
  for (const path of subpaths) {
    const target = manifest.exports[path];
    if (typeof target !== 'object') continue;
    t.ok(shipped.has(target.types.slice(2)), target.types);
    t.ok(shipped.has(target.default.slice(2)), target.default);
  }
  for (const path of Object.values(manifest.bin)) t.ok(shipped.has(path), path);
  t.same(
    [...shipped].filter((path) => /^(src|test|dist\/test)\//.test(path)),
    [],
  );
});
