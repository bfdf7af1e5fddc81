/**
 * Real text that every installation has: the documentation of the packages that were installed
 * with this one. They are found from where this module stands, so it does not matter whether
 * Conclave was cloned, installed as a dependency, or globally.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConclaveError } from '../../errors.js';

export interface Documents {
  /** Absolute paths, sorted, each file once. */
  readonly files: readonly string[];
  readonly packageCount: number;
  readonly sizeBytes: number;
}

/** Prose that packages carry: READMEs, change logs, licences, guides. */
const DOCUMENT = /\.(md|markdown)$|^(readme|licen[cs]e|changelog|history)(\.txt)?$/i;

/** Enough for a job that takes a while, and not more where a thousand packages are installed. */
const SIZE_BYTES_MAX = 8 * 2 ** 20;

/** The package's own folder: dist/src/cli/demo is four levels below it. */
export function packageRoot(): string {
  return fileURLToPath(new URL('../../../../', import.meta.url)).replace(/[\\/]$/, '');
}

/**
 * The documents of the packages installed beside or below the package in `root`. Throws an `INPUT`
 * error when there are none.
 */
export function findDocuments(root: string = packageRoot()): Documents {
  const files = new Map<string, number>();
  let packageCount = 0;
  let sizeBytes = 0;
  for (const path of installedPackages(root)) {
    const documents = documentsIn(path).filter((file) => !files.has(file));
    if (documents.length === 0 || sizeBytes >= SIZE_BYTES_MAX) continue;
    packageCount++;
    for (const file of documents) {
      const size = statSync(file).size;
      files.set(file, size);
      sizeBytes += size;
    }
  }
  if (files.size > 0) return { files: [...files.keys()].sort(), packageCount, sizeBytes };
  throw new ConclaveError(
    'INPUT',
    `no documentation of installed packages was found for ${root}\n` +
      "run 'npm ci'; a tool that removes *.md and LICENSE files leaves nothing to read",
  );
}

/** Sorted, so that every run on a machine reads the same. */
function installedPackages(root: string): string[] {
  const paths = packageFolders(root).flatMap((folder) => [...packagesIn(folder)]);
  return [...new Set(paths)].sort();
}

/** Where npm puts what this package needs: below it, and around it when it is a dependency. */
function packageFolders(root: string): string[] {
  const folders = [join(root, 'node_modules')];
  for (let path = dirname(root); path !== dirname(path); path = dirname(path)) {
    if (basename(path) === 'node_modules') return [...folders, path];
  }
  return folders;
}

function* packagesIn(folder: string): Generator<string> {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.name.startsWith('@')) yield* packagesIn(path);
    // Some package managers install links; following them once makes each package appear once.
    else if (entry.isDirectory()) yield path;
    else if (entry.isSymbolicLink()) yield* existing(path);
  }
}

function* existing(link: string): Generator<string> {
  try {
    yield realpathSync(link);
  } catch {
    // A dangling link is not a package.
  }
}

/** Below `folder`, without dot-files and links. */
function documentsIn(folder: string): string[] {
  const found: string[] = [];
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) found.push(...documentsIn(path));
    else if (entry.isFile() && DOCUMENT.test(entry.name)) found.push(path);
  }
  return found;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/**
 * A base name of its own for each file, which says where it is from: `xstate.README.md`. Made of
 * what follows the last `node_modules` in its path; what is not a letter, digit or `@.-_` becomes a
 * dot.
 */
export function documentTitles(files: readonly string[]): ReadonlyMap<string, string> {
  const titles = new Map<string, string>();
  const taken = new Set<string>();
  for (const file of files) {
    const parts = file.split(/[\\/]/);
    const from = parts.lastIndexOf('node_modules') + 1;
    const plain = parts
      .slice(from || -2)
      .join('.')
      .replace(/[^\w@.-]+/g, '.');
    let title = plain;
    // Names that differ only in case are the same file on some systems.
    for (let n = 2; taken.has(title.toLowerCase()); n++) title = `${n}.${plain}`;
    taken.add(title.toLowerCase());
    titles.set(file, title);
  }
  return titles;
}
