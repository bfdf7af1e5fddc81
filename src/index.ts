/**
 * `conclave`: the library. Parts that stand alone have subpaths (`conclave/machines`,
 * `conclave/actors`, …); this module has what an application starts with.
 */
export { ConclaveError, ERROR_CODES, type ErrorCode } from './errors.js';
