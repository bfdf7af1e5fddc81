import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'tap';
import { documentTitles, findDocuments } from '../../src/cli/demo/documents.js';

/** A folder with these files; a path that ends in `->` is a link to the path after it. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'conclave-documents-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('documents: found below a clone, and around an installed package', (t) => {
  const root = tree({
    'app/node_modules/one/README.md': 'one',
    'app/node_modules/one/LICENSE': 'free',
    'app/node_modules/one/index.js': 'code',
    'app/node_modules/one/docs/guide.markdown': 'guide',
    'app/node_modules/one/.hidden/secret.md': 'no',
    'app/node_modules/.bin/README.md': 'no',
    'app/node_modules/@scope/two/readme': 'two',
    'app/node_modules/conclave/package.json': '{}',
    'app/node_modules/conclave/node_modules/three/Licence.txt': 'three',
    'store/four/README.md': 'four',
  });
  t.teardown(() => rmSync(root, { recursive: true }));
  const modules = join(root, 'app', 'node_modules');
  symlinkSync(join(root, 'store', 'four'), join(modules, 'four'));
  symlinkSync(join(root, 'store', 'gone'), join(modules, 'gone'));
  const names = (found: { files: readonly string[] }) =>
    found.files.map((file) => relative(root, file));
  const around = [
    'app/node_modules/@scope/two/readme',
    'app/node_modules/conclave/node_modules/three/Licence.txt',
    'app/node_modules/one/LICENSE',
    'app/node_modules/one/README.md',
    'app/node_modules/one/docs/guide.markdown',
    'store/four/README.md',
  ];
  const clone = findDocuments(join(root, 'app'));
  t.same(names(clone), around);
  const installed = findDocuments(join(modules, 'conclave'));
  t.same(names(installed), around, 'each file once, although two packages hold it');
  t.equal(clone.sizeBytes, 3 + 4 + 5 + 3 + 5 + 4);
  t.end();
});

test('documents: none is an error that says where and what to do', (t) => {
  const root = tree({ 'node_modules/one/index.js': 'code' });
  t.teardown(() => rmSync(root, { recursive: true }));
  t.throws(() => findDocuments(root), {
    code: 'INPUT',
    message: /conclave-documents-\w+\nrun 'npm ci'/,
  });
  t.end();
});

test('documents: the installation that these tests run in has some', (t) => {
  const found = findDocuments();
  t.ok(found.files.length > 10);
  t.ok(found.packageCount > 5);
  t.end();
});

test('documents: each has a title of its own that says where it is from', (t) => {
  const files = [
    '/app/node_modules/@scope/two/read me.md',
    '/app/node_modules/one/README.md',
    '/app/node_modules/one/node_modules/two/README.md',
    '/app/node_modules/two/README.md',
    '/app/node_modules/two/readme.md',
    '/elsewhere/four/README.md',
  ];
  t.same(
    [...documentTitles(files).values()],
    [
      '@scope.two.read.me.md',
      'one.README.md',
      'two.README.md',
      '2.two.README.md',
      '3.two.readme.md',
      'four.README.md',
    ],
  );
  t.end();
});
