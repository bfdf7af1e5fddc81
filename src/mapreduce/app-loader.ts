/**
 * Finds and loads apps: the built-in ones by name, user modules by path. User code is only ever
 * loaded in a thread of its own (attempt-worker.ts); what is checked here before a job begins is
 * what can be known without running any.
 */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AppOptions, AppReference } from '../../machines/mapreduce/job-spec.js';
import { ConclaveError, messageOf } from '../errors.js';
import type { App, Combine, MapBytesFunction, MapFunction, ReduceFunction } from './app.js';
import { makeGrep } from './apps/grep.js';
import * as indexer from './apps/indexer.js';
import * as sort from './apps/sort.js';
import * as wc from './apps/wc.js';
import { AppError, WrongExportsError } from './attempt-errors.js';

export const BUILTIN_APPS = ['wc', 'indexer', 'grep', 'sort'] as const;

const MODULE = /\.(js|mjs|cjs)$/;

/**
 * What `app` means: a built-in name, a path or a URL of a module. Throws USAGE when it is neither,
 * and when `grep` lacks a valid pattern.
 */
export function findApp(app: string | URL, options: AppOptions): AppReference {
  if (typeof app === 'string' && (BUILTIN_APPS as readonly string[]).includes(app)) {
    if (app === 'grep') requirePattern(options);
    return { type: 'builtin', name: app };
  }
  const path = pathOf(app);
  if (path !== undefined && !existsSync(path)) {
    throw new ConclaveError('USAGE', `there is no module ${path} for the app '${String(app)}'`);
  }
  if (path === undefined || !statSync(path).isFile()) {
    throw new ConclaveError(
      'USAGE',
      `unknown app '${String(app)}': use one of ${BUILTIN_APPS.join(', ')}, or the path of a ` +
        'module (.js, .mjs or .cjs) that exports map and reduce',
    );
  }
  return { type: 'module', url: pathToFileURL(path).href };
}

function pathOf(app: string | URL): string | undefined {
  const text = String(app);
  if (text.startsWith('file:')) return localPath(text);
  return MODULE.test(text) ? resolve(text) : undefined;
}

/** Undefined for a file URL that names another machine, or nothing that a path can hold. */
function localPath(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

function requirePattern(options: AppOptions): string {
  const { pattern } = options;
  if (typeof pattern !== 'string') {
    throw new ConclaveError(
      'USAGE',
      "grep needs --pattern, a JavaScript regular expression: --pattern 'error|fail'",
    );
  }
  try {
    new RegExp(pattern, 'u');
  } catch (cause) {
    throw new ConclaveError('USAGE', `--pattern is not valid: ${messageOf(cause)}`, { cause });
  }
  return pattern;
}

/** Loads the app in this thread. Throws AppError when a module fails to load or lacks exports. */
export async function loadApp(reference: AppReference, options: AppOptions): Promise<App> {
  if (reference.type === 'builtin') return builtinApp(reference.name, options);
  let module: Record<string, unknown>;
  try {
    module = (await import(reference.url)) as Record<string, unknown>;
  } catch (cause) {
    throw new AppError(`${fileURLToPath(reference.url)} failed to load: ${messageOf(cause)}`, {
      cause,
    });
  }
  const app = appOf(fileURLToPath(reference.url), module);
  if (typeof app === 'string') throw new WrongExportsError(app);
  return app;
}

function builtinApp(name: string, options: AppOptions): App {
  switch (name) {
    case 'wc':
      return { name, granularity: 'lines', output: 'pairs', ...wc };
    case 'indexer':
      return { name, granularity: 'lines', output: 'pairs', ...indexer };
    case 'grep':
      return {
        name,
        granularity: 'chunks',
        output: 'pairs',
        ...makeGrep(requirePattern(options)),
      };
    case 'sort':
      return { name, granularity: 'lines', output: 'keys', ...sort };
    default:
      throw new AppError(`there is no built-in app '${name}'`);
  }
}

/**
 * The app that a module's exports make, or what is wrong with them. A CommonJS module's exports may
 * be found only on its default export.
 */
export function appOf(name: string, module: Record<string, unknown>): App | string {
  const { default: whole } = module;
  const fallback = (whole ?? {}) as Record<string, unknown>;
  const exported = (key: string): unknown => module[key] ?? fallback[key];
  const [map, mapBytes] = [exported('map'), exported('mapBytes')];
  const [reduce, combine, partition] = [
    exported('reduce'),
    exported('combine'),
    exported('partition'),
  ];
  if (typeof map !== 'function' && typeof mapBytes !== 'function') {
    return `${name} exports no function map (or mapBytes)`;
  }
  if (typeof reduce !== 'function') return `${name} exports no function reduce`;
  if (combine !== undefined && combine !== 'sum' && typeof combine !== 'function') {
    return `${name}: combine must be a function or 'sum'`;
  }
  if (partition !== undefined && typeof partition !== 'function') {
    return `${name}: partition must be a function (key, partitions) → number`;
  }
  return {
    name,
    granularity: exported('splittable') === true ? 'lines' : 'files',
    output: 'pairs',
    reduce: reduce as ReduceFunction,
    ...(typeof mapBytes === 'function'
      ? { mapBytes: mapBytes as MapBytesFunction }
      : { map: map as MapFunction }),
    ...(combine === undefined ? {} : { combine: combine as Combine }),
    ...(partition === undefined
      ? {}
      : { partition: partition as (key: string, partitions: number) => number }),
  };
}
