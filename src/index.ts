// The dispatcher, its parts that integrators need, and the contracts. Everything else has a subpath of its own:
// signalbox/catalog, /signing, /payloads, /http, /testing, /transports/*, /stores/*, /engines/*, /presets/*.
export { defineCatalog, defineEvent } from './catalog/index.ts'
export type { Authorize, AuthorizeRequest, ManagedAction } from './connections/authorize.ts'
export type { Organisation, OrganisationInfo } from './connections/deps.ts'
export type { RekeyResult } from './connections/rekey.ts'
export type * from './connections/types.ts'
export type * from './contracts/index.ts'
export type * from './deliveries/types.ts'
export { classifyHttpFailure, classifyResponse } from './delivery/classify.ts'
export { applyHealth } from './delivery/health.ts'
export { type Lane, type LanePlan, type LaneRow, planLane, returnTokens } from './delivery/plan-lane.ts'
export { parseRetryAfter } from './delivery/retry-after.ts'
export { type ExponentialDelaysOptions, exponentialDelays } from './delivery/schedule.ts'
export type { SuspensionPolicy } from './delivery/suspension.ts'
export type * from './digests/types.ts'
export type * from './dispatch/types.ts'
export { createDispatcher } from './dispatcher.ts'
export type { Dispatcher } from './dispatcher-api.ts'
export type { DispatcherOptions, WorkerOptions } from './dispatcher-options.ts'
export { type AesGcmKey, type AesGcmOptions, aesGcm, generateEncryptionKey } from './encryption/aes-gcm.ts'
export {
  type ErrorCode,
  isSignalboxError,
  SignalboxError,
  type SignalboxErrorOptions,
} from './errors.ts'
export type { EgressOptions } from './http/guard.ts'
export type { DispatcherEvents } from './worker/events.ts'
export type { DigestFacts } from './worker/messages.ts'
export type { PurgeOptions, PurgeResult } from './worker/purge.ts'
export type { RetentionOptions } from './worker/retention.ts'
export type { TickOptions, TickResult } from './worker/tick.ts'
