import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import type { CollectEntry, Store } from '../../../src/contracts/index.ts'
import { type PostgresPool, postgresStore } from '../../../src/stores/postgres.ts'
import { freshSchema, openPool } from '../../support/postgres.ts'
import { aBatch, aConnection, delivered, ORG, T0 } from './records.ts'

export interface HostLoadOptions {
  readonly transactions: number
  /** How many are open at once: each needs a connection of the server. */
  readonly hosts: number
  /** Longest time that one is open, in ms. */
  readonly openMs: number
  readonly seed: number
  log?(line: string): void
}

export interface HostLoadReport {
  /** Figures for people, several lines. */
  readonly text: string
  /** What must not be: empty when every guarantee held. */
  readonly problems: readonly string[]
}

const CONNECTIONS = 5
const WORKERS = 4
const MAX_IN_FLIGHT = 20
const LEVELS = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']
const ROLLED_BACK = 0.2
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK = '40P01'
const HOST = 'signalbox host'

/** Waits of one transaction for the end of another, as the server sees them. To make a file longer is no such wait. */
const WAITS = `
SELECT w.application_name AS waiter, b.application_name AS blocker, w.query
FROM (SELECT DISTINCT pid FROM pg_locks WHERE NOT granted AND locktype <> 'extend') l
JOIN pg_stat_activity w ON w.pid = l.pid
CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS x(pid) JOIN pg_stat_activity b ON b.pid = x.pid
WHERE w.application_name LIKE $1 OR b.application_name LIKE $1`

/**
 * Transactions of a host, of all three levels, that dispatch to the same connections and their digests, stay open and are
 * partly rolled back, while four workers claim and settle: nothing may be lost, come twice, come of what was rolled
 * back, or wait for a host.
 */
export async function runHostTransactions(options: HostLoadOptions): Promise<HostLoadReport> {
  const { transactions, hosts, openMs, seed, log = () => {} } = options
  const { schema, pool, remove } = await freshSchema({ max: WORKERS * 2 })
  const hostPool = openPool({ max: hosts, application_name: HOST })
  const watchPool = openPool({ max: 1 })
  const stores: Store[] = []
  try {
    let deadlocks = 0
    let repeated = 0
    const watched = countingDeadlocks(pool, () => deadlocks++)
    for (let n = 0; n <= WORKERS; n++) stores.push(postgresStore({ pool: watched, schema, listen: false }))
    const [dispatching, ...workers] = stores
    if (!dispatching) throw new Error('no store')
    for (let n = 0; n < CONNECTIONS; n++) {
      await dispatching.connections.insert(aConnection(`con_${n}`, { maxInFlight: MAX_IN_FLIGHT }))
    }

    const random = reproducible(seed)
    const committed: string[] = []
    const members: string[] = []
    let begun = 0
    let ended = 0
    const host = async (): Promise<void> => {
      while (begun < transactions) {
        const n = begun++
        const plan = {
          level: LEVELS[n % 3],
          ms: random() * openMs,
          fails: random() < ROLLED_BACK,
          lane: n % CONNECTIONS,
        }
        const batch = aBatch(`con_${plan.lane}`, `h${n}_`, 2)
        const digest = `con_${(plan.lane + 1) % CONNECTIONS}`
        const collect = batch.events.map(({ id }) => member(digest, `k${n % 3}`, id, T0 + n))
        const client = await hostPool.connect()
        // as a host does it: the database's own 40001 is followed by another try
        for (let done = false; !done; ) {
          try {
            await client.query(`BEGIN ISOLATION LEVEL ${plan.level}`)
            await dispatching.deliveries.enqueue({ ...batch, collect, tx: client })
            await pause(plan.ms)
            await client.query(plan.fails ? 'ROLLBACK' : 'COMMIT')
            done = true
          } catch (error) {
            await client.query('ROLLBACK')
            const state = sqlStateOf(error)
            if (state === DEADLOCK) deadlocks++
            if (state !== SERIALIZATION_FAILURE) throw error
            repeated++
          }
        }
        client.release()
        if (++ended % 1000 === 0) log(`${ended} transactions`)
        if (plan.fails) continue
        committed.push(...batch.deliveries.map(({ id }) => id))
        members.push(...collect.map(({ connectionId, key, eventId }) => `${connectionId}/${key}/${eventId}`))
      }
    }

    let open = true
    const sent: string[] = []
    const digested: string[] = []
    const inFlight = new Map<string, number>()
    let mostInFlight = 0
    let stale = 0
    let digests = 0
    const work = async (store: Store): Promise<void> => {
      for (let idle = 0; open || idle < 5; ) {
        const now = open ? T0 + begun : T0 + transactions
        const { deliveries, nextAt } = await store.deliveries.claim({
          now,
          limit: 50,
          perConnection: 10_000,
          leaseMs: 600_000,
          token: `lse_${crypto.randomUUID()}`,
          transports: ['webhook'],
        })
        for (const { id, kind, connectionId, digest } of deliveries) {
          const count = (inFlight.get(connectionId) ?? 0) + 1
          inFlight.set(connectionId, count)
          mostInFlight = Math.max(mostInFlight, count)
          if (kind === 'event') sent.push(id)
          else digests++
          for (const eventId of digest?.eventIds ?? []) digested.push(`${connectionId}/${digest?.key}/${eventId}`)
        }
        await pause(random() * 5)
        // before the settle: the place is free once that is committed, which may be before its answer is here
        for (const { connectionId } of deliveries) inFlight.set(connectionId, (inFlight.get(connectionId) ?? 0) - 1)
        stale += (await store.deliveries.settle(deliveries.map((row) => delivered(row)))).stale.length
        // another worker may have the wakes in hand: until it has put them into the lanes there is nothing to be seen
        const round = nextAt !== null && nextAt <= now + 1000 ? 0.1 : 1
        idle = deliveries.length === 0 ? idle + round : 0
        if (deliveries.length === 0) await pause(2)
      }
    }

    const waits: string[] = []
    let samples = 0
    let mostLeased = 0
    const watch = async (): Promise<void> => {
      while (open) {
        samples++
        for (const row of (await watchPool.query(WAITS, [`${HOST}%`])).rows) {
          waits.push(`${row.waiter || 'a worker'} waited for ${row.blocker || 'a worker'}: ${row.query}`)
        }
        for (const row of (await watchPool.query(`SELECT leases FROM "${schema}".lane WHERE leases IS NOT NULL`))
          .rows) {
          const groups: readonly unknown[][] = JSON.parse(row.leases)
          mostLeased = Math.max(
            mostLeased,
            groups.map((group) => group.length - 2).reduce((a, b) => a + b, 0),
          )
        }
        await pause(10)
      }
    }

    const beside = [...workers.map(work), watch()]
    await Promise.all(Array.from({ length: hosts }, host)).finally(() => {
      open = false
    })
    await Promise.all(beside)

    const problems = [
      ...different('delivery', committed, sent),
      ...different('member of a digest', members, digested),
      ...(deadlocks > 0 ? [`${deadlocks} deadlocks`] : []),
      ...(stale > 0 ? [`${stale} settled by a worker that no longer had the lease`] : []),
      ...new Set(waits),
      ...(Math.max(mostInFlight, mostLeased) > MAX_IN_FLIGHT ? ['a connection had more leases than it may have'] : []),
    ]
    const text = [
      `${transactions} host transactions, ${hosts} at once, up to ${openMs} ms open, ${WORKERS} workers`,
      `${committed.length} deliveries and ${members.length} members of ${digests} digests committed, each came once`,
      `${repeated} transactions tried again by the host (40001), ${deadlocks} deadlocks`,
      `${waits.length} waits that involved a host in ${samples} samples`,
      `most leases of one connection: ${mostInFlight} by the workers, ${mostLeased} in samples; its cap: ${MAX_IN_FLIGHT}`,
    ]
    return { text: text.join('\n'), problems }
  } finally {
    for (const store of stores) await store.close()
    await hostPool.end()
    await watchPool.end()
    await remove()
  }
}

function member(connectionId: string, key: string, eventId: string, closesAt: number): CollectEntry {
  const times = { at: T0, closesAt, mustCloseAt: closesAt }
  return { orgId: ORG, connectionId, key, eventId, ...times, maxItems: 1000, keep: 'first' }
}

/** What is missing of `expected`, unexpected, or there more than once. */
function different(what: string, expected: readonly string[], found: readonly string[]): string[] {
  const wanted = new Set(expected)
  const problems: string[] = []
  const seen = new Set<string>()
  for (const id of found) {
    if (!wanted.has(id)) problems.push(`${what} ${id} came of what was rolled back`)
    else if (seen.has(id)) problems.push(`${what} ${id} came twice`)
    seen.add(id)
  }
  for (const id of wanted) if (!seen.has(id)) problems.push(`${what} ${id} is lost`)
  return problems
}

/** The same numbers in each run (mulberry32). */
function reproducible(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The pool, telling of each statement that the server broke off as part of a deadlock. */
function countingDeadlocks(pool: pg.Pool, onDeadlock: () => void): PostgresPool {
  const telling = async <T>(result: Promise<T>): Promise<T> => {
    try {
      return await result
    } catch (error) {
      if (sqlStateOf(error) === DEADLOCK) onDeadlock()
      throw error
    }
  }
  return {
    query: (text, values) => telling(pool.query(text, values)),
    async connect() {
      const client = await pool.connect()
      return {
        query: (text, values) => telling(client.query(text, values)),
        release: (error) => client.release(error),
      }
    },
  }
}

/** Of the database's error, or of the one that the store made of it. */
function sqlStateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('code' in error && typeof error.code === 'string' && error.code.length === 5) return error.code
  return 'cause' in error ? sqlStateOf(error.cause) : undefined
}
