// Deliveries claimed and settled a second over PostgreSQL, by backlog, batch and workers.
// `node bench/store-postgres.ts [--million]`, with a server at SIGNALBOX_TEST_POSTGRES_URL.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { ConnectionRecord, NewDelivery, Settlement, Store, StoredEvent } from '../src/contracts/index.ts'
import { createIds } from '../src/runtime/ids.ts'
import { migrate, postgresStore } from '../src/stores/postgres.ts'
import { costOf, median, table } from './support/measure.ts'

const url = process.env.SIGNALBOX_TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const ORG = 'org_1'
const T0 = Date.now()
const FILL = 1000
const ids = createIds({ now: Date.now })

const connectionId = (n: number): string => `con_${String(n).padStart(26, '0')}`

function connection(n: number): ConnectionRecord {
  return {
    id: connectionId(n),
    orgId: ORG,
    transport: 'webhook',
    label: `hooks.example.com ${n}`,
    config: { url: `https://hooks.example.com/in/${n}`, headers: {} },
    sealedSecrets: 'k1.'.padEnd(120, 'x'),
    categories: ['breach'],
    eventTypes: [],
    status: 'active',
    health: { consecutiveFailures: 0 },
    createdAt: T0,
    updatedAt: T0,
    version: 1,
  }
}

function event(n: number): StoredEvent {
  const acceptedAt = T0 - 600_000 + Math.floor(n / 10)
  return {
    id: ids('evt'),
    orgId: ORG,
    type: 'breach_logged',
    category: 'breach',
    title: 'Breach logged: credentials of three staff accounts',
    body: 'A set of credentials was found in a public dump. Three accounts of the finance team are affected.',
    href: 'https://app.example.com/breaches/4711',
    orgName: 'Acme',
    importance: 'high',
    metadata: { severity: 'high', accounts: 3, source: 'dump', ticket: 'SEC-4711' },
    timestamp: acceptedAt,
    messageId: ids('msg'),
    acceptedAt,
  }
}

function delivery(of: StoredEvent, to: string): NewDelivery {
  return {
    id: `dlv_${of.messageId.slice(4)}_${to.slice(-11)}`,
    orgId: ORG,
    connectionId: to,
    kind: 'event',
    messageId: of.messageId,
    eventId: of.id,
    dueAt: of.acceptedAt,
    createdAt: of.acceptedAt,
  }
}

/** Events with a delivery each, to the connection that `of` names. */
async function fill(store: Store, from: number, count: number, of: (n: number) => number): Promise<void> {
  for (let n = from; n < from + count; n += FILL) {
    const events: StoredEvent[] = []
    const deliveries: NewDelivery[] = []
    for (let k = n; k < Math.min(from + count, n + FILL); k++) {
      const one = event(k)
      events.push(one)
      deliveries.push(delivery(one, connectionId(of(k))))
    }
    await store.deliveries.enqueue({ events, deliveries, collect: [] })
  }
}

function settlements(claimed: readonly { id: string; connectionId: string; token: string }[], now: number) {
  return claimed.map(({ id, connectionId, token }): Settlement => {
    const ref = { deliveryId: id, orgId: ORG, connectionId }
    return {
      ...ref,
      token,
      exchanges: 1,
      attempts: [{ ...ref, number: 1, startedAt: now, durationMs: 12, outcome: 'delivered', status: 200 }],
      next: { status: 'delivered' },
      httpStatus: 200,
      at: now,
      health: { kind: 'success', failures: 0, at: now, latest: { deliveryId: id, status: 'delivered', at: now } },
    }
  })
}

/** Claims and settles about `count`, `workers` at once. Answers how many, and how long each claim took, in ms. */
async function work(stores: readonly Store[], count: number, batch: number) {
  let left = count
  let done = 0
  const took: number[] = []
  await Promise.all(
    stores.map(async (store) => {
      while (left > 0) {
        left -= batch
        const now = T0 + Math.floor(performance.now())
        const began = performance.now()
        const { deliveries } = await store.deliveries.claim({
          now,
          limit: batch,
          perConnection: batch,
          leaseMs: 60_000,
          token: ids('lse'),
          transports: ['webhook'],
        })
        took.push(performance.now() - began)
        await store.deliveries.settle(settlements(deliveries, now))
        done += deliveries.length
      }
    }),
  )
  return { done, took }
}

async function withSchema(body: (open: () => Store) => Promise<void>): Promise<void> {
  const schema = `signalbox_bench_${randomUUID().slice(0, 8)}`
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  await migrate({ pool, schema })
  try {
    await body(() => postgresStore({ pool, schema, listen: false }))
  } finally {
    await pool.query(`DROP SCHEMA "${schema}" CASCADE`)
    await pool.end()
  }
}

const f = (value: number, digits = 1): string => value.toFixed(digits)

async function backlog(counts: readonly number[], connections: number): Promise<void> {
  await withSchema(async (open) => {
    const store = open()
    for (let n = 0; n < connections; n++) await store.connections.insert(connection(n))
    const rows = [['pending', 'workers', 'batch', 'a second', 'claim ms', 'µs CPU here']]
    let have = 0
    let numbered = 0
    // half of it on one connection
    const of = (n: number): number => (n % 2 === 0 ? 0 : n % connections)
    for (const count of counts) {
      await fill(store, numbered, count - have, of)
      numbered += count - have
      have = count
      // what enqueueing left for claims to read is read, then claims find their stride
      for (let n = 0; n < count / 1000; n++) have -= (await work([store], 1, 1)).done
      have -= (await work([store], 2560, 256)).done
      for (const [workers, batch, size] of [
        [1, 256, 2560],
        [4, 256, 2560],
        [1, 1, 200],
      ] as const) {
        const stores = [store, open(), open(), open()].slice(0, workers)
        let result: Awaited<ReturnType<typeof work>> = { done: 0, took: [] }
        const started = performance.now()
        const cost = await costOf(1, async () => {
          result = await work(stores, size, batch)
        })
        const { done, took } = result
        have -= done
        const rate = (done * 1000) / (performance.now() - started)
        rows.push([String(count), String(workers), String(batch), f(rate, 0), f(median(took)), f(cost.cpu / done)])
      }
    }
    console.log(`${connections} connections, half of the backlog on one\n\n${table(rows)}\n`)
  })
}

/** As `dispatch` does it: one event with one delivery a call, one call after the other, then 8 at once; then batches. */
async function enqueue(): Promise<void> {
  await withSchema(async (open) => {
    const store = open()
    const one = (n: number) => fill(store, n, 1, (k) => k % 100)
    for (let n = 0; n < 200; n++) await one(n)
    const serial = await costOf(500, async () => {
      for (let n = 0; n < 500; n++) await one(n)
    })
    const parallel = await costOf(2000, async () => {
      await Promise.all(Array.from({ length: 8 }, async () => void (await each(250, one))))
    })
    const large = await costOf(20_000, () => fill(store, 0, 20_000, (k) => k % 100))
    const rows = [['enqueue', 'a second', 'µs CPU here']]
    rows.push(['1 a call', f(serial.rate, 0), f(serial.cpu)])
    rows.push(['1 a call, 8 at once', f(parallel.rate, 0), f(parallel.cpu)])
    rows.push([`${FILL} a call`, f(large.rate, 0), f(large.cpu)])
    console.log(`${table(rows)}\n`)
  })
}

async function each(count: number, unit: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; n < count; n++) await unit(n)
}

const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
const missing = await client.connect().then(
  () => client.end(),
  () => true,
)
if (missing === true) {
  console.log('skipped: no PostgreSQL answers (SIGNALBOX_TEST_POSTGRES_URL)')
  process.exit()
}
await enqueue()
await backlog(process.argv.includes('--million') ? [10_000, 100_000, 1_000_000] : [10_000, 100_000], 1000)
