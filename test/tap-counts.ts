/**
 * Counts tests in the output of `tap run`. A test is a `test(…)` of a test file: one claim, however
 * many assertions it makes.
 */
import { Parser, type Result } from 'tap-parser';

export interface Skipped {
  /** File and test. */
  readonly name: string;
  readonly reason: string;
}

export interface Failure {
  /** File, tests and assertion. */
  readonly name: string;
  /** What tap says of it: expected, found, where. */
  readonly details: unknown;
}

export interface Counts {
  readonly files: number;
  readonly passed: number;
  /** Failed tests, and files that failed outside any test: a crash, a time-out, no test at all. */
  readonly failed: number;
  /** Everything marked `skip` or `todo`, at any depth. */
  readonly skipped: readonly Skipped[];
  /** What failed by itself: assertions, and files that crashed. */
  readonly failures: readonly Failure[];
}

/** Never throws: output that breaks off counts as a failure. */
export function countTests(tap: string): Counts {
  const results: Result[] = [];
  const skipped: Skipped[] = [];
  const failures: Failure[] = [];
  let files = 0;
  let strayFailures = 0;
  let failuresInFile = 0;
  const root = new Parser();

  const note = (path: string, result: Result): void => {
    const name = `${path}${result.name}`;
    // A test fails because of what failed in it, which has been noted: children report first.
    const isConsequence = failures.some((inner) => inner.name.startsWith(`${name} > `));
    if (!result.ok && !isConsequence) failures.push({ name, details: result.diag });
    const mark = result.skip || result.todo;
    if (mark === false) return;
    const reason = mark === true ? 'no reason given' : mark;
    skipped.push({ name, reason });
  };
  const watchDepths = (parser: Parser, path: string): void => {
    parser.on('assert', (result: Result) => note(path, result));
    parser.on('child', (child: Parser) => watchDepths(child, `${path}${child.name} > `));
  };

  root.on('child', (file: Parser) => {
    failuresInFile = 0;
    watchDepths(file, `${file.name} > `);
    file.on('assert', (result: Result) => {
      if (!result.skip && !result.todo) results.push(result);
      if (!result.ok) failuresInFile++;
    });
  });
  root.on('assert', (result: Result) => {
    files++;
    note('', result);
    if (!result.ok && failuresInFile === 0) strayFailures++;
    failuresInFile = 0;
  });
  root.end(tap);

  const failedTests = results.filter((result) => !result.ok).length;
  const accounted = failedTests + strayFailures;
  return {
    files,
    passed: results.length - failedTests,
    // A plan that was not kept, a bail-out or an empty file is a failure that no test reports.
    failed: accounted === 0 && (files === 0 || !root.ok) ? 1 : accounted,
    skipped,
    failures,
  };
}
