/**
 * The PostgreSQL store alone: what enqueueing, claiming and settling cost, here and in the server, beside a plain queue
 * over the same tables; claims by backlog, batch and workers; claims beside a host's transaction that stays open.
 *
 *   node bench/store-postgres.ts [--million] [--part enqueue|plain|backlog] [--open-transaction [--seconds 60]]
 *
 * With a server at SIGNALBOX_TEST_POSTGRES_URL.
 */
import { parseArgs } from 'node:util'
import type { Store } from '../src/contracts/index.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { costOf, median, quantile, table } from './support/measure.ts'
import { asQueue, type PlainQueue, plainQueue } from './support/postgres-plain-queue.ts'
import { type Server, serverAnswers, withServer } from './support/postgres-server.ts'
import { connection, fill, ids, T0 } from './support/store-records.ts'

const { values } = parseArgs({
  options: {
    million: { type: 'boolean', default: false },
    part: { type: 'string' },
    'open-transaction': { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
  },
})
const BATCH = 256

const f = (value: number, digits = 1): string => (Number.isNaN(value) ? '-' : value.toFixed(digits))
const later = (): number => T0 + Math.floor(performance.now())

function openStore({ pool, schema }: Server): Store {
  return postgresStore({ pool, schema, listen: false })
}

async function connect(store: Store, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await store.connections.insert(connection(n))
}

async function times(count: number, unit: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; n < count; n++) await unit(n)
}

/** Claims and settles about `count`, all queues at once. Answers how many, and how long each claim took, in ms. */
async function work(queues: readonly PlainQueue[], count: number, batch: number) {
  let left = count
  let done = 0
  const took: number[] = []
  await Promise.all(
    queues.map(async (queue) => {
      while (left > 0) {
        left -= batch
        const now = later()
        const began = performance.now()
        const deliveries = await queue.claim({ now, limit: batch, token: ids('lse') })
        took.push(performance.now() - began)
        await queue.settle(deliveries, now)
        done += deliveries.length
      }
    }),
  )
  return { done, took }
}

/** As `dispatch` does it: one event with one delivery a call, one call after the other, then 8 at once; then batches. */
async function enqueue(): Promise<void> {
  await withServer(async (server) => {
    const store = openStore(server)
    const one = (n: number) => fill(store, n, 1, (k) => k % 100)
    await times(200, one)
    const rows = [['enqueue', 'a second', 'µs CPU here', 'in the server']]
    const measured = async (name: string, count: number, body: () => Promise<void>): Promise<void> => {
      const before = server.cpu()
      const cost = await costOf(count, body)
      rows.push([name, f(cost.rate, 0), f(cost.cpu), f((server.cpu() - before) / count)])
    }
    await measured('1 a call', 500, () => times(500, one))
    await Promise.all(Array.from({ length: 8 }, () => times(20, one)))
    await measured('1 a call, 8 at once', 2000, async () => {
      await Promise.all(Array.from({ length: 8 }, () => times(250, one)))
    })
    await measured('1000 a call', 20_000, () => fill(store, 0, 20_000, (k) => k % 100))
    console.log(`${table(rows)}\n`)
  })
}

/** Both in turn, each over a schema of its own, with 8 deliveries on each of 640 connections. */
async function besidePlainQueue(): Promise<void> {
  const ROUNDS = 5
  const LANES = 640
  const PENDING = LANES * 8
  const figures = { signalbox: [] as number[][], plain: [] as number[][] }
  await withServer(async (ours) => {
    await withServer(async (theirs) => {
      const stores = [openStore(ours), openStore(theirs)] as const
      for (const store of stores) await connect(store, LANES)
      const queues = { signalbox: asQueue(stores[0].deliveries), plain: await plainQueue(theirs) }
      for (let round = 0; round <= ROUNDS; round++) {
        for (const name of ['signalbox', 'plain'] as const) {
          const server = name === 'signalbox' ? ours : theirs
          await fill(stores[name === 'signalbox' ? 0 : 1], round * PENDING, PENDING, (n) => n % LANES)
          // what enqueueing left for claims to read is read
          if (name === 'signalbox') await times(4, async () => void (await work([queues.signalbox], 1, 1)))
          const before = server.cpu()
          let done = 0
          const cost = await costOf(1, async () => {
            done = (await work([queues[name]], PENDING, BATCH)).done
          })
          if (round > 0) figures[name].push([(server.cpu() - before) / done, cost.cpu / done, cost.rate * done])
        }
      }
    })
  })
  const medians = (of: readonly number[][]) => [0, 1, 2].map((n) => median(of.map((one) => one[n] ?? Number.NaN)))
  const signalbox = medians(figures.signalbox)
  const plain = medians(figures.plain)
  const rows = [['claim and settle, 8 a lane', 'µs CPU in the server', 'µs CPU here', 'a second']]
  rows.push(['signalbox', ...signalbox.map((value) => f(value))])
  rows.push(['plain SKIP LOCKED queue', ...plain.map((value) => f(value))])
  rows.push(['ratio', ...signalbox.map((value, n) => f(value / (plain[n] ?? Number.NaN), 2))])
  console.log(`${table(rows)}\n`)
}

async function backlog(counts: readonly number[], connections: number): Promise<void> {
  await withServer(async (server) => {
    const store = openStore(server)
    await connect(store, connections)
    const rows = [['pending', 'workers', 'batch', 'a second', 'claim ms', 'µs CPU here', 'in the server']]
    let have = 0
    let numbered = 0
    // half of it on one connection
    const of = (n: number): number => (n % 2 === 0 ? 0 : n % connections)
    for (const count of counts) {
      await fill(store, numbered, count - have, of)
      numbered += count - have
      have = count
      // what enqueueing left for claims to read is read, then claims find their stride
      const first = asQueue(store.deliveries)
      for (let n = 0; n < count / 1000; n++) have -= (await work([first], 1, 1)).done
      have -= (await work([first], 2560, BATCH)).done
      for (const [workers, batch, size] of [
        [1, BATCH, 2560],
        [4, BATCH, 2560],
        [1, 1, 200],
      ] as const) {
        const queues = [first, ...Array.from({ length: workers - 1 }, () => asQueue(openStore(server).deliveries))]
        let result: Awaited<ReturnType<typeof work>> = { done: 0, took: [] }
        const before = server.cpu()
        const cost = await costOf(1, async () => {
          result = await work(queues, size, batch)
        })
        const { done, took } = result
        have -= done
        const cpu = [f(cost.cpu / done), f((server.cpu() - before) / done)]
        rows.push([String(count), String(workers), String(batch), f(cost.rate * done, 0), f(median(took)), ...cpu])
      }
    }
    console.log(`${connections} connections, half of the backlog on one\n\n${table(rows)}\n`)
  })
}

/**
 * What a host's transaction that stays open does to claims: nothing that changes after its beginning can be removed. As
 * much is enqueued as is worked off, as fast as it goes.
 */
async function openTransaction(seconds: number): Promise<void> {
  await withServer(async (server) => {
    const store = openStore(server)
    await connect(store, 1000)
    let numbered = 0
    const add = async (count: number): Promise<void> => {
      await fill(store, numbered, count, (n) => (n % 2 === 0 ? 0 : n % 1000))
      numbered += count
    }
    const queue = asQueue(store.deliveries)
    const claims = async (until: number) => {
      const took: number[] = []
      const cpu: number[] = []
      const settled: number[] = []
      let done = 0
      while (performance.now() < until) {
        const cpuBefore = server.cpu()
        const began = performance.now()
        const deliveries = await queue.claim({ now: later(), limit: BATCH, token: ids('lse') })
        const claimed = performance.now()
        cpu.push((server.cpu() - cpuBefore) / 1000)
        await queue.settle(deliveries, later())
        took.push(claimed - began)
        settled.push(performance.now() - claimed)
        done += deliveries.length
        await add(deliveries.length)
      }
      return { took, cpu, settled, done }
    }
    await add(10_000)
    await claims(performance.now() + 5000)
    const rows = [
      ['host transaction', 'claims', 'claim ms', 'p95', 'CPU ms in the server', 'settle ms', '× claim', '× CPU'],
    ]
    const before = await claims(performance.now() + 5000)
    const row = (name: string, { took, cpu, settled }: Omit<typeof before, 'done'>): void => {
      const figures = [f(median(took)), f(quantile(took, 0.95)), f(median(cpu), 2), f(median(settled))]
      const ratios = [f(median(took) / median(before.took), 2), f(median(cpu) / median(before.cpu), 2)]
      rows.push([name, String(took.length), ...figures, ...ratios])
    }
    row('none', before)
    const client = await server.pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT pg_current_xact_id()')
    const opened = performance.now()
    let done = 0
    for (let part = 1; part <= 6; part++) {
      const during = await claims(opened + (seconds * 1000 * part) / 6)
      done += during.done
      row(`open for ${f((seconds * (part - 1)) / 6, 0)} to ${f((seconds * part) / 6, 0)} s`, during)
    }
    await client.query('COMMIT')
    client.release()
    console.log(`1000 connections, half of the backlog on one, ${done} delivered meanwhile\n\n${table(rows)}\n`)
  })
}

if (!(await serverAnswers())) {
  console.log('skipped: no PostgreSQL answers (SIGNALBOX_TEST_POSTGRES_URL)')
  process.exit()
}
const parts: Readonly<Record<string, () => Promise<void>>> = {
  enqueue,
  plain: besidePlainQueue,
  backlog: () => backlog(values.million ? [10_000, 100_000, 1_000_000] : [10_000, 100_000], 1000),
}
if (values['open-transaction']) await openTransaction(Number(values.seconds))
else for (const [name, run] of Object.entries(parts)) if ((values.part ?? name) === name) await run()
