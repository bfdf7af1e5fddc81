/** The engine's output against a sequential run's, over the inputs that could tell them apart. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import type { AppReference } from '../../machines/mapreduce/job-spec.js';
import type { App } from '../../src/mapreduce/app.js';
import { loadApp } from '../../src/mapreduce/app-loader.js';
import { findInputs } from '../../src/mapreduce/inputs.js';
import {
  runSequentially,
  type SequentialApp,
  sequentialApp,
} from '../../src/mapreduce/sequential.js';
import {
  type EngineOptions,
  runEngine,
  scratchDirectory,
  sortByBytes,
  writeInputs,
} from './engine.js';

const OPTIONS = { pattern: 'a.c|[xyé]' };
const CORPUS = new URL('../../../../shared/corpus', import.meta.url).pathname;

const AWKWARD: readonly (readonly [string, readonly (string | Uint8Array)[]])[] = [
  ['plain text', ['the cat\nthe dog\n', 'a cat a dog the end']],
  ['empty files', ['', 'word\n', '']],
  ['no line feed at the end', ['one two', 'two three']],
  ['CRLF and blank lines', ['a b\r\n\r\nb c\r\n', '\n\n\na\n']],
  [
    'letters of many scripts',
    ['naïve Ωμέγα слово 単語 ひらがな e\u0301clair ß ǅ ʰ\n', 'Ünïcödé𝒳𝒴 𐐀𐐁 𞤀\n'],
  ],
  ['signs beyond letters', ['١٢٣ Ⅷ ½ _ a_b a1b don’t co-op 🦜x🦜\n']],
  [
    'bytes that are not UTF-8',
    [
      Buffer.from([0x61, 0xff, 0x62, 0x20, 0xc3, 0x28, 0xe2, 0x82, 0x61, 0xf0, 0x9f, 0x92, 0x0a]),
      Buffer.from([0xed, 0xa0, 0x80, 0x61, 0xc0, 0xaf, 0x62, 0xf5, 0x80, 0x63, 0xe2, 0x82]),
    ],
  ],
  ['a byte order mark and zero bytes', ['\ufeffword word\n', 'a\0b\0\0c ab\n']],
  ['keys in an order that UTF-16 has not', ['\u{1F600}z \uFF5Ez é z\n\u{10400} \uFF21 a\n']],
];

async function compare(
  t: { pass(claim: string): unknown; same(a: unknown, b: unknown, claim: string): unknown },
  name: string,
  options: Omit<EngineOptions, 'app'> & { readonly message?: string },
): Promise<void> {
  const reference: AppReference = { type: 'builtin', name };
  const app = await loadApp(reference, OPTIONS);
  const run = await runEngine({ ...options, app });
  const files = findInputs([options.inputs], { out: join(options.directory, 'none') });
  const expected = await runSequentially(await sequentialApp(reference, OPTIONS), files);
  const claim = `${name}: ${options.message ?? ''}`;
  const wanted = sortByBytes(expected);
  // A deep comparison of long arrays takes seconds, and is only needed to show a difference.
  if (run.lines.join('\n') === wanted.join('\n')) t.pass(claim);
  else t.same(run.lines, wanted, claim);
}

test('engine: every built-in app gives what a sequential run gives, on awkward text', async (t) => {
  const directory = scratchDirectory(t);
  for (const [message, contents] of AWKWARD) {
    const inputs = writeInputs(directory, contents);
    for (const name of ['wc', 'indexer', 'grep', 'sort']) {
      await compare(t, name, { inputs, directory, message });
      await compare(t, name, {
        inputs,
        directory,
        message: `${message}, not combined`,
        job: { combine: false },
      });
    }
  }
});

test('engine: a file may be cut at any byte', async (t) => {
  const directory = scratchDirectory(t);
  const text = 'ab cd\n\nefé 単語 gh\nij\r\nklm ab ab';
  const inputs = writeInputs(directory, [text, 'ab\nx']);
  for (let splitSizeBytes = 1; splitSizeBytes <= Buffer.byteLength(text) + 1; splitSizeBytes++) {
    for (const name of ['wc', 'sort', 'indexer']) {
      const message = `split size ${splitSizeBytes}`;
      await compare(t, name, { inputs, directory, splitSizeBytes, message });
    }
  }
});

test('engine: a line longer than a chunk, a long key, a key with many values', async (t) => {
  const directory = scratchDirectory(t);
  const long = 'x'.repeat(3_000_000);
  const inputs = writeInputs(directory, [
    `${'ab cd '.repeat(400_000)}\n${long} end\n`,
    `${long} a\n`,
  ]);
  for (const name of ['wc', 'sort', 'indexer', 'grep']) {
    await compare(t, name, { inputs, directory, message: 'long lines', splitSizeBytes: 700_000 });
  }
  const many = writeInputs(directory, ['w\n'.repeat(100_000)]);
  await compare(t, 'wc', { inputs: many, directory, message: 'many', job: { combine: false } });
});

test('engine: with little memory runs are spilt, and merged in several passes', async (t) => {
  const directory = scratchDirectory(t);
  const words = Array.from({ length: 40_000 }, (_, i) =>
    `w${(i * 7919) % 12_347}`.replace(/\d/g, (d) => 'abcdefghij'[Number(d)] as string),
  );
  const inputs = writeInputs(directory, [
    words.slice(0, 25_000).join('\n'),
    words.slice(25_000).join(' '),
  ]);
  for (const name of ['wc', 'sort', 'indexer', 'grep']) {
    for (const combine of [true, false]) {
      const job = { memoryBytes: 16_384, combine };
      await compare(t, name, { inputs, directory, job, message: `spilling, combine ${combine}` });
    }
  }
  const wc = await loadApp({ type: 'builtin', name: 'wc' }, {});
  const run = await runEngine({
    app: wc,
    inputs,
    directory,
    job: { memoryBytes: 16_384, combine: false },
  });
  t.ok(run.spills > 64, `so many spills that one pass cannot merge them (${run.spills})`);
});

test('engine: sorted output files follow each other in order', async (t) => {
  const directory = scratchDirectory(t);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${(i * 7919) % 5003} é${i % 7}`);
  const inputs = writeInputs(directory, [
    lines.slice(0, 2000).join('\n'),
    `${lines.slice(2000).join('\n')}\n`,
  ]);
  const app = await loadApp({ type: 'builtin', name: 'sort' }, {});
  const run = await runEngine({ app, inputs, directory, job: { reduces: 7 } });
  t.equal(run.outputs.join(''), `${sortByBytes(lines).join('\n')}\n`);
  const sizes = run.outputs.map((output) => output.length);
  t.ok(Math.max(...sizes) < 2 * Math.min(...sizes), `files of like size: ${sizes.join(' ')}`);
});

test('engine: keys are spread by FNV-1a 32 and sorted by their UTF-8 bytes', async (t) => {
  const directory = scratchDirectory(t);
  const inputs = writeInputs(directory, ['é z 𝒳 ｚ a the of\n']);
  const app = await loadApp({ type: 'builtin', name: 'wc' }, {});
  const run = await runEngine({ app, inputs, directory, job: { reduces: 10 } });
  for (const [index, output] of run.outputs.entries()) {
    for (const line of output.split('\n').slice(0, -1)) {
      let hash = 0x811c9dc5n;
      for (const byte of Buffer.from(line.split(' ')[0] as string)) {
        hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
      }
      t.equal(Number((hash & 0x7fffffffn) % 10n), index, line);
    }
  }
  const one = await runEngine({ app, inputs, directory, job: { reduces: 1 } });
  t.equal(one.outputs[0], 'a 1\nof 1\nthe 1\nz 1\né 1\nｚ 1\n𝒳 1\n');
});

// Not part of the repository, so it may not be here.
if (existsSync(CORPUS)) {
  test('engine: the texts of the labs', async (t) => {
    const directory = scratchDirectory(t);
    t.equal(readdirSync(CORPUS).length, 8);
    for (const name of ['wc', 'indexer', 'grep', 'sort']) {
      const job = { reduces: 10 };
      await compare(t, name, { inputs: CORPUS, directory, job, splitSizeBytes: 200_000 });
    }
  });
}

test('engine: values come in the order of (input, position), through spills and passes', async (t) => {
  const directory = scratchDirectory(t);
  const contents = Array.from({ length: 5 }, (_, f) =>
    Array.from({ length: 300 }, (_, i) => `k${i % 3} ${f}.${i}\n`).join(''),
  );
  const inputs = writeInputs(directory, contents);
  const app: App = {
    name: 'order',
    map: (_file, text, emit) => {
      for (const line of text.trimEnd().split('\n')) emit(...(line.split(' ') as [string, string]));
      return undefined;
    },
    reduce: (_key, values) => values.join(),
    granularity: 'lines',
    output: 'pairs',
  };
  const run = await runEngine({
    app,
    inputs,
    directory,
    job: { memoryBytes: 4096 },
    splitSizeBytes: 500,
  });
  const expected = ['k0', 'k1', 'k2'].map((key) => {
    const lines = contents
      .join('')
      .split('\n')
      .filter((line) => line.startsWith(`${key} `));
    return `${key} ${lines.map((line) => line.split(' ')[1]).join()}`;
  });
  t.same(run.lines, expected);
});

const TEXT = fc.array(fc.constantFrom('a', 'b', 'zz', ' ', '\n', '\r\n', 'é', '𝒳', '\0', '語 '), {
  maxLength: 60,
});

/** Emits every word with its length of run, in one of the forms that an app may have. */
function randomApp(
  form: 'text' | 'bytes' | 'pairs',
  combine: 'none' | 'sum' | 'function',
): App & SequentialApp {
  const words = (text: string) => text.match(/\S+/g) ?? [];
  const sum = (_key: string, values: readonly string[]) =>
    String(values.reduce((total, value) => total + Number(value), 0));
  const map = {
    text: (_f: string, text: string, emit: (key: string, value: string) => void) => {
      for (const word of words(text)) emit(word, String(word.length - 1));
      return undefined;
    },
    pairs: async (_f: string, text: string) =>
      words(text).map((word) => [word, String(word.length - 1)] as [string, string]),
  };
  const mapBytes = (
    _f: string,
    bytes: Uint8Array,
    emit: (s: number, e: number, n?: number) => void,
  ) => {
    let start = 0;
    for (let i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && (bytes[i] as number) > 32) continue;
      if (i > start) emit(start, i, i - start - 1);
      start = i + 1;
    }
    return undefined;
  };
  return {
    name: 'random',
    ...(form === 'bytes' ? { mapBytes } : { map: map[form] }),
    reduce: sum,
    ...(combine === 'none' ? {} : { combine: combine === 'sum' ? 'sum' : sum }),
    granularity: 'lines',
    output: 'pairs',
  } as App & SequentialApp;
}

test('engine: equals a sequential run for any input, split, memory and form of app', async (t) => {
  const directory = scratchDirectory(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(TEXT, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom(64, 512, 1 << 20),
      fc.constantFrom('text' as const, 'bytes' as const, 'pairs' as const),
      fc.constantFrom('none' as const, 'sum' as const, 'function' as const),
      async (texts, splitSizeBytes, reduces, memoryBytes, form, combine) => {
        const inputs = writeInputs(
          directory,
          texts.map((parts) => parts.join('')),
        );
        const app = randomApp(form, combine);
        const job = { reduces, memoryBytes };
        const run = await runEngine({ app, inputs, directory, job, splitSizeBytes });
        const files = findInputs([inputs], { out: join(directory, 'none') });
        const expected = sortByBytes(await runSequentially(app, files));
        return JSON.stringify(run.lines) === JSON.stringify(expected);
      },
    ),
    { numRuns: 150 },
  );
  t.pass('150 cases');
});

test('indexer: a line of millions of words needs little more memory than the line', (t) => {
  const app = new URL('../../src/mapreduce/apps/indexer.js', import.meta.url).href;
  const source = `import { map } from ${JSON.stringify(app)};
    map('f', 'a b '.repeat(4e6), (word) => process.stdout.write(word));`;
  const args = ['--max-old-space-size=64', '--input-type=module', '-e', source];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.match(child, { status: 0, stdout: 'ab' });
  t.end();
});
