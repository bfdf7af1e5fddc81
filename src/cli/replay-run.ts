/** Reads a trace file, runs its seed again, and says whether the two agree. */
import { readFileSync, statSync } from 'node:fs';
import { ConclaveError, messageOf } from '../errors.js';
import { replayTrace, type TraceReplay } from '../sim/index.js';
import { readTrace, type Trace } from '../trace/trace-file.js';
import type { ExitCode } from './command.js';
import type { Output } from './output.js';
import { plural } from './quantities.js';

/** A file that is larger was not written by `sim --trace`. */
const FILE_BYTES_MAX = 500_000_000;

export function runReplay(file: string, output: Output): ExitCode {
  const trace = load(file);
  const replayed = replayTrace(trace);
  const { scenario, seed, traceHash, violations } = replayed.result;
  const [violation] = violations;
  const events = trace.events.length;
  output.report({
    scenario,
    seed,
    events,
    outcome: replayed.type,
    ...(replayed.type === 'differs' && { position: replayed.position }),
    traceHash,
    violations,
  });
  output.print(`${scenario}, seed ${seed}: ${describe(replayed, events)}; trace hash ${traceHash}`);
  if (violation !== undefined) {
    const { step, invariant, detail } = violation;
    output.print(`SEED=${seed} SCENARIO=${scenario} STEP=${step} INVARIANT=${invariant}`);
    output.note(`  ${detail}`);
  }
  return replayed.type === 'same' && violation === undefined ? 0 : 1;
}

function describe(replayed: TraceReplay, events: number): string {
  if (replayed.type === 'same') return `the same ${plural(events, 'event')}`;
  const { position, recorded, replayed: now } = replayed;
  const was = recorded === undefined ? 'the end' : JSON.stringify(recorded);
  const is = now === undefined ? 'the end' : JSON.stringify(now);
  return `event ${position} was ${was} and is ${is}`;
}

function load(file: string): Trace {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX) throw new RangeError(`it is larger than ${FILE_BYTES_MAX} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `the trace '${file}' cannot be read: ${messageOf(cause)}`;
    throw new ConclaveError('INPUT', message, { cause });
  }
  try {
    return readTrace(text.split('\n'));
  } catch (cause) {
    const message = `${file}: ${messageOf(cause)}; give a file that 'conclave sim --trace' wrote`;
    throw new ConclaveError('INPUT', message, { cause });
  }
}
