import { expect, it } from 'vitest'
import { type StoreProcess, startStoreProcess } from '../../support/store-processes.ts'
import { aBatch, aConnection, claim, delivered, ORG, openStore, T0, temporaryFile } from './fixtures.ts'

const WORKER = new URL('worker.ts', import.meta.url)
const HOUR = 3_600_000

const start = (path: string, name: string, batches: number, onLine?: (process: StoreProcess) => void): StoreProcess =>
  startStoreProcess(WORKER, path, name, batches, onLine)

it('several processes on one file: nothing is leased twice, nothing is lost', { timeout: 60_000 }, async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  for (let n = 0; n < 3; n++) await store.connections.insert(aConnection(`con_${n}`))
  const processes = ['a', 'b', 'c'].map((name) => start(path, name, 40))
  await Promise.all(processes.map(({ ended }) => ended))

  for (const { child } of processes) expect(child.exitCode).toBe(0)
  const accepted = processes.flatMap(({ said }) => said.accepted)
  const leased = processes.flatMap(({ said }) => said.leased)
  expect(accepted).toHaveLength(3 * 40 * 10)
  expect(leased.sort()).toEqual(accepted.sort())
  expect(processes.flatMap(({ said }) => said.stale)).toEqual([])
  expect((await claim(store, T0 + HOUR)).deliveries).toEqual([])
})

it('what killed processes had accepted is delivered by others, each settled once', { timeout: 60_000 }, async () => {
  const path = temporaryFile()
  const store = await openStore(path)
  for (let n = 0; n < 3; n++) await store.connections.insert(aConnection(`con_${n}`))
  const processes = ['a', 'b', 'c'].map((name, n) =>
    start(path, name, 10_000, ({ child, said }) => {
      if (said.accepted.length >= 200 + n * 50) child.kill('SIGKILL')
    }),
  )
  await Promise.all(processes.map(({ ended }) => ended))

  for (const { child } of processes) expect(child.signalCode).toBe('SIGKILL')
  const accepted = processes.flatMap(({ said }) => said.accepted)
  expect(accepted.length).toBeGreaterThanOrEqual(200 + 250 + 300)
  // the leases of the killed ones have run out
  for (let left = true; left; ) {
    const { deliveries } = await claim(store, T0 + HOUR)
    expect((await store.deliveries.settle(deliveries.map((row) => delivered(row)))).stale).toEqual([])
    left = deliveries.length > 0
  }
  for (const id of accepted) {
    const record = await store.deliveries.get({ orgId: ORG, id })
    expect([record?.status, record?.attempts]).toEqual(['delivered', 1])
  }
})

it('processes that start at once on a new file set it up once', { timeout: 60_000 }, async () => {
  const path = temporaryFile()
  const processes = ['a', 'b', 'c', 'd'].map((name) => start(path, name, 1))
  await Promise.all(processes.map(({ ended }) => ended))
  for (const { child } of processes) expect(child.exitCode).toBe(0)
  const store = await openStore(path)
  // no connection was there: each delivery was stored, and cancelled when it was met
  const { items } = await store.deliveries.list({ orgId: ORG, limit: 1000 })
  expect(items.map((row) => row.id).sort()).toEqual(processes.flatMap(({ said }) => said.accepted).sort())
  expect(new Set(items.map((row) => row.status))).toEqual(new Set(['cancelled']))
  expect(aBatch('con_0', 'a_0_', 10).deliveries.every(({ id }) => items.some((row) => row.id === id))).toBe(true)
})
