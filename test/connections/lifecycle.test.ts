import { beforeEach, describe, expect, it } from 'vitest'
import type { ConnectionPatch } from '../../src/contracts/store.ts'
import { failure, type Harness, HOUR, harness, NOW, ORG } from './harness.ts'

let h: Harness
const ref = { orgId: ORG, id: 'con_a' }

beforeEach(async () => {
  h = harness()
  await h.connections.create({ ...ref, transport: 'hook', config: { url: 'https://siem.example.com/in' } })
  h.changed.length = 0
})

async function patch(change: ConnectionPatch): Promise<void> {
  await h.store.connections.update(ref, change, (await h.record(ref.id)).version)
}

/** One failed exchange, as a worker settles it; with a cooldown. */
async function fail(blockedUntil: number): Promise<void> {
  const id = `dlv_${(await h.record(ref.id)).health.consecutiveFailures}`
  const { deliveries } = h.store
  const delivery = {
    ...ref,
    id,
    connectionId: ref.id,
    kind: 'event',
    messageId: 'msg_1',
    eventId: 'e',
    dueAt: h.now,
  } as const
  const event = {
    id: 'e',
    orgId: ORG,
    type: 'breach_logged',
    title: 't',
    body: 'b',
    href: 'https://x',
    orgName: 'Acme',
    importance: 'normal',
    timestamp: h.now,
    messageId: 'msg_1',
    acceptedAt: h.now,
  } as const
  await deliveries.enqueue({ events: [event], deliveries: [{ ...delivery, createdAt: h.now }], collect: [] })
  const claim = { limit: 10, perConnection: 10, leaseMs: 60_000, token: 'tok', transports: ['hook'] }
  const { deliveries: leased } = await deliveries.claim({ ...claim, now: h.now })
  expect(leased).toHaveLength(1)
  const latest = { deliveryId: id, status: 'pending', at: h.now, code: 'http_5xx' } as const
  await deliveries.settle([
    {
      orgId: ORG,
      deliveryId: id,
      connectionId: ref.id,
      token: 'tok',
      exchanges: 1,
      attempts: [],
      next: { status: 'pending', dueAt: h.now + 5000 },
      at: h.now,
      health: { kind: 'failure', failures: 1, at: h.now, latest },
      blockedUntil,
    },
  ])
}

describe('pause and resume', () => {
  it('say so in the view, are idempotent and wake the worker', async () => {
    h.now = NOW + 5
    const paused = await h.connections.pause(ref)
    expect(paused).toMatchObject({ status: 'paused', reason: { code: 'paused', since: NOW + 5 }, version: 2 })
    expect((await h.connections.pause(ref)).version).toBe(2)
    const resumed = await h.connections.resume(ref)
    expect(resumed.status).toBe('active')
    expect(resumed.reason).toBeUndefined()
    expect((await h.connections.resume(ref)).version).toBe(3)
    expect(h.changed.length).toBeGreaterThan(0)
  })

  it('lift a suspension, its cooldown, and restart the time that it may fail', async () => {
    await fail(NOW + HOUR)
    await patch({ status: 'suspended', reason: { code: 'failing', text: 'failing for 5 days', since: NOW } })
    expect(await h.connections.get(ref)).toMatchObject({ status: 'suspended', health: 'failing', failingSince: NOW })
    h.now = NOW + 10 * HOUR
    expect(await h.connections.resume(ref)).toMatchObject({
      status: 'active',
      failingSince: h.now,
      consecutiveFailures: 1,
    })
    expect((await h.record(ref.id)).blockedUntil).toBeUndefined()
  })

  it('lift the cooldown of an active one', async () => {
    await fail(NOW + HOUR)
    expect((await h.connections.get(ref)).nextAttemptAt).toBe(NOW + HOUR)
    const view = await h.connections.resume(ref)
    expect(view.nextAttemptAt).toBe(NOW + 5000)
    expect((await h.record(ref.id)).blockedUntil).toBeUndefined()
  })

  it('leave one incomplete that lacks something', async () => {
    const chat = { orgId: ORG, id: 'con_chat' }
    await h.connections.create({ ...chat, transport: 'chat', config: { hookUrl: 'https://hooks.example.com/T0' } })
    expect((await h.connections.resume(chat)).status).toBe('incomplete')
    expect((await h.connections.pause(chat)).status).toBe('paused')
    expect(await h.connections.resume(chat)).toMatchObject({ status: 'incomplete', reason: { code: 'missing' } })
  })

  it('make one incomplete whose stored config no longer parses', async () => {
    await patch({ status: 'suspended', config: { url: 7 } })
    expect(await h.connections.resume(ref)).toMatchObject({ status: 'incomplete', reason: { code: 'config_invalid' } })
  })
})

describe('the view', () => {
  it('tells of a failing connection since when, how often, and when it is tried next', async () => {
    await fail(0)
    const view = await h.connections.get(ref)
    expect(view).toMatchObject({
      health: 'failing',
      failingSince: NOW,
      consecutiveFailures: 1,
      latestDelivery: { deliveryId: 'dlv_0', status: 'pending', at: NOW, code: 'http_5xx' },
      nextAttemptAt: NOW + 5000,
    })
    const page = await h.connections.list({ orgId: ORG })
    expect(page.items[0]).toEqual(view)
  })

  it('pages through the connections of an organisation, and of one transport', async () => {
    for (const id of ['con_b', 'con_c']) {
      await h.connections.create({
        orgId: ORG,
        id,
        transport: 'hook',
        config: { url: `https://${id.slice(4)}.example.com` },
      })
    }
    const config = { hookUrl: 'https://hooks.example.com/T0' }
    await h.connections.create({ orgId: ORG, id: 'con_d', transport: 'chat', config })
    const first = await h.connections.list({ orgId: ORG, limit: 2 })
    expect(first.items.map((item) => item.id)).toEqual(['con_a', 'con_b'])
    const second = await h.connections.list({ orgId: ORG, limit: 2, after: first.next })
    expect(second.items.map((item) => item.id)).toEqual(['con_c', 'con_d'])
    expect((await h.connections.list({ orgId: ORG, transport: 'chat' })).items.map((item) => item.id)).toEqual([
      'con_d',
    ])
    expect(await failure(h.connections.list({ orgId: ORG, limit: 201 }))).toMatchObject({ field: 'limit' })
  })

  it('is gone after a deletion', async () => {
    await h.connections.delete(ref)
    expect(await failure(h.connections.get(ref))).toMatchObject({ code: 'not_found' })
    expect(await failure(h.connections.delete(ref))).toMatchObject({ code: 'not_found' })
  })
})
