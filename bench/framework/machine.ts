/** What a figure was measured on: without it a figure means nothing. */
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
}

export type Versions = Readonly<Record<string, string>>;

export function describeMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
  };
}

/** Node, V8, this package and its libraries, as its package.json pins them. */
export function describeVersions(): Versions {
  const manifest = new URL('../../../package.json', import.meta.url);
  const { version, dependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const { node, v8 } = process.versions;
  const libraries = ['xstate', 'piscina', 'msgpackr'].map((name) => [name, dependencies[name]]);
  return { conclave: version, node, v8, ...Object.fromEntries(libraries) };
}
