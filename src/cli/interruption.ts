/**
 * SIGINT and SIGTERM as an `AbortSignal`. The first one asks the command to stop cleanly; the
 * second ends the process at once.
 */
import { ConclaveError } from '../errors.js';

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

/**
 * Under `npm start` one Ctrl-C arrives twice: from the terminal, and passed on by npm. What follows
 * the first within this time is the same request.
 */
const SAME_REQUEST_MS = 100;

export class Interruption {
  readonly #controller = new AbortController();
  readonly #nowMs: () => number;
  #first: { readonly name: StopSignal; readonly atMs: number } | undefined;

  /** `nowMs` is monotonic. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** 130 or 143 once a signal has come. */
  get exitCode(): number | undefined {
    return this.#first === undefined ? undefined : EXIT_CODES[this.#first.name];
  }

  /** `onFirst` may tell the user; `onSecond` must end the process. */
  listen(
    source: Pick<NodeJS.Process, 'on'>,
    options: { onFirst: () => void; onSecond: (exitCode: number) => void },
  ): void {
    for (const name of Object.keys(EXIT_CODES) as StopSignal[]) {
      source.on(name, () => {
        const nowMs = this.#nowMs();
        if (this.#first === undefined) {
          this.#first = { name, atMs: nowMs };
          options.onFirst();
          this.#controller.abort(new ConclaveError('INTERRUPTED', `stopped by ${name}`));
        } else if (nowMs - this.#first.atMs > SAME_REQUEST_MS) {
          options.onSecond(EXIT_CODES[name]);
        }
      });
    }
  }

  /** Ends the work because nobody reads its output any more; there is no exit code for it. */
  abandon(): void {
    this.#controller.abort(new ConclaveError('INTERRUPTED', 'standard output was closed'));
  }
}
