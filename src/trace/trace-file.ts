/**
 * Trace files: writes and strictly reads the event record (`record.ts`). What is read may come from
 * anywhere: sizes are capped, unknown fields and types are refused, and every error names its line.
 */
import { MESSAGE_KINDS } from '../../actors/message-kinds.js';
import { ConclaveError, messageOf } from '../errors.js';
import { TRACE_VERSION, type TraceBody, type TraceEvent, type TraceHeader } from './record.js';

export interface TraceLimits {
  readonly lineChars: number;
  readonly events: number;
  /** Nesting of objects and arrays within a line. */
  readonly depth: number;
}

export const TRACE_LIMITS: TraceLimits = { lineChars: 65_536, events: 10_000_000, depth: 16 };

export interface Trace {
  readonly header: TraceHeader;
  readonly events: readonly TraceEvent[];
}

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const isString: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isAnything: Check = () => true;
const isRecord: Check = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isOneOf = (...options: readonly unknown[]): Check => {
  return (value) => options.includes(value);
};
const isStateValue: Check = (value) =>
  isString(value) || (isRecord(value) && Object.values(value as object).every(isStateValue));
/** The field may be absent. */
const OPTIONAL = new Set(['exit.error', 'fault.detail', 'log.fields']);

const MESSAGE: Fields = {
  message: isCount,
  from: isString,
  to: isString,
  kind: isOneOf(...MESSAGE_KINDS),
  rpc: isOneOf('none', 'request', 'reply'),
  correlation: isCount,
  sizeBytes: isCount,
};

const BODIES: Readonly<Record<TraceBody['type'], Fields>> = {
  spawn: { incarnation: isCount },
  restart: { incarnation: isCount },
  exit: {
    incarnation: isCount,
    reason: isOneOf('stopped', 'killed', 'failed'),
    error: isString,
  },
  pause: {},
  resume: {},
  send: MESSAGE,
  deliver: MESSAGE,
  drop: { ...MESSAGE, reason: isOneOf('loss', 'cut', 'gone', 'overflow', 'stray') },
  timerSet: { timer: isString, deadline: isCount },
  timerCancelled: { timer: isString },
  timerFired: { timer: isString },
  transition: {
    event: isString,
    from: (value) => value === null || isStateValue(value),
    to: isStateValue,
  },
  write: { token: isCount, sizeBytes: isCount },
  persisted: { upTo: isCount },
  fault: { fault: isString, detail: isAnything },
  log: {
    level: isOneOf('debug', 'info', 'warn', 'error'),
    message: isString,
    fields: isRecord,
  },
  mark: { text: isString },
  violation: { invariant: isString, detail: isString },
};

const EVENT: Fields = { type: isString, at: isCount, seq: isCount, actor: isString };

const HEADER: Fields = {
  trace: isOneOf('conclave'),
  version: isOneOf(TRACE_VERSION),
  host: isOneOf('sim', 'threads'),
  seed: (value) => value === null || (isString(value) && /^\d{1,20}$/.test(value as string)),
  scenario: (value) => value === null || isString(value),
  options: isRecord,
};

/** The lines of a trace file, each with its line feed. */
export function* formatTrace(header: TraceHeader, events: Iterable<TraceEvent>): Generator<string> {
  yield `${JSON.stringify(header)}\n`;
  for (const event of events) yield `${JSON.stringify(event)}\n`;
}

/**
 * Reads a trace from its lines (without their line feeds; a last empty one is skipped). Throws a
 * `ConclaveError` INPUT that names the first bad line.
 */
export function readTrace(lines: Iterable<string>, limits: TraceLimits = TRACE_LIMITS): Trace {
  let header: TraceHeader | undefined;
  const events: TraceEvent[] = [];
  let lineNumber = 0;
  let hasEnded = false;
  for (const line of lines) {
    lineNumber++;
    if (line === '') {
      hasEnded = true;
      continue;
    }
    if (hasEnded) refuse(lineNumber - 1, 'is empty');
    const value = parseLine(line, lineNumber, limits);
    if (header === undefined) {
      header = checkHeader(value, lineNumber);
    } else {
      events.push(checkEvent(value, lineNumber, events.at(-1)));
      if (events.length > limits.events) refuse(lineNumber, `exceeds ${limits.events} events`);
    }
  }
  if (header === undefined) refuse(1, 'is missing: a trace begins with a header');
  return { header, events };
}

function parseLine(line: string, lineNumber: number, limits: TraceLimits): object {
  if (line.length > limits.lineChars) {
    refuse(lineNumber, `is longer than ${limits.lineChars} characters`);
  }
  if (depthOf(line) > limits.depth) refuse(lineNumber, `is nested deeper than ${limits.depth}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    refuse(lineNumber, `is not JSON: ${messageOf(cause)}`);
  }
  if (!isRecord(value)) refuse(lineNumber, 'is not a JSON object');
  return value as object;
}

/** The nesting of a line, brackets within strings not counted: before JSON.parse recurses. */
function depthOf(line: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (isInString) {
      if (char === '\\') i++;
      else if (char === '"') isInString = false;
    } else if (char === '"') {
      isInString = true;
    } else if (char === '{' || char === '[') {
      deepest = Math.max(deepest, ++depth);
    } else if (char === '}' || char === ']') {
      depth--;
    }
  }
  return deepest;
}

function checkHeader(value: object, lineNumber: number): TraceHeader {
  const { trace, version } = value as Record<string, unknown> & { trace?: unknown };
  if (trace !== 'conclave') refuse(lineNumber, 'is not the header of a conclave trace');
  if (version !== TRACE_VERSION) {
    refuse(lineNumber, `has version ${String(version)}; this program reads ${TRACE_VERSION}`);
  }
  checkFields(value, HEADER, 'header', lineNumber);
  return value as TraceHeader;
}

function checkEvent(value: object, lineNumber: number, before: TraceEvent | undefined): TraceEvent {
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string' || !Object.hasOwn(BODIES, type)) {
    refuse(lineNumber, `has the unknown type ${JSON.stringify(type)}`);
  }
  checkFields(value, { ...EVENT, ...BODIES[type as TraceBody['type']] }, type, lineNumber);
  const event = value as TraceEvent;
  if (before !== undefined && (event.seq <= before.seq || event.at < before.at)) {
    refuse(lineNumber, 'is out of order: seq must increase and at must not decrease');
  }
  return event;
}

function checkFields(value: object, fields: Fields, type: string, lineNumber: number): void {
  for (const [name, check] of Object.entries(fields)) {
    if (!Object.hasOwn(value, name)) {
      if (!OPTIONAL.has(`${type}.${name}`)) refuse(lineNumber, `lacks '${name}' (${type})`);
    } else if (!check((value as Record<string, unknown>)[name])) {
      refuse(lineNumber, `has a wrong '${name}' (${type})`);
    }
  }
  for (const name of Object.keys(value)) {
    if (!Object.hasOwn(fields, name))
      refuse(lineNumber, `has the unknown field '${name}' (${type})`);
  }
}

function refuse(lineNumber: number, problem: string): never {
  throw new ConclaveError('INPUT', `trace: line ${lineNumber} ${problem}`);
}
