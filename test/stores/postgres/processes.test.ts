import { describe, expect, it } from 'vitest'
import { postgresMissing } from '../../support/postgres.ts'
import { type StoreProcess, startStoreProcess } from '../../support/store-processes.ts'
import { aConnection, claim, delivered, freshWorld, HOUR, ORG, T0 } from './fixtures.ts'

const missing = await postgresMissing()
const WORKER = new URL('worker.ts', import.meta.url)

const start = (schema: string, name: string, batches: number, onLine?: (process: StoreProcess) => void): StoreProcess =>
  startStoreProcess(WORKER, schema, name, batches, onLine)

describe.skipIf(missing !== undefined)('several processes', () => {
  it('on one schema lease nothing twice and lose nothing', { timeout: 120_000 }, async () => {
    const { schema, open } = await freshWorld()
    const store = await open()
    for (let n = 0; n < 3; n++) await store.connections.insert(aConnection(`con_${n}`))
    const processes = ['a', 'b', 'c'].map((name) => start(schema, name, 40))
    await Promise.all(processes.map(({ ended }) => ended))

    for (const { child } of processes) expect(child.exitCode).toBe(0)
    const accepted = processes.flatMap(({ said }) => said.accepted)
    const leased = processes.flatMap(({ said }) => said.leased)
    expect(accepted).toHaveLength(3 * 40 * 10)
    // what the last one to stop enqueued may be left: it is there, and comes once
    for (let left = true; left; ) {
      const { deliveries } = await claim(store, T0)
      leased.push(...deliveries.map(({ id }) => id))
      left = deliveries.length > 0
    }
    expect(leased.sort()).toEqual(accepted.sort())
    expect(processes.flatMap(({ said }) => said.stale)).toEqual([])
  })

  it('that are killed leave what they had accepted to others; each is settled once', { timeout: 120_000 }, async () => {
    const { schema, open } = await freshWorld()
    const store = await open()
    for (let n = 0; n < 3; n++) await store.connections.insert(aConnection(`con_${n}`))
    const processes = ['a', 'b', 'c'].map((name, n) =>
      start(schema, name, 10_000, ({ child, said }) => {
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
})
