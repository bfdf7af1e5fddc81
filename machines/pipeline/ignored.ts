/** The pairs of state and event of the pipeline that are left unheard on purpose. */
import type { Ignored } from '../chart.js';

const NOT_A_LEADER = 'Only the leader has followers and proposals; roles never change.';

const NOT_YET = 'It leads once its epoch is on disk; clients and heartbeats repeat what is lost.';

export const ignoredByPipeline: Ignored = {
  beginning: {
    propose: NOT_YET,
    appendResult: NOT_YET,
    append: 'Nobody else sends entries: roles never change.',
    heartbeat: 'It arms no timer yet.',
  },
  leader: { append: 'Nobody else sends entries: roles never change.' },
  follower: {
    propose: NOT_A_LEADER,
    appendResult: NOT_A_LEADER,
    heartbeat: 'A follower arms no timer.',
    persisted: 'Its acknowledgements wait for the disk in the host, not in the chart.',
  },
};
