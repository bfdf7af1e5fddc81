/**
 * What a node knows of its log without its payloads: where it starts and ends, terms as runs, the
 * configurations in it, and roughly how many bytes lie where. It grows with the number of terms
 * since the last snapshot, not with the number of entries (DESIGN § 4).
 */
import type { Configuration } from './configuration.js';

/** Log positions start at 1; 0 is before the first entry. */
export type Index = number;

export type Term = number;

/** Entries from `from` on, up to the next run, are of this term. */
export type TermRun = readonly [term: Term, from: Index];

/** In messages and records: so many entries of this term, one run behind the other. */
export type TermCount = readonly [term: Term, count: number];

export type PlacedConfiguration = readonly [index: Index, configuration: Configuration];

/** All entries up to `index` have about this many bytes together. */
type SizeMark = readonly [index: Index, bytes: number];

/** The latest snapshot: the state after `index`, and who the members were then. */
export interface SnapshotMetadata {
  readonly index: Index;
  readonly term: Term;
  readonly configuration: Configuration;
}

export interface LogMetadata {
  /** The oldest entry that is still there; `lastIndex + 1` in an empty log. */
  readonly firstIndex: Index;
  /** The term of the entry before the first. */
  readonly baseTerm: Term;
  readonly lastIndex: Index;
  readonly runs: readonly TermRun[];
  /** Ascending; the first is the one in force at the snapshot, the last is the effective one. */
  readonly configurations: readonly PlacedConfiguration[];
  readonly snapshot: SnapshotMetadata;
  readonly sizes: readonly SizeMark[];
}

/** Entries as they are appended: their terms, the configurations among them, their bytes. */
export interface Appended {
  readonly first: Index;
  readonly runs: readonly TermCount[];
  readonly configurations: readonly PlacedConfiguration[];
  readonly sizeBytes: number;
}

/** A mark of sizes for at least this many bytes, and this many marks at most. */
const MARK_BYTES = 32 * 1024;
const MARKS_MAX = 256;

/** A log that holds nothing but what a snapshot covers. */
export function logAfter(snapshot: SnapshotMetadata): LogMetadata {
  return {
    firstIndex: snapshot.index + 1,
    baseTerm: snapshot.term,
    lastIndex: snapshot.index,
    runs: [],
    configurations: [[snapshot.index, snapshot.configuration]],
    snapshot,
    sizes: [[snapshot.index, 0]],
  };
}

/** The term of an entry; undefined when it is compacted away or not there yet. */
export function termAt(log: LogMetadata, index: Index): Term | undefined {
  if (index > log.lastIndex || index < log.firstIndex - 1) return undefined;
  if (index === log.firstIndex - 1) return log.baseTerm;
  for (let at = log.runs.length - 1; at >= 0; at--) {
    const [term, from] = log.runs[at] as TermRun;
    if (from <= index) return term;
  }
  return log.baseTerm;
}

export function lastTerm(log: LogMetadata): Term {
  return log.runs.at(-1)?.[0] ?? log.baseTerm;
}

/** The terms of the entries `first … last`. */
export function runsOf(log: LogMetadata, first: Index, last: Index): readonly TermCount[] {
  const counts: TermCount[] = [];
  for (let at = 0; at < log.runs.length; at++) {
    const [term, from] = log.runs[at] as TermRun;
    const end = Math.min(last, (log.runs[at + 1]?.[1] ?? log.lastIndex + 1) - 1);
    const start = Math.max(first, from);
    if (start <= end) counts.push([term, end - start + 1]);
  }
  return counts;
}

/**
 * The largest index at or below `index` whose term is at most `term`; `firstIndex - 1` when none
 * is. Both sides of a conflict go back by it, so that a probe skips whole terms (Raft §5.3).
 */
export function lastIndexOfTermUpTo(log: LogMetadata, index: Index, term: Term): Index {
  let end = Math.min(index, log.lastIndex);
  for (let at = log.runs.length - 1; at >= 0; at--) {
    const [runTerm, from] = log.runs[at] as TermRun;
    if (from <= end && runTerm <= term) return end;
    end = Math.min(end, from - 1);
  }
  return Math.max(Math.min(end, log.firstIndex - 1), 0);
}

/** The first index from `first` on at which the log has another term; undefined if none has. */
export function firstConflict(
  log: LogMetadata,
  first: Index,
  runs: readonly TermCount[],
): Index | undefined {
  let index = first;
  for (const [term, count] of runs) {
    for (const end = index + count; index < end; index++) {
      if (index > log.lastIndex) return undefined;
      if (termAt(log, index) !== term) return index;
      // The rest of a run that both have in common needs no look at each entry.
      index = Math.min(end, runEnd(log, index) + 1) - 1;
    }
  }
  return undefined;
}

function runEnd(log: LogMetadata, index: Index): Index {
  for (const [, from] of log.runs) if (from > index) return from - 1;
  return log.lastIndex;
}

/** Replaces everything from `first` on by the new entries (Raft §5.3, receiver rules 3, 4). */
export function appendTo(log: LogMetadata, appended: Appended): LogMetadata {
  const { first } = appended;
  const kept = first <= log.lastIndex ? truncateFrom(log, first) : log;
  if (first !== kept.lastIndex + 1) {
    throw new RangeError(`entry ${first} does not follow entry ${kept.lastIndex}`);
  }
  const runs = [...kept.runs];
  let next = first;
  for (const [term, count] of appended.runs) {
    if (runs.at(-1)?.[0] !== term) runs.push([term, next]);
    next += count;
  }
  return {
    ...kept,
    lastIndex: next - 1,
    runs,
    configurations:
      appended.configurations.length === 0
        ? kept.configurations
        : [...kept.configurations, ...appended.configurations],
    sizes: withSize(kept.sizes, next - 1, appended.sizeBytes),
  };
}

/** Drops `first` and all behind it; the configurations among them are not in force any more. */
export function truncateFrom(log: LogMetadata, first: Index): LogMetadata {
  const lastIndex = first - 1;
  return {
    ...log,
    lastIndex,
    runs: log.runs.filter(([, from]) => from <= lastIndex),
    configurations: log.configurations.filter(([index], at) => at === 0 || index <= lastIndex),
    sizes: [...log.sizes.filter(([at]) => at < lastIndex), [lastIndex, bytesUpTo(log, lastIndex)]],
  };
}

/**
 * Notes a snapshot, and drops the entries up to `upTo` (at most the snapshot's index: some entries
 * stay for followers that lag a little).
 */
export function compactTo(
  log: LogMetadata,
  snapshot: SnapshotMetadata,
  upTo = snapshot.index,
): LogMetadata {
  const drop = Math.max(upTo, log.firstIndex - 1);
  const isAfter = ([index]: PlacedConfiguration) => index > snapshot.index;
  const runs = log.runs.filter(([, from], at) => {
    return Math.max(from, (log.runs[at + 1]?.[1] ?? log.lastIndex + 1) - 1) > drop;
  });
  return {
    firstIndex: drop + 1,
    baseTerm: termAt(log, drop) ?? snapshot.term,
    lastIndex: log.lastIndex,
    runs: runs.map(([term, from]) => [term, Math.max(from, drop + 1)]),
    configurations: [
      [snapshot.index, snapshot.configuration],
      ...log.configurations.filter(isAfter),
    ],
    snapshot,
    sizes: [[drop, bytesUpTo(log, drop)], ...log.sizes.filter(([index]) => index > drop)],
  };
}

/** In force on append, committed or not (Raft §6). */
export function effectiveConfiguration(log: LogMetadata): Configuration {
  return (log.configurations.at(-1) as PlacedConfiguration)[1];
}

/** Where the effective configuration stands. */
export function configurationIndex(log: LogMetadata): Index {
  return (log.configurations.at(-1) as PlacedConfiguration)[0];
}

/** The configuration in force at an index that is not below the snapshot's. */
export function configurationAt(log: LogMetadata, index: Index): Configuration {
  let found = (log.configurations[0] as PlacedConfiguration)[1];
  for (const [at, configuration] of log.configurations) if (at <= index) found = configuration;
  return found;
}

/** Whether a log that ends so is at least as complete as this one (Raft §5.4.1). */
export function isUpToDate(log: LogMetadata, term: Term, index: Index): boolean {
  const own = lastTerm(log);
  return term > own || (term === own && index >= log.lastIndex);
}

/** About how many bytes the entries `first … last` have. */
export function bytesOf(log: LogMetadata, first: Index, last: Index): number {
  return last < first ? 0 : bytesUpTo(log, last) - bytesUpTo(log, first - 1);
}

/** The last entry of at most `bytes` from `first` on; at least `first` itself. */
export function lastWithin(log: LogMetadata, first: Index, last: Index, bytes: number): Index {
  if (bytesOf(log, first, last) <= bytes) return last;
  let low = first;
  let high = last;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (bytesOf(log, first, middle) <= bytes) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Between two marks entries count as equally large: flow control needs no more. */
function bytesUpTo(log: LogMetadata, index: Index): number {
  let [lowIndex, lowBytes] = log.sizes[0] as SizeMark;
  if (index <= lowIndex) return lowBytes;
  for (let at = log.sizes.length - 1; at >= 0; at--) {
    const [markIndex, markBytes] = log.sizes[at] as SizeMark;
    if (markIndex > index) continue;
    [lowIndex, lowBytes] = [markIndex, markBytes];
    const above = log.sizes[at + 1];
    if (above === undefined || index === markIndex) return markBytes;
    const share = (index - lowIndex) / (above[0] - lowIndex);
    return lowBytes + Math.floor(share * (above[1] - lowBytes));
  }
  return lowBytes;
}

function withSize(sizes: readonly SizeMark[], index: Index, bytes: number): readonly SizeMark[] {
  const [, total] = sizes.at(-1) as SizeMark;
  const mark: SizeMark = [index, total + bytes];
  const before = sizes.at(-2);
  if (before !== undefined && mark[1] - before[1] < MARK_BYTES)
    return [...sizes.slice(0, -1), mark];
  const marks = [...sizes, mark];
  if (marks.length <= MARKS_MAX) return marks;
  // The older half gets coarser: what lags that far needs no fine grain.
  return marks.filter((_, at) => at === 0 || at > MARKS_MAX / 2 || at % 2 === 0);
}
