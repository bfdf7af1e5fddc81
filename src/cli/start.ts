/**
 * What `npm start` runs: the main job, `conclave demo`, or with words (`npm start -- sim --list`)
 * any command. Options alone (`npm start -- --json`) are the demo's, except those that ask for the
 * program's own help or version.
 */
import { runToExit } from './run.js';

const OWN_WORDS = ['-h', '--help', '-v', '--version'];

const words = process.argv.slice(2);
const first = words.find((word) => !word.startsWith('-'));
const isDemo = first === undefined && !words.some((word) => OWN_WORDS.includes(word));
await runToExit(isDemo ? ['demo', ...words] : words);
