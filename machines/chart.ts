/** What stands beside a machine: how the system, its tests and its drawings know it. */
import type { AnyStateMachine } from 'xstate';

/**
 * State path (`working.mapping`; of a parallel state, the path in its region) → event type → why
 * the state may leave that event unheard. The pairs that are neither here nor handled are
 * mistakes: `test/machines/matrix.test.ts` walks every chart for them. Never an empty transition
 * instead: it would block the parent's handler.
 */
export type Ignored = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface Chart {
  /** As `conclave charts` names it. */
  readonly name: string;
  readonly machine: AnyStateMachine;
  readonly ignored: Ignored;
}
