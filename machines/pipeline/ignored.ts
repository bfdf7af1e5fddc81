/** The pairs of state and event of the pipeline that are left unheard on purpose. */
import type { Ignored } from '../chart.js';

const NOT_A_LEADER = 'Only the leader has followers and proposals; roles never change.';

export const ignoredByPipeline: Ignored = {
  leader: { append: 'Nobody else sends entries: roles never change.' },
  follower: {
    propose: NOT_A_LEADER,
    appendResult: NOT_A_LEADER,
    heartbeat: 'A follower arms no timer.',
    persisted: 'Its acknowledgements wait for the disk in the host, not in the chart.',
  },
};
