import { readFileSync } from 'node:fs';
import { test } from 'tap';

interface Package {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The folders in which Node looks for a package that `path` requires, innermost first. */
function foldersAbove(path: string): string[] {
  const folders = [path];
  while (path.includes('node_modules/')) {
    path = path.slice(0, path.lastIndexOf('node_modules/')).replace(/\/$/, '');
    folders.push(path);
  }
  return folders;
}

test('package-lock: names the optional packages of every platform, or npm ci refuses it', async (t) => {
  // npm drops the entries of platforms whose packages it could not see when it wrote the file.
  const file = new URL('../../package-lock.json', import.meta.url);
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as {
    packages: Record<string, Package>;
  };
  const missing: string[] = [];
  for (const [path, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const name of Object.keys(optionalDependencies)) {
      const places = foldersAbove(path).map((folder) =>
        folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`,
      );
      if (!places.some((place) => place in packages)) missing.push(`${name} of ${path}`);
    }
  }
  t.same(missing, []);
});
