import { beforeEach, describe, expect, it } from 'vitest'
import type { NewDelivery, NextState } from '../../src/contracts/delivery.ts'
import type { StoredEvent } from '../../src/contracts/event.ts'
import { failure, type Harness, harness, NOW, ORG } from '../connections/harness.ts'

let h: Harness
const con = { orgId: ORG, id: 'con_a' }

beforeEach(async () => {
  h = harness()
  const config = { url: 'https://siem.example.com/in' }
  await h.connections.create({ ...con, transport: 'hook', config, pace: false })
  h.changed.length = 0
})

const ref = (id: string) => ({ orgId: ORG, id })

function event(n: number): StoredEvent {
  return {
    id: `evt_${n}`,
    orgId: ORG,
    type: 'breach_logged',
    title: 't',
    body: 'b',
    href: 'https://x.example.com',
    orgName: 'Acme',
    importance: 'normal',
    timestamp: NOW,
    messageId: `msg_${n}`,
    acceptedAt: NOW,
  }
}

/** Pending deliveries `dlv_<from>` to `dlv_<to>`, created a millisecond apart. */
async function enqueue(from: number, to: number, connectionId = con.id): Promise<void> {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const deliveries = numbers.map((n): NewDelivery => {
    const at = NOW + n
    const base = { id: `dlv_${n}`, orgId: ORG, connectionId, kind: 'event', messageId: `msg_${n}` } as const
    return { ...base, eventId: `evt_${n}`, dueAt: at, createdAt: at }
  })
  await h.store.deliveries.enqueue({ events: numbers.map(event), deliveries, collect: [] })
  h.now = Math.max(h.now, NOW + to)
}

async function claim(limit: number): Promise<readonly string[]> {
  const request = { perConnection: 1000, leaseMs: 60_000, token: 'tok', transports: ['hook'] }
  const { deliveries } = await h.store.deliveries.claim({ ...request, now: h.now + 3_600_000, limit })
  return deliveries.map((delivery) => delivery.id)
}

async function settle(ids: readonly string[], next: NextState): Promise<void> {
  const failed = next.status !== 'delivered'
  await h.store.deliveries.settle(
    ids.map((id) => ({
      orgId: ORG,
      deliveryId: id,
      connectionId: con.id,
      token: 'tok',
      exchanges: 1,
      attempts: [
        {
          deliveryId: id,
          orgId: ORG,
          connectionId: con.id,
          number: 1,
          startedAt: h.now,
          durationMs: 9,
          outcome: failed ? 'retry' : 'delivered',
          ...(failed ? { code: 'http_5xx', status: 503, snippet: 'busy' } : { status: 200 }),
        },
      ],
      next,
      ...(failed ? { code: 'http_5xx', httpStatus: 503 } : { httpStatus: 200 }),
      at: h.now + 9,
    })),
  )
}

const FAILED: NextState = { status: 'failed', failure: 'exhausted' }

describe('reading deliveries', () => {
  it('shows one with its attempts, and nothing of the queue’s inner state', async () => {
    await enqueue(1, 1)
    await settle(await claim(1), FAILED)
    expect(await h.deliveries.get(ref('dlv_1'))).toEqual({
      ...ref('dlv_1'),
      connectionId: con.id,
      kind: 'event',
      messageId: 'msg_1',
      eventId: 'evt_1',
      status: 'failed',
      failure: 'exhausted',
      code: 'http_5xx',
      httpStatus: 503,
      dueAt: expect.any(Number),
      createdAt: NOW + 1,
      finishedAt: h.now + 9,
      attemptCount: 1,
      attempts: [
        {
          number: 1,
          startedAt: h.now,
          durationMs: 9,
          outcome: 'retry',
          code: 'http_5xx',
          status: 503,
          snippet: 'busy',
        },
      ],
    })
  })

  it('lists newest first, in pages, by connection, event, status and time', async () => {
    await h.connections.create({ orgId: ORG, id: 'con_b', transport: 'hook', config: { url: 'https://b.example.com' } })
    await enqueue(1, 3)
    await enqueue(4, 4, 'con_b')
    await h.deliveries.cancel(ref('dlv_2'))
    const ids = async (query: object) =>
      (await h.deliveries.list({ orgId: ORG, ...query })).items.map((item) => item.id)
    expect(await ids({})).toEqual(['dlv_4', 'dlv_3', 'dlv_2', 'dlv_1'])
    expect(await ids({ connectionId: 'con_b' })).toEqual(['dlv_4'])
    expect(await ids({ eventId: 'evt_3' })).toEqual(['dlv_3'])
    expect(await ids({ status: 'cancelled' })).toEqual(['dlv_2'])
    expect(await ids({ status: ['cancelled', 'pending'], since: NOW + 2, until: NOW + 4 })).toEqual(['dlv_3', 'dlv_2'])
    const first = await h.deliveries.list({ orgId: ORG, limit: 3 })
    expect(await ids({ limit: 3, after: first.next })).toEqual(['dlv_1'])
  })

  it('lists 50 unless told, and at most 200', async () => {
    await enqueue(1, 60)
    expect((await h.deliveries.list({ orgId: ORG })).items).toHaveLength(50)
    expect((await h.deliveries.list({ orgId: ORG, limit: 200 })).items).toHaveLength(60)
    expect(await failure(h.deliveries.list({ orgId: ORG, limit: 201 }))).toMatchObject({ field: 'limit' })
  })

  it.each([
    [{ status: 'lost' }, 'status'],
    [{ status: [] }, 'status'],
    [{ since: '2026' }, 'since'],
    [{ until: -1 }, 'until'],
    [{ limit: 0 }, 'limit'],
    [{ conectionId: 'x' }, 'conectionId'],
  ])('refuses %j', async (wrong, field) => {
    const error = await failure(h.deliveries.list({ orgId: ORG, ...wrong } as never))
    expect(error).toMatchObject({ code: 'invalid_input', field })
  })
})

describe('retrying', () => {
  it('makes a failed, a cancelled and a waiting delivery due now, and wakes the worker', async () => {
    await enqueue(1, 3)
    await settle((await claim(3)).slice(0, 1), FAILED)
    await settle(['dlv_2', 'dlv_3'], { status: 'pending', dueAt: NOW + 99_000_000 })
    await h.deliveries.cancel(ref('dlv_2'))
    h.changed.length = 0
    for (const id of ['dlv_1', 'dlv_2', 'dlv_3']) {
      const view = await h.deliveries.retry(ref(id))
      expect(view).toMatchObject({ id, status: 'pending', dueAt: h.now })
    }
    expect(h.changed).toEqual([ORG, ORG, ORG])
    expect([...(await claim(9))].sort()).toEqual(['dlv_1', 'dlv_2', 'dlv_3'])
  })

  it('is a conflict while one is being sent, and after it was delivered', async () => {
    await enqueue(1, 1)
    const leased = await claim(1)
    expect((await failure(h.deliveries.retry(ref('dlv_1')))).message).toContain('being sent')
    await settle(leased, { status: 'delivered' })
    expect(await failure(h.deliveries.retry(ref('dlv_1')))).toMatchObject({ code: 'conflict' })
    expect(h.changed).toEqual([])
  })

  it('is a conflict when the connection was deleted', async () => {
    await enqueue(1, 1)
    await settle(await claim(1), FAILED)
    await h.connections.delete(con)
    expect((await failure(h.deliveries.retry(ref('dlv_1')))).message).toContain('connection was deleted')
  })

  it('reopens all failed ones of a connection since an instant, in portions', async () => {
    await enqueue(1, 450)
    await settle(await claim(450), FAILED)
    h.now = NOW + 500_000
    expect(await h.deliveries.retryFailed({ orgId: ORG, connectionId: con.id, since: NOW + 11 })).toEqual({
      reopened: 440,
    })
    const failed = await h.deliveries.list({ orgId: ORG, status: 'failed', limit: 200 })
    expect(failed.items.map((item) => item.id)).toEqual(Array.from({ length: 10 }, (_, i) => `dlv_${10 - i}`))
  })

  it('needs a connection of the organisation', async () => {
    const call = { orgId: 'org_2', connectionId: con.id, since: 0 }
    expect(await failure(h.deliveries.retryFailed(call))).toMatchObject({ code: 'not_found' })
  })
})

describe('cancelling', () => {
  it('ends a waiting delivery, and says the same twice', async () => {
    await enqueue(1, 1)
    expect((await h.deliveries.cancel(ref('dlv_1'))).status).toBe('cancelled')
    expect((await h.deliveries.cancel(ref('dlv_1'))).status).toBe('cancelled')
    expect(await claim(9)).toEqual([])
  })

  it('is a conflict while one is being sent, and after it has ended', async () => {
    await enqueue(1, 1)
    const leased = await claim(1)
    expect(await failure(h.deliveries.cancel(ref('dlv_1')))).toMatchObject({ code: 'conflict' })
    await settle(leased, FAILED)
    expect(await failure(h.deliveries.cancel(ref('dlv_1')))).toMatchObject({ code: 'conflict' })
  })
})

describe('access to deliveries', () => {
  it('is apart for organisations', async () => {
    await enqueue(1, 1)
    const other = { orgId: 'org_2', id: 'dlv_1' }
    for (const call of [h.deliveries.get, h.deliveries.retry, h.deliveries.cancel]) {
      expect(await failure(call(other))).toMatchObject({ code: 'not_found' })
    }
    expect((await h.deliveries.list({ orgId: 'org_2' })).items).toEqual([])
    expect((await h.deliveries.get(ref('dlv_1'))).status).toBe('pending')
  })

  it('asks authorize before each change, and changes nothing when refused', async () => {
    await enqueue(1, 2)
    await settle((await claim(2)).slice(0, 1), FAILED)
    await settle(['dlv_2'], { status: 'pending', dueAt: NOW + 99_000_000 })
    const asked: unknown[] = []
    const refusing = harness({
      store: h.store,
      authorize: (request) => {
        asked.push(request)
        return false
      },
    })
    const before = await h.store.deliveries.list({ orgId: ORG, limit: 10 })
    const calls = {
      retry: refusing.deliveries.retry({ ...ref('dlv_1'), actor: 'ann' }),
      cancel: refusing.deliveries.cancel({ ...ref('dlv_2'), actor: 'ann' }),
      retryFailed: refusing.deliveries.retryFailed({ orgId: ORG, connectionId: con.id, since: 0, actor: 'ann' }),
    }
    for (const call of Object.values(calls)) expect(await failure(call)).toMatchObject({ code: 'forbidden' })
    const actions = Object.keys(calls).map((name) => `deliveries.${name}`)
    expect(asked).toEqual(actions.map((action) => ({ action, orgId: ORG, actor: 'ann' })))
    expect(await h.store.deliveries.list({ orgId: ORG, limit: 10 })).toEqual(before)
    await refusing.deliveries.get(ref('dlv_1'))
  })
})
