import { describe, expect, it } from 'vitest'
import { ghostSignature, type SignatureScheme, standardWebhooks } from '../../../src/signing/index.ts'
import {
  type WebhookReceiverFake,
  type WebhookReceiverFakeOptions,
  webhookReceiverFake,
} from '../../../src/testing/msw.ts'
import { type Answered, call, intercept, postJson, refusalOf } from './support.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const OTHER = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'

function start(options: Partial<WebhookReceiverFakeOptions> = {}): WebhookReceiverFake {
  const receiver = webhookReceiverFake({ secret: SECRET, ...options })
  intercept(receiver)
  return receiver
}

function signed(secret: string, schemes: readonly SignatureScheme[], body: string, id = 'msg_1', sentAt = Date.now()) {
  return Object.assign({}, ...schemes.map((scheme) => scheme.sign({ id, sentAt, body, secrets: [secret] })))
}

interface Sending {
  readonly secret?: string
  readonly schemes?: readonly SignatureScheme[]
  readonly id?: string
  readonly sentAt?: number
  readonly body?: string
  readonly headers?: Record<string, string>
}

function send(receiver: WebhookReceiverFake, sending: Sending = {}): Promise<Answered> {
  const { secret = SECRET, schemes = [standardWebhooks(), ghostSignature()], body = '{"type":"test"}' } = sending
  return postJson(receiver.url, body, {
    ...signed(secret, schemes, body, sending.id, sending.sentAt),
    ...sending.headers,
  })
}

describe('a receiver', () => {
  it('keeps what is signed right', async () => {
    const receiver = start()
    expect(await send(receiver)).toMatchObject({ status: 200, text: 'ok' })
    expect(receiver.received).toEqual([
      expect.objectContaining({
        id: 'msg_1',
        duplicate: false,
        schemes: [standardWebhooks().name, ghostSignature().name],
        json: { type: 'test' },
        text: '{"type":"test"}',
        status: 200,
      }),
    ])
    expect(receiver.received[0]?.headers['content-type']).toMatch(/^application\/json/)
  })

  it('takes either scheme alone, but refuses one that is there and wrong', async () => {
    const receiver = start()
    expect((await send(receiver, { schemes: [ghostSignature()] })).status).toBe(200)
    expect((await send(receiver, { schemes: [standardWebhooks()] })).status).toBe(200)
    const ghostOfOther = signed(OTHER, [ghostSignature()], '{"type":"test"}')
    const wrong = await send(receiver, { schemes: [standardWebhooks()], headers: ghostOfOther })
    expect(wrong).toMatchObject({ status: 401, json: { error: 'no_match' } })
    expect(receiver.received).toHaveLength(2)
  })

  it.each<[string, number, Sending]>([
    ['header_missing', 401, { schemes: [] }],
    ['no_match', 401, { secret: OTHER }],
    ['no_match', 401, { headers: { 'webhook-id': 'msg_2' } }],
    ['timestamp_too_old', 401, { sentAt: Date.now() - 301_000 }],
  ])('refuses with %s', async (error, status, sending) => {
    const receiver = start({ scheme: standardWebhooks() })
    expect(await send(receiver, sending)).toMatchObject({ status, json: { error } })
    expect([receiver.received, receiver.requests.length]).toEqual([[], 1])
  })

  it('refuses a body that was changed on the way', async () => {
    const receiver = start()
    const headers = signed(SECRET, [standardWebhooks()], '{"a":1}')
    expect((await postJson(receiver.url, '{"a":2}', headers)).status).toBe(401)
  })

  it('takes POST only, at its own address only, with or without a query', async () => {
    const receiver = start({ url: 'https://siem.example.com/in/a+b', secret: false })
    expect((await call(receiver.url)).status).toBe(405)
    expect((await postJson(`${receiver.url}?key=1`, '{}')).status).toBe(200)
    await expect(postJson('https://siem.example.com/in/other', '{}')).rejects.toThrow()
    await expect(postJson('https://siemXexample.com/in/a+b', '{}')).rejects.toThrow()
    const bare = await call(receiver.url, { method: 'POST', body: new TextEncoder().encode('{}') })
    expect(bare.status).toBe(415)
  })

  it('answers what it is told', async () => {
    const receiver = start()
    receiver.respond(500, {}, 'down')
    receiver.respondOnce(429, { 'Retry-After': '1' })
    receiver.respondOnce(410)
    const answers = [await send(receiver), await send(receiver), await send(receiver), await send(receiver)]
    expect(answers.map((one) => [one.status, one.text, one.headers.get('retry-after')])).toEqual([
      [429, '', '1'],
      [410, '', null],
      [500, 'down', null],
      [500, 'down', null],
    ])
    expect(receiver.received.map((one) => one.status)).toEqual([429, 410, 500, 500])
    expect(refusalOf(() => receiver.respond(99))).toMatch(/^failure: /)
  })

  it('tells duplicates: of an id that it answered 2xx before', async () => {
    const receiver = start()
    receiver.respondOnce(503)
    await send(receiver)
    await send(receiver)
    await send(receiver)
    await send(receiver, { id: 'msg_2' })
    expect(receiver.received.map((one) => [one.id, one.status, one.duplicate])).toEqual([
      ['msg_1', 503, false],
      ['msg_1', 200, false],
      ['msg_1', 200, true],
      ['msg_2', 200, false],
    ])
    expect(receiver.messages.map((one) => one.id)).toEqual(['msg_1', 'msg_2'])
  })

  it('loses the answer of a message that it has taken', async () => {
    const receiver = start()
    receiver.fail('network_error', { afterPosting: true })
    await expect(send(receiver)).rejects.toThrow(TypeError)
    await send(receiver)
    expect(receiver.received.map((one) => one.duplicate)).toEqual([false, true])
    receiver.fail(502)
    expect((await send(receiver)).status).toBe(502)
    expect(receiver.received).toHaveLength(2)
  })

  it('follows a rotation of the secret', async () => {
    const receiver = start()
    receiver.useSecret([OTHER, SECRET])
    expect([(await send(receiver)).status, (await send(receiver, { secret: OTHER })).status]).toEqual([200, 200])
    receiver.useSecret(OTHER)
    expect((await send(receiver)).status).toBe(401)
    receiver.reset()
    expect((await send(receiver)).status).toBe(200)
    expect(receiver.received).toHaveLength(1)
  })

  it('limits when told to, on the time that it is given', async () => {
    let now = 1_780_000_000_000
    const receiver = start({ now: () => now })
    receiver.rateLimit()
    expect((await send(receiver, { sentAt: now })).status).toBe(200)
    expect(await send(receiver, { sentAt: now })).toMatchObject({ status: 429 })
    now += 1000
    expect((await send(receiver, { sentAt: now })).status).toBe(200)
  })

  it('must be set up right', () => {
    expect(refusalOf(() => webhookReceiverFake({ secret: SECRET, url: '/in' }))).toMatch(/^url: /)
    expect(refusalOf(() => webhookReceiverFake({ secret: [] }))).toMatch(/^secret: /)
    expect(refusalOf(() => webhookReceiverFake({ secret: 'whsec_x' }))).toMatch(/secret/)
    expect(refusalOf(() => webhookReceiverFake({ secret: SECRET, scheme: [] }))).toMatch(/^scheme: /)
  })
})
