export {
  type EngineContractCase,
  type EngineGround,
  type EngineHarness,
  type EngineOpenOptions,
  engineContract,
} from './engine-contract.ts'
export { type FakeClock, type FakeClockOptions, fakeClock } from './fake-clock.ts'
export {
  createRecorder,
  type FailOptions,
  type RecordedAttempt,
  type Recorder,
  type RecorderConfig,
  type SentMatch,
  type SentMessage,
} from './recorder.ts'
export {
  type HostTransaction,
  type StoreContractCase,
  type StoreHarness,
  storeContract,
} from './store-contract.ts'
export {
  type ServiceAnswer,
  type ServiceRequest,
  type TransportContractCase,
  type TransportHarness,
  transportContract,
} from './transport-contract.ts'
