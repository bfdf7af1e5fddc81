import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { runScript } from './script.js';

/** The scripts stand in the sources: this file is compiled to `dist/test/raft`. */
const FOLDER = new URL('../../../test/scripts/', import.meta.url);

test('raft scripts: each tricky sequence goes as it is written down (UPDATE=1 writes it anew)', (t) => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
  t.ok(names.length >= 6, 'all scripts are there');
  for (const name of names) {
    const file = new URL(name, FOLDER);
    const text = readFileSync(file, 'utf8');
    const real = runScript(text);
    if (process.env['UPDATE'] === '1') writeFileSync(file, real);
    else t.equal(real, text, name);
  }
  t.end();
});
