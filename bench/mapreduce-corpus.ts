/**
 * Text for the MapReduce benchmark: the same bytes for the same arguments on any machine. Words are
 * drawn by Zipf's law from a vocabulary of made-up words, so that, as in real text, few words make
 * up most of it and most words are rare: 200 MB have about 28.7 million words, 218 000 distinct.
 */
import { closeSync, existsSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const VOCABULARY_SIZE = 218_600;
const LETTERS = 'etaoinshrdlcumwfgypbvkjxqz';
const WORDS_PER_LINE = 12;
const BUFFER_BYTES = 1 << 20;

/** xorshift32: enough for text, and the same everywhere. */
function makeRandom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Distinct words, the shorter ones first as the more frequent are in real text. */
function makeVocabulary(random: () => number): Uint8Array[] {
  const words = new Set<string>();
  while (words.size < VOCABULARY_SIZE) {
    const base = 1.95 + Math.sqrt(Math.sqrt(words.size)) * 0.45;
    const length = Math.max(1, Math.round(base + (random() % 5)) - 1);
    let word = '';
    for (let i = 0; i < length; i++) {
      // The product of two draws prefers the frequent letters.
      const at = ((random() % 26) * (random() % 26)) / 26;
      word += LETTERS[Math.floor(at)];
    }
    if (random() % 12 === 0) word = word.charAt(0).toUpperCase() + word.slice(1);
    words.add(word);
  }
  return [...words].map((word) => Buffer.from(word));
}

/** Draws a rank by Zipf's law with exponent 1: equal steps of log(rank), from a table. */
function makeRanks(): Uint32Array {
  const weights = new Float64Array(VOCABULARY_SIZE);
  let total = 0;
  for (let rank = 0; rank < VOCABULARY_SIZE; rank++) total += weights[rank] = 1 / (rank + 1);
  const ranks = new Uint32Array(1 << 22);
  let rank = 0;
  let reached = (weights[0] as number) / total;
  for (let i = 0; i < ranks.length; i++) {
    while (i / ranks.length > reached && rank < VOCABULARY_SIZE - 1) {
      rank++;
      reached += (weights[rank] as number) / total;
    }
    ranks[i] = rank;
  }
  return ranks;
}

function writeFile(path: string, sizeBytes: number, text: TextSource): void {
  const buffer = Buffer.alloc(BUFFER_BYTES + 256);
  const file = openSync(path, 'w');
  let written = 0;
  let used = 0;
  let wordsInLine = 0;
  while (written + used < sizeBytes) {
    const word = text.vocabulary[text.ranks[text.random() >>> 10] as number] as Uint8Array;
    buffer.set(word, used);
    used += word.length;
    wordsInLine = (wordsInLine + 1) % WORDS_PER_LINE;
    if (text.random() % 14 === 0) buffer[used++] = 44;
    buffer[used++] = wordsInLine === 0 ? 10 : 32;
    if (used >= BUFFER_BYTES) {
      written += writeSync(file, buffer, 0, used);
      used = 0;
    }
  }
  buffer[used - 1] = 10;
  writeSync(file, buffer, 0, used);
  closeSync(file);
}

interface TextSource {
  readonly vocabulary: readonly Uint8Array[];
  readonly ranks: Uint32Array;
  readonly random: () => number;
}

export interface CorpusOptions {
  /** Where the files go; a corpus that is there already is used again. */
  readonly directory: string;
  readonly totalBytes: number;
  readonly files: number;
}

/** Writes the corpus and returns the paths of its files. */
export function makeCorpus(options: CorpusOptions): string[] {
  const { directory, totalBytes, files } = options;
  mkdirSync(directory, { recursive: true });
  const sizeBytes = Math.floor(totalBytes / files);
  const paths = Array.from({ length: files }, (_, i) =>
    join(directory, `text-${String(i).padStart(3, '0')}.txt`),
  );
  if (paths.every((path) => existsSync(path) && statSync(path).size >= sizeBytes)) return paths;
  const vocabulary = makeVocabulary(makeRandom(20261120));
  const ranks = makeRanks();
  for (const [i, path] of paths.entries()) {
    writeFile(path, sizeBytes, { vocabulary, ranks, random: makeRandom(7919 * (i + 1)) });
  }
  return paths;
}
