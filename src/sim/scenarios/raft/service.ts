/**
 * The state machine of the Raft scenarios: a hash over all that was applied, and a snapshot of it
 * every so many entries. The oracle hears of everything.
 */
import { decode, encode } from '../../../../actors/codec/positional.js';
import { type RaftService, raftPorts } from '../../../../actors/raft/raft-actor.js';
import type { SimPorts } from '../../actor-life.js';
import type { RaftOracle } from './oracle.js';
import { foldEntry } from './state-hash.js';

export interface ServicePlan {
  /** A snapshot is taken when that many entries have been applied since the last; 0: never. */
  readonly snapshotEvery: number;
  /** How large it is made. */
  readonly snapshotBytes: number;
}

export function oracleService(oracle: RaftOracle, plan: ServicePlan): SimPorts {
  return ({ name, incarnation, complete }) => {
    let state = 0;
    let snapshotAt = 0;
    const service: RaftService = {
      apply: (index, term, command) => {
        state = foldEntry(state, index, command);
        oracle.applied(name, incarnation, { index, term, command });
        if (plan.snapshotEvery > 0 && index - snapshotAt >= plan.snapshotEvery) {
          snapshotAt = index;
          const bytes = encode([state, new Uint8Array(plan.snapshotBytes)]);
          complete('service', { type: 'snapshotTaken', index, bytes });
        }
      },
      restore: (index, _term, bytes) => {
        [state] = decode(bytes) as [number];
        snapshotAt = index;
        oracle.restored(name, incarnation, index, state);
      },
    };
    return raftPorts(service);
  };
}
