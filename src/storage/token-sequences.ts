/**
 * Which record of a log carries which token. Tokens usually go up by one with each record, so that
 * only the places where they do not are kept.
 */

interface Run {
  readonly token: number;
  readonly sequence: number;
}

export class TokenSequences {
  #runs: Run[] = [];

  /** The record of that sequence was written with that token; both increase. */
  note(token: number, sequence: number): void {
    const last = this.#runs.at(-1);
    if (last !== undefined && token - last.token === sequence - last.sequence) return;
    this.#runs.push({ token, sequence });
  }

  /**
   * The sequence of the first record whose token is at least `token`, and forgets what is before
   * it; undefined when every noted record has a smaller token, or none was noted.
   */
  takeFrom(token: number): number | undefined {
    const after = this.#runs.findIndex((run) => run.token > token);
    const at = (after < 0 ? this.#runs.length : after) - 1;
    const run = this.#runs[at];
    const next = this.#runs[at + 1];
    this.#runs = this.#runs.slice(Math.max(0, at));
    if (run === undefined) return next?.sequence;
    const sequence = run.sequence + token - run.token;
    return next === undefined ? sequence : Math.min(sequence, next.sequence);
  }
}
