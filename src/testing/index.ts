export { type FakeClock, type FakeClockOptions, fakeClock } from './fake-clock.ts'
export {
  type HostTransaction,
  type StoreContractCase,
  type StoreHarness,
  storeContract,
} from './store-contract.ts'
