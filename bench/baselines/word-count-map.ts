/** What one would write without a framework: a Map, one thread, the files one after the other. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory, out] = process.argv.slice(2) as [string, string];
const counts = new Map<string, number>();
for (const name of readdirSync(directory)) {
  const words = readFileSync(join(directory, name), 'utf8').match(/[A-Za-z]+/g) ?? [];
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
}
const lines = [...counts].map(([word, count]) => `${word} ${count}\n`).sort();
writeFileSync(out, lines.join(''));
