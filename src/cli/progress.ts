/**
 * The progress bar, one line at the bottom of standard error, in phases: `map [====    ] 12/40`.
 * cli-progress draws it (redraws at most ten times a second, no dependency but string-width, and
 * its timer stops with the bar); what stands in the line is made here, so that it always fits.
 */
import { SingleBar } from 'cli-progress';
import type { Colours } from './colours.js';
import { formatDuration } from './quantities.js';

export interface ProgressStep {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** More, where there is room, such as `31.0 MiB`. */
  readonly detail?: string;
}

const BAR_WIDTH_MAX = 40;
const BAR_WIDTH_MIN = 10;
const PHASE_WIDTH = 8;

export class Progress {
  readonly #stream: NodeJS.WriteStream | undefined;
  readonly #colours: Colours;
  #bar: SingleBar | undefined;
  #step: ProgressStep | undefined;
  #startedMs = 0;

  /** Without a stream it draws nothing. */
  constructor(stream: NodeJS.WriteStream | undefined, colours: Colours) {
    this.#stream = stream;
    this.#colours = colours;
  }

  update(step: ProgressStep): void {
    if (this.#stream === undefined) return;
    if (this.#step?.phase !== step.phase) this.#startedMs = performance.now();
    this.#step = step;
    if (this.#bar === undefined) this.#draw(this.#stream);
    else this.#bar.update(step.done);
  }

  /** Writes lines above the bar. */
  aside(write: () => void): void {
    const wasDrawn = this.#bar !== undefined;
    this.#erase();
    write();
    if (wasDrawn && this.#stream !== undefined) this.#draw(this.#stream);
  }

  stop(): void {
    this.#erase();
    this.#step = undefined;
  }

  #draw(stream: NodeJS.WriteStream): void {
    this.#bar = new SingleBar({
      stream,
      format: () => this.#line(stream.columns || 80),
      clearOnComplete: true,
      // The line is cut to the terminal here; its settings are left alone.
      linewrap: null,
      hideCursor: null,
      // The elapsed time moves although the count does not.
      forceRedraw: true,
    });
    this.#bar.start(Math.max(1, this.#step?.total ?? 1), this.#step?.done ?? 0);
  }

  #erase(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #line(columns: number): string {
    const step = this.#step;
    if (step === undefined) return '';
    const elapsedMs = performance.now() - this.#startedMs;
    return progressLine({ ...step, elapsedMs, columns }, this.#colours);
  }
}

/** One line of at most `columns - 1` columns; drops the detail, then the bar, when it is narrow. */
export function progressLine(
  step: ProgressStep & { readonly elapsedMs: number; readonly columns: number },
  colours: Colours,
): string {
  const room = step.columns - 1;
  const phase = step.phase.padEnd(PHASE_WIDTH);
  const count = `${String(step.done).padStart(String(step.total).length)}/${step.total}`;
  const time = elapsed(step.elapsedMs);
  const tails = [
    [`${count} ${step.unit}`, step.detail, time].filter((part) => part !== undefined).join('  '),
    `${count} ${step.unit}`,
    count,
  ];
  for (const tail of tails) {
    const width = Math.min(BAR_WIDTH_MAX, room - phase.length - tail.length - 4);
    if (width < BAR_WIDTH_MIN) continue;
    return `${colours.bold(phase)} [${bar(step, width)}] ${tail}`;
  }
  return `${step.phase} ${count}`.slice(0, Math.max(0, room));
}

function elapsed(elapsedMs: number): string {
  if (elapsedMs < 60_000) return `${Math.floor(elapsedMs / 1000)} s`;
  return formatDuration(Math.floor(elapsedMs / 1000) * 1000);
}

function bar(step: ProgressStep, width: number): string {
  const share = step.total > 0 ? Math.min(1, step.done / step.total) : 0;
  // Rounded down: a bar that looks full means that all is done.
  const full = Math.floor(share * width);
  return '='.repeat(full) + ' '.repeat(width - full);
}
