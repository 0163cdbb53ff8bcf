import { describe, expect, it } from 'vitest'
import { TEST_BODY, TEST_TITLE } from '../../src/payloads/index.ts'
import { failure, harness, NOW, ORG } from './harness.ts'

const ref = { orgId: ORG, id: 'con_a' }

async function made(options?: Parameters<typeof harness>[0]) {
  const h = harness(options)
  await h.connections.create({ ...ref, transport: 'hook', config: { url: 'https://siem.example.com/in' } })
  return h
}

describe('testing a connection', () => {
  it('sends the test message over the real path and tells how it went', async () => {
    const h = await made()
    const result = await h.connections.test(ref)
    expect(result).toEqual({
      deliveryId: expect.stringMatching(/^dlv_/),
      ok: true,
      outcome: 'delivered',
      status: 204,
      latencyMs: 42,
    })
    expect(h.attempted).toHaveLength(1)
    expect(h.attempted[0]).toMatchObject({
      deliveryId: result.deliveryId,
      record: { id: 'con_a' },
      message: {
        kind: 'test',
        id: expect.stringMatching(/^msg_/),
        orgName: 'Acme',
        timestamp: NOW,
        title: TEST_TITLE,
        body: TEST_BODY,
        href: 'https://app.example.com/settings',
      },
    })
  })

  it('becomes the latest delivery, with its attempt, and counts for no health', async () => {
    const h = await made()
    h.outcome = { kind: 'retry', code: 'http_5xx', status: 503, detail: 'busy' }
    const result = await h.connections.test(ref)
    expect(result).toMatchObject({ ok: false, outcome: 'retry', code: 'http_5xx', status: 503, detail: 'busy' })
    const { deliveryId } = result
    const view = await h.connections.get(ref)
    expect(view.latestDelivery).toEqual({ deliveryId, status: 'failed', at: NOW, code: 'http_5xx', httpStatus: 503 })
    expect(view).toMatchObject({ status: 'active', health: 'unknown', consecutiveFailures: 0 })
    const delivery = await h.deliveries.get({ orgId: ORG, id: deliveryId })
    expect(delivery).toMatchObject({ kind: 'test', status: 'failed', failure: 'exhausted', attemptCount: 1 })
    expect(delivery.attempts).toEqual([
      { number: 1, startedAt: NOW, durationMs: 42, outcome: 'retry', code: 'http_5xx', status: 503, detail: 'busy' },
    ])
  })

  it.each(['paused', 'suspended'] as const)('works while it is %s, and changes nothing about that', async (status) => {
    const h = await made()
    const reason = { code: 'gone', text: 'gone', since: NOW }
    await h.store.connections.update(ref, { status, reason }, 1)
    h.outcome = { kind: 'gone', code: 'gone', status: 410 }
    expect(await h.connections.test(ref)).toMatchObject({ ok: false, outcome: 'gone' })
    h.outcome = { kind: 'delivered', status: 200 }
    expect((await h.connections.test(ref)).ok).toBe(true)
    expect(await h.connections.get(ref)).toMatchObject({ status, reason, latestDelivery: { status: 'delivered' } })
  })

  it('answers what is missing while something is, and sends nothing', async () => {
    const h = await made()
    const chat = { orgId: ORG, id: 'con_chat' }
    await h.connections.create({ ...chat, transport: 'chat', config: { hookUrl: 'https://hooks.example.com/T0' } })
    const error = await failure(h.connections.test(chat))
    expect(error.code).toBe('conflict')
    expect(error.message).toContain('a channel')
    expect(h.attempted).toEqual([])
  })

  it('needs a link: from the call, or from the organisation', async () => {
    const h = await made({ organisation: () => ({}) })
    const error = await failure(h.connections.test(ref))
    expect(error).toMatchObject({ code: 'invalid_input', field: 'href' })
    expect(error.message).toContain('settingsUrl')
    expect(await failure(h.connections.test({ ...ref, href: 'javascript:alert(1)' }))).toMatchObject({ field: 'href' })
    await h.connections.test({ ...ref, href: 'https://app.example.com/x' })
    expect(h.attempted[0]?.message).toMatchObject({ href: 'https://app.example.com/x', orgName: ORG })
  })

  it('is never sent again by retries', async () => {
    const h = await made()
    h.outcome = { kind: 'retry', code: 'timeout' }
    const { deliveryId } = await h.connections.test(ref)
    expect(await failure(h.deliveries.retry({ orgId: ORG, id: deliveryId }))).toMatchObject({ code: 'conflict' })
    expect(await h.deliveries.retryFailed({ orgId: ORG, connectionId: ref.id, since: 0 })).toEqual({ reopened: 0 })
  })
})

describe('the channels of a connection', () => {
  const chat = { orgId: ORG, id: 'con_chat' }
  const config = { hookUrl: 'https://hooks.example.com/T0' }

  it('are asked for with its config, also before one is chosen', async () => {
    const h = await made()
    await h.connections.create({ ...chat, transport: 'chat', config })
    expect(await h.connections.channels(chat)).toEqual([
      { id: 'C1', name: 'general of hooks.example.com', config: { channel: 'C1' } },
      { id: 'no token', name: '30000', config: {} },
    ])
  })

  it('are asked for with the token of its credential, or not at all', async () => {
    let ok = true
    const outcome = { kind: 'reauthorize', code: 'token_revoked' } as const
    const h = await made({ tokens: { get: async () => (ok ? { ok, token: 'xoxb' } : { ok: false, outcome }) } })
    await h.connections.create({ ...chat, transport: 'chat', config })
    await h.store.connections.update(chat, { credentialId: 'cred_1' }, 1)
    expect((await h.connections.channels(chat))[1]?.id).toBe('xoxb')
    ok = false
    expect((await failure(h.connections.channels(chat))).message).toContain('connect again')
  })

  it('are invalid input where the transport has none', async () => {
    const h = await made()
    expect(await failure(h.connections.channels(ref))).toMatchObject({ code: 'invalid_input' })
  })
})
