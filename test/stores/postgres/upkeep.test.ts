import { describe, expect, it } from 'vitest'
import type { Store } from '../../../src/contracts/index.ts'
import { postgresMissing } from '../../support/postgres.ts'
import { aBatch, aConnection, claim, delivered, freshWorld, ORG, T0 } from './fixtures.ts'

const missing = await postgresMissing()
const ref = { orgId: ORG, id: 'con_a' }

async function fill(store: Store, connectionId: string, prefix: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 5000) {
    await store.deliveries.enqueue(aBatch(connectionId, `${prefix}${n}_`, Math.min(5000, count - n)))
  }
}

describe.skipIf(missing !== undefined)('postgresStore over time', () => {
  it('100,000 pending on one connection hide nobody', { timeout: 120_000 }, async () => {
    const { open } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_big'))
    await fill(store, 'con_big', 'big', 100_000)
    for (let n = 0; n < 5; n++) await claim(store, T0, 50)
    for (let n = 0; n < 20; n++) {
      await store.connections.insert(aConnection(`con_${n}`))
      await store.deliveries.enqueue(aBatch(`con_${n}`, `small${n}_`, 1, T0 + 1))
    }
    const { deliveries } = await claim(store, T0 + 1, 50)
    const reached = new Set(deliveries.map((row) => row.connectionId))
    expect(reached.size).toBe(21)
  })

  it('a digest that was sealed by a claim that had no room left for it comes with the next', async () => {
    const { open } = await freshWorld()
    const store = await open()
    for (const id of ['con_a', 'con_b', 'con_c']) await store.connections.insert(aConnection(id))
    await store.deliveries.enqueue(aBatch('con_a', 'a', 2))
    await store.deliveries.enqueue(aBatch('con_b', 'b', 2))
    const { events } = aBatch('con_c', 'c', 1)
    const collected = { orgId: ORG, connectionId: 'con_c', key: '', eventId: 'c0', at: T0, maxItems: 5 }
    const collect = [{ ...collected, closesAt: T0 + 1, mustCloseAt: T0 + 1, keep: 'first' as const }]
    await store.deliveries.enqueue({ events, deliveries: [], collect })
    const first = await claim(store, T0 + 1, 4)
    expect(first.deliveries.map((row) => row.kind)).toEqual(['event', 'event', 'event', 'event'])
    expect(first.nextAt).toBeLessThanOrEqual(T0 + 1)
    expect((await claim(store, T0 + 1)).deliveries.map((row) => row.kind)).toEqual(['digest'])
  })

  it('deleting a connection with thousands of deliveries cancels them all, in portions', async () => {
    const { open, pool, schema } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 3500))
    expect(await store.connections.delete(ref, { now: T0 + 1 })).toBe(true)
    const sql = `SELECT status, finished_at, count(*)::int FROM "${schema}".delivery GROUP BY status, finished_at`
    expect((await pool.query(sql)).rows).toEqual([{ status: 3, finished_at: String(T0 + 1), count: 3500 }])
    expect((await claim(store, T0 + 2)).nextAt).toBeNull()
  })

  it('claims cancel what a deletion left over when its process died, portion by portion', async () => {
    const { open, pool, schema } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 2500))
    await pool.query(`DELETE FROM "${schema}".connection`)
    await pool.query(`UPDATE "${schema}".lane SET transport = '', revision = 0, next_at = 0, ready_at = 0`)
    let claims = 0
    for (; ; claims++) {
      const { deliveries, nextAt } = await claim(store, T0)
      expect(deliveries).toEqual([])
      if (nextAt === null) break
      expect(nextAt).toBeLessThanOrEqual(T0)
    }
    expect(claims).toBeGreaterThan(1)
    expect((await store.deliveries.list({ orgId: ORG, limit: 1, status: ['pending'] })).items).toEqual([])
  })

  it('a clock that was wrong by a day and is set right does not hold up deliveries for a day', async () => {
    const day = 86_400_000
    const { open } = await freshWorld()
    const wrong = await open()
    await wrong.connections.insert(aConnection('con_a'))
    await wrong.deliveries.enqueue(aBatch('con_a', 'early', 9))
    const early = await claim(wrong, T0 + day, 1)
    await wrong.deliveries.settle(early.deliveries.map((row) => delivered(row, T0 + day)))
    // in the process itself, and in another one
    for (const [n, store] of [wrong, await open()].entries()) {
      const { deliveries } = await claim(store, T0 + n, 1)
      expect(deliveries).toHaveLength(1)
      await store.deliveries.settle(deliveries.map((row) => delivered(row, T0)))
      await claim(store, T0 + day, 1)
    }
  })

  it('a claim that allows more of a connection at once than another process did gets it', async () => {
    const { open } = await freshWorld()
    const [careful, bold] = [await open(), await open()]
    await careful.connections.insert(aConnection('con_a'))
    await careful.deliveries.enqueue(aBatch('con_a', 'e', 10))
    const request = { now: T0, limit: 10, leaseMs: 60_000, transports: ['webhook'] }
    const first = await careful.deliveries.claim({ ...request, perConnection: 2, token: 'a' })
    const second = await bold.deliveries.claim({ ...request, perConnection: 5, token: 'b' })
    expect([first.deliveries.length, second.deliveries.length]).toEqual([2, 3])
  })

  it('work that another process made ready in the past is found, if not at once then within seconds', async () => {
    const { open } = await freshWorld()
    const [ours, others] = [await open(), await open()]
    await ours.connections.insert(aConnection('con_a'))
    await ours.connections.insert(aConnection('con_b'))
    await ours.deliveries.enqueue(aBatch('con_b', 'b', 3))
    const far = T0 + 3_600_000
    await claim(ours, far, 1)
    await ours.deliveries.enqueue(aBatch('con_a', 'a', 1, far - 1_800_000))
    // the other one takes the wake, and nothing else
    await others.deliveries.claim({ now: T0, limit: 1, perConnection: 1, leaseMs: 1, token: 'x', transports: [] })
    const found: string[] = []
    for (let n = 0; n < 200 && !found.includes('dlv_a0'); n++) {
      found.push(...(await claim(ours, far, 1)).deliveries.map(({ id }) => id))
    }
    expect(found).toContain('dlv_a0')
  })

  it('each of many attempts is kept, and goes with the delivery when it is purged', async () => {
    const { open, pool, schema } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 1))
    for (let n = 1; n <= 12; n++) {
      const { deliveries } = await claim(store, T0 + n)
      const [one] = deliveries.map((row) => delivered(row, T0 + n))
      if (!one) throw new Error('nothing was claimed')
      await store.deliveries.settle([n === 12 ? one : { ...one, next: { status: 'pending', dueAt: T0 + n } }])
    }
    const attempts = await store.deliveries.attempts({ orgId: ORG, id: 'dlv_e0' })
    expect(attempts.map((attempt) => [attempt.number, attempt.startedAt - T0])).toEqual(
      Array.from({ length: 12 }, (_, n) => [n + 1, n + 1]),
    )
    await store.deliveries.purge({ before: T0 + 100, eventsBefore: T0 + 100, now: T0 + 100, limit: 100 })
    for (const table of ['delivery', 'attempt', 'event', 'wake']) {
      expect((await pool.query(`SELECT * FROM "${schema}".${table}`)).rows).toEqual([])
    }
  })

  it('a purge over many organisations finds what is due in each, in portions', async () => {
    const { open } = await freshWorld()
    const store = await open()
    const events = aBatch('con_a', 'e', 2500).events.map((event, n) => ({ ...event, orgId: `org_${n}` }))
    await store.deliveries.enqueue({ events, deliveries: [], collect: [] })
    const request = { before: T0, eventsBefore: T0 + 1, now: T0, limit: 1900 }
    expect(await store.deliveries.purge(request)).toEqual({ removed: 1900, more: true })
    expect(await store.deliveries.purge(request)).toEqual({ removed: 600, more: false })
  })

  it('an expired key leaves the database when it is purged', async () => {
    const { open, pool, schema } = await freshWorld()
    const store = await open()
    await store.keys.put('old', 'v', { now: T0, expiresAt: T0 + 1 })
    await store.keys.put('kept', 'v', { now: T0, expiresAt: T0 + 100 })
    await store.deliveries.purge({ before: T0, eventsBefore: T0, now: T0 + 50, limit: 10 })
    expect((await pool.query(`SELECT key FROM "${schema}".entry`)).rows).toEqual([{ key: 'kept' }])
  })

  it('what is added with an earlier due time than what was sent is sent too, whoever works it off', async () => {
    const { open } = await freshWorld()
    const [store, other] = [await open(), await open()]
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'late', 3, T0 + 100))
    const held = (await claim(store, T0 + 200, 2)).deliveries
    expect(held).toHaveLength(2)
    await store.deliveries.enqueue(aBatch('con_a', 'early', 1, T0))
    expect((await claim(other, T0 + 200, 1)).deliveries.map(({ id }) => id)).toEqual(['dlv_early0'])
    await store.deliveries.settle(held.map((row) => delivered(row)))
    await other.deliveries.enqueue(aBatch('con_a', 'earlier', 2, T0 - 1000))
    expect((await claim(store, T0 + 200)).deliveries.map(({ id }) => id)).toEqual([
      'dlv_earlier0',
      'dlv_earlier1',
      'dlv_late2',
    ])
  })

  it('what was given back, lost its lease, or is to be tried again is met again, in its order', async () => {
    const { open } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 5))
    const [back, lost, again, ...rest] = (await claim(store, T0)).deliveries
    if (!back || !lost || !again) throw new Error('five were claimed')
    const next = { status: 'pending', dueAt: T0 + 50 } as const
    await store.deliveries.settle([...rest.map((row) => delivered(row)), { ...delivered(again), next }])
    await store.deliveries.release([{ ...back, deliveryId: back.id }])
    expect((await claim(store, T0 + 1)).deliveries.map(({ id }) => id)).toEqual([back.id])
    expect((await claim(store, T0 + 60)).deliveries.map(({ id }) => id)).toEqual([again.id])
    // all leases have run out by now
    const last = (await claim(store, T0 + 60_060)).deliveries.map(({ id }) => id)
    expect(last).toEqual([back.id, lost.id, again.id])
  })

  it('a connection that breaks in the middle of a claim fails that call only, and nothing stays locked', async () => {
    const { open, pool, schema } = await freshWorld()
    const store = await open()
    await store.connections.insert(aConnection('con_a'))
    await store.deliveries.enqueue(aBatch('con_a', 'e', 2))
    let breaks = true
    const fragile = await open({
      pool: {
        query: (text, values) => pool.query(text, values),
        async connect() {
          const client = await pool.connect()
          return Object.assign(Object.create(client), {
            on: client.on.bind(client),
            removeListener: client.removeListener.bind(client),
            release: client.release.bind(client),
            async query(text: string, values?: unknown[]) {
              if (breaks && text.includes(`"${schema}".store_claim(`)) {
                breaks = false
                const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
                await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
              }
              return client.query(text, values)
            },
          })
        },
      },
    })
    const failed = await claim(fragile, T0).catch((error: unknown) => error)
    expect(failed).toMatchObject({ code: 'store_failed' })
    expect((await claim(fragile, T0)).deliveries).toHaveLength(2)
  })

  it('no value of a record is in the error of a call that the database refused', async () => {
    const { open } = await freshWorld()
    const store = await open()
    const [event] = aBatch('con_a', 'e', 1).events
    if (!event) throw new Error('a batch of one has one event')
    const error = await store.deliveries
      .enqueue({ events: [{ ...event, id: 'sensitive\u0000value' }], deliveries: [], collect: [] })
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'store_failed' })
    const { inspect } = await import('node:util')
    expect(inspect(error, { depth: 5 })).not.toContain('sensitive')
  })
})
