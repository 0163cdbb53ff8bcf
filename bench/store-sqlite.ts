// CPU a delivery of the SQLite store, by phase. `node bench/store-sqlite.ts [--million]`
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../src/contracts/index.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { connection, fill as fillWith, ids, settlements, T0 } from './support/store-records.ts'

const N = 20_000
const BATCH = 64

/** CPU (user and system) and wall time of `work`, in µs a unit. */
async function measure(units: number, work: () => Promise<void>): Promise<{ cpu: number; wall: number }> {
  const cpu = process.cpuUsage()
  const wall = performance.now()
  await work()
  const used = process.cpuUsage(cpu)
  return { cpu: (used.user + used.system) / units, wall: ((performance.now() - wall) * 1000) / units }
}

async function withStore(connections: number, work: (store: Store) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  const store = sqliteStore({ path: join(folder, 'bench.db') })
  await store.setup()
  for (let n = 0; n < connections; n++) await store.connections.insert(connection(n))
  try {
    await work(store)
  } finally {
    await store.close()
    rmSync(folder, { recursive: true })
  }
}

function fill(store: Store, count: number, connections: number, from = 0): Promise<void> {
  return fillWith(store, from, count, (n) => n % connections, BATCH)
}

async function claim(store: Store, now: number) {
  return store.deliveries.claim({
    now,
    limit: BATCH,
    perConnection: BATCH,
    leaseMs: 60_000,
    token: ids('lse'),
    transports: ['webhook'],
  })
}

type Claimed = Awaited<ReturnType<typeof claim>>['deliveries']

/** All phases apart: first everything is enqueued, then claimed, batch by batch, then settled. */
async function phases(connections: number): Promise<void> {
  await withStore(connections, async (store) => {
    await fill(store, 2000, connections)
    for (let now = T0; ; now++) {
      const { deliveries } = await claim(store, now)
      if (deliveries.length === 0) break
      await store.deliveries.settle(settlements(deliveries, now))
    }
    const enqueue = await measure(N, () => fill(store, N, connections))
    const total = { claim: 0, settle: 0, wallClaim: 0, wallSettle: 0 }
    let done = 0
    for (let now = T0 + 1000; done < N; now++) {
      let claimed: Claimed = []
      const one = await measure(1, async () => {
        claimed = (await claim(store, now)).deliveries
      })
      if (claimed.length === 0) throw new Error('nothing was claimed')
      const batch = settlements(claimed, now)
      const two = await measure(1, async () => {
        await store.deliveries.settle(batch)
      })
      total.claim += one.cpu
      total.wallClaim += one.wall
      total.settle += two.cpu
      total.wallSettle += two.wall
      done += claimed.length
    }
    const sum = enqueue.cpu + (total.claim + total.settle) / N
    console.log(
      `backlog  ${String(connections).padStart(5)} connections: enqueue ${f(enqueue.cpu)}  claim ${f(total.claim / N)}  ` +
        `settle ${f(total.settle / N)}  sum ${f(sum)} µs CPU   (wall ${f(enqueue.wall)} ${f(total.wallClaim / N)} ${f(total.wallSettle / N)})`,
    )
  })
}

/** As a running worker does it: a batch is enqueued, claimed and settled before the next. */
async function steady(connections: number): Promise<void> {
  await withStore(connections, async (store) => {
    let now = T0
    const round = async (from: number) => {
      await fill(store, BATCH, connections, from)
      for (let left = BATCH; left > 0; ) {
        const { deliveries } = await claim(store, ++now)
        if (deliveries.length === 0) throw new Error('nothing was claimed')
        left -= deliveries.length
        await store.deliveries.settle(settlements(deliveries, now))
      }
    }
    for (let n = 0; n < 2000; n += BATCH) await round(n)
    const all = await measure(N, async () => {
      for (let n = 0; n < N; n += BATCH) await round(n)
    })
    console.log(
      `steady   ${String(connections).padStart(5)} connections: all ${f(all.cpu)} µs CPU   (wall ${f(all.wall)})`,
    )
  })
}

async function pending(counts: readonly number[], connections = 1000): Promise<void> {
  await withStore(connections, async (store) => {
    let have = 0
    let now = T0
    for (const count of counts) {
      await fill(store, count - have, connections, have)
      have = count
      const rounds = 50
      const used = await measure(rounds, async () => {
        for (let n = 0; n < rounds; n++) {
          const { deliveries } = await claim(store, ++now)
          if (deliveries.length !== BATCH) throw new Error(`claimed ${deliveries.length}`)
        }
      })
      have -= rounds * BATCH
      console.log(`claim of ${BATCH} at ${count} pending: ${f(used.cpu)} µs CPU  (wall ${f(used.wall)})`)
    }
  })
}

const f = (value: number): string => value.toFixed(1).padStart(6)

for (const connections of [1, 64, 1000]) await phases(connections)
for (const connections of [1, 64, 1000]) await steady(connections)
await pending(process.argv.includes('--million') ? [10_000, 100_000, 1_000_000] : [10_000, 100_000])
