/**
 * Which events which states of the charts take no notice of, and why. Every other pair of a state
 * and an event has a transition; a test walks the matrix, so that a new event cannot be forgotten.
 */
import type { Ignored } from '../chart.js';

const late = 'late news of an attempt that is not live';
const notDone = 'only the output of a task that is done can be lost';
const given = 'the coordinator gives out idle and running tasks only';

export const ignoredByTask: Ignored = {
  idle: {
    attemptProgressed: late,
    attemptFinished: late,
    attemptFailed: late,
    attemptRevoked: late,
    deadlinePassed: 'no attempt is live',
    outputLost: notDone,
    inputChanged: 'nothing was made of the input yet',
  },
  running: { outputLost: notDone },
  done: {
    attemptAssigned: given,
    attemptProgressed: late,
    attemptFinished: 'late or repeated: a task is won once',
    attemptFailed: late,
    attemptRevoked: late,
    deadlinePassed: 'no attempt is live',
  },
};

const uncommitted = 'a client commits what it was given in the commit phase, never before';
const settled = 'the job has ended already';
const afterEnd = {
  outputCommitted: 'told again because the answer was lost',
  commitFailed: settled,
  jobCancelled: settled,
  workerLost: settled,
  sweepDue: 'the timer was disarmed',
};

export const ignoredByJob: Ignored = {
  'working.mapping': { outputCommitted: uncommitted, commitFailed: uncommitted },
  'working.reducing': { outputCommitted: uncommitted, commitFailed: uncommitted },
  ended: afterEnd,
};

const answered = 'an answer that came twice, or after the call was given up';
const noAttempt = 'late news of an attempt that was given up';
const notArmed = 'the timer is not armed in this state';
const noCall = 'no call is out in this state';
const answersToAsking = { taskGiven: answered, waitTold: answered, terminateTold: answered };
const newsOfAttempts = {
  attemptContinued: noAttempt,
  attemptCancelled: noAttempt,
  attemptFinished: noAttempt,
  attemptFailed: noAttempt,
  attemptProgress: noAttempt,
};

export const ignoredByMrWorker: Ignored = {
  configuring: {
    ...answersToAsking,
    ...newsOfAttempts,
    askDue: notArmed,
    beatDue: notArmed,
  },
  'configuring.calling': { retryDue: notArmed },
  'configuring.pausing': { callUnanswered: noCall },
  asking: {
    ...newsOfAttempts,
    configReceived: answered,
    askDue: notArmed,
    beatDue: notArmed,
  },
  'asking.calling': { retryDue: notArmed },
  'asking.pausing': { callUnanswered: noCall },
  waiting: {
    ...answersToAsking,
    ...newsOfAttempts,
    configReceived: answered,
    callUnanswered: noCall,
    retryDue: notArmed,
    beatDue: notArmed,
  },
  running: {
    ...answersToAsking,
    configReceived: answered,
    retryDue: notArmed,
    askDue: notArmed,
  },
};
