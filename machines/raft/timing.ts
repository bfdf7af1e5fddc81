/**
 * The election time-out: a deadline that moves with every heartbeat, and one timer that stays where
 * it is. When the timer fires too early it is armed for the rest, so that a heartbeat costs no
 * timer (DESIGN § 2).
 */
import type { RaftEffect } from './effects.js';
import type { EventOf, Micros, RaftEvent } from './messages.js';
import { drawTimeout, nowOf, type RaftContext, type Result } from './state.js';

/** The node waits a whole time-out again. */
export function postponeElection(context: RaftContext, now: Micros): RaftContext {
  return { ...context, electionDeadline: now + context.electionMicros };
}

/** Arms the timer unless it will fire by the deadline anyway. */
export function armElection(context: RaftContext, now: Micros): Result {
  const { electionDeadline, electionTimerAt } = context;
  if (electionTimerAt !== null && electionTimerAt <= electionDeadline) return [context, []];
  const delayMicros = Math.max(1, electionDeadline - now);
  const effect: RaftEffect = { type: 'setTimer', timer: 'election', delayMicros };
  return [{ ...context, electionTimerAt: electionDeadline }, [effect]];
}

/** Entering the follower's state. One that resigned from office waits a whole time-out. */
export function follow(context: RaftContext, event: RaftEvent): Result {
  const now = nowOf(event);
  if (now === undefined) {
    const { electionDeadline, electionMicros } = context;
    return armElection(context, electionDeadline - electionMicros);
  }
  const isOverdue = context.electionDeadline <= now;
  return armElection(isOverdue ? postponeElection(context, now) : context, now);
}

/** The timer has fired before its deadline: it is armed for the rest. */
export function rearmElection(context: RaftContext, { now }: EventOf<'electionTimer'>): Result {
  const fired = { ...context, electionTimerAt: null };
  // A node that may not campaign keeps waiting: it may be made a voter at any time.
  const isOverdue = context.electionDeadline <= now;
  return armElection(isOverdue ? postponeElection(fired, now) : fired, now);
}

/** A leader needs no election timer; it is armed again when it resigns. */
export function dropElectionTimer(context: RaftContext): Result {
  return [{ ...context, electionTimerAt: null }, []];
}

/** The timer has fired: the next time-out is another one, or votes would split again (§5.2). */
export function redraw(context: RaftContext, { draw }: EventOf<'electionTimer'>): Result {
  const electionMicros = drawTimeout(context.options, draw);
  return [{ ...context, electionMicros, electionTimerAt: null }, []];
}
