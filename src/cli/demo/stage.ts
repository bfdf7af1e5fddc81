/**
 * A stage of the demo: one thing that the system can do, done for real and checked. A stage is a
 * file in this folder; `stages.ts` lists them in the order in which they run.
 */
import type { Output } from '../output.js';

export interface StageContext {
  /** An empty folder of its own; removed after the stage. */
  readonly scratch: string;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** One line of the story. */
  narrate(text: string): void;
}

/** One line of the table of what happened. */
export interface StageRow {
  readonly what: string;
  readonly outcome: string;
  /** How long it took; undefined where that says nothing. */
  readonly durationMs: number | undefined;
}

export interface StageReport {
  readonly rows: readonly StageRow[];
  /** What was checked, and whether it held. The demo fails when one did not. */
  readonly checks: readonly { readonly claim: string; readonly holds: boolean }[];
  /** Figures for `--json`. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Stage {
  readonly name: string;
  /** What it shows, as a heading. */
  readonly title: string;
  /** Rejects when its signal aborts; leaves nothing behind but its scratch folder. */
  run(context: StageContext): Promise<StageReport>;
}
