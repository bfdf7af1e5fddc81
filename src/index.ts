/**
 * `conclave`: the library. Parts that stand alone have subpaths (`conclave/machines`,
 * `conclave/actors`, …); this module has what an application starts with.
 */
export { ConclaveError, ERROR_CODES, type ErrorCode } from './errors.js';
export { ActorSystem } from './host/actor-system.js';
export type { ResourceLimits } from './host/actor-thread-pool.js';
export type { ActorBinding, EndpointBinding, PortContext } from './host/binding.js';
export { Endpoint, type EndpointOptions, type EndpointRequest } from './host/endpoint.js';
export type { SupervisionPolicy } from './host/supervision.js';
export type {
  ActorSpec,
  ActorSystemOptions,
  SystemEvent,
  ThreadOptions,
} from './host/system-options.js';
export { mapReduce } from './mapreduce/job.js';
export type {
  JobControl,
  JobEvent,
  JobProgress,
  MapReduceOptions,
  MapReduceReport,
} from './mapreduce/options.js';
export type { Delay, LinkSettings } from './router/link-settings.js';
export { Network, type NetworkTotals } from './router/network.js';
export { PRESETS, type PresetName } from './router/presets.js';
export { type SimulateOptions, type SimulationResult, simulate } from './sim/index.js';
