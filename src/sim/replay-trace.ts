/** Runs the seed of a recorded trace again, and compares the two event by event. */
import { ConclaveError } from '../errors.js';
import type { TraceEvent } from '../trace/record.js';
import type { Trace } from '../trace/trace-file.js';
import { type SimulationResult, simulate } from './simulate.js';

export type TraceReplay =
  | { readonly type: 'same'; readonly result: SimulationResult }
  | {
      readonly type: 'differs';
      readonly result: SimulationResult;
      /** Position in the trace, from 0, of the first event that differs. */
      readonly position: number;
      readonly recorded: TraceEvent | undefined;
      readonly replayed: TraceEvent | undefined;
    };

/**
 * Throws a `ConclaveError` INPUT for a trace of worker threads, whose schedule no seed fixes
 * (their actors' recordings replay, see `actor-recording.ts`), and for options of another version.
 */
export function replayTrace({ header, events }: Trace): TraceReplay {
  const { host, seed, scenario } = header;
  if (host !== 'sim' || seed === null || scenario === null) {
    throw new ConclaveError('INPUT', 'only a trace of the simulator can be run again');
  }
  const result = rerun(seed, scenario, header.options);
  const replayed = result.trace?.events ?? [];
  const length = Math.max(events.length, replayed.length);
  for (let i = 0; i < length; i++) {
    if (!isSame(events[i], replayed[i])) {
      return { type: 'differs', result, position: i, recorded: events[i], replayed: replayed[i] };
    }
  }
  return { type: 'same', result };
}

function rerun(
  seed: string,
  scenario: string,
  options: Readonly<Record<string, unknown>>,
): SimulationResult {
  try {
    return simulate({ ...options, seed, scenario, isTraced: true });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ConclaveError('INPUT', `the trace's options: ${cause.message}`, { cause });
  }
}

/** Both come from plain JSON data with the same order of keys. */
function isSame(a: TraceEvent | undefined, b: TraceEvent | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
