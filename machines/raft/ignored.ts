/** The pairs of state and event of the Raft chart that are left unheard on purpose. */
import type { Ignored } from '../chart.js';

const noOffice = 'The timer belongs to a leader, and was cancelled with its office.';
const takesOver = 'It campaigns already, or leads.';

export const ignoredByRaft: Ignored = {
  'role.follower': { heartbeatTimer: noOffice },
  'role.preCandidate': { heartbeatTimer: noOffice },
  'role.candidate': { heartbeatTimer: noOffice, timeoutNow: takesOver },
  'role.leader': { timeoutNow: takesOver },
};
