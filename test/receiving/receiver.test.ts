import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { isSignalboxError } from '../../src/errors.ts'
import { type ReceiverOptions, receiver } from '../../src/receiving/index.ts'
import {
  generateSecret,
  ghostCmsSignature,
  ghostSignature,
  github,
  slackRequest,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { NOW, refusalOf, SECRET, signed } from './support.ts'

const receiving = (options: Partial<ReceiverOptions> = {}) =>
  receiver({ scheme: standardWebhooks(), secrets: [SECRET], clock: fakeClock({ now: NOW }), ...options })

const PAYLOAD = { type: 'invoice_paid', data: { amount: 12 } }

describe('a verified request', () => {
  it('becomes a webhook with its id, type, time, payload and raw bytes', async () => {
    const request = signed(PAYLOAD, { headers: { 'Content-Type': 'application/json', 'X-Trace': 'a' } })
    const webhook = await receiving().receive(request)
    expect(webhook).toMatchObject({
      id: 'msg_1',
      scheme: 'standard-webhooks',
      type: 'invoice_paid',
      timestamp: NOW,
      payload: PAYLOAD,
      duplicate: false,
      headers: { 'content-type': 'application/json', 'x-trace': 'a', 'webhook-id': 'msg_1' },
    })
    expect(Buffer.from(webhook.raw).toString()).toBe(request.body)
    expect(webhook).not.toHaveProperty('event')
    expect(webhook).not.toHaveProperty('eventError')
  })

  it('may carry its headers in any form', async () => {
    const { headers, body } = signed(PAYLOAD)
    const hooks = receiving({ dedupe: false })
    const forms = [
      headers,
      new Headers(headers),
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]])),
    ]
    for (const form of forms) expect((await hooks.receive({ headers: form, body })).id).toBe('msg_1')
  })

  it('is judged by its bytes, not by text made of them', async () => {
    const body = Uint8Array.from(Buffer.from('{"name":"Héllo ✓"}'))
    const headers = standardWebhooks().sign({ id: 'msg_1', sentAt: NOW, body, secrets: [SECRET] })
    expect(await receiving().receive({ headers, body })).toMatchObject({ payload: { name: 'Héllo ✓' } })
    const latin1 = Uint8Array.from(Buffer.from('{"name":"H\xe9llo"}', 'latin1'))
    const resigned = standardWebhooks().sign({ id: 'msg_2', sentAt: NOW, body: latin1, secrets: [SECRET] })
    const error = await refusalOf(receiving().receive({ headers: resigned, body: latin1 }))
    expect(error).toMatchObject({ code: 'invalid_input', field: 'body', status: 400 })
  })

  it('may be signed with the old or the new secret while one is rotated', async () => {
    const old = generateSecret()
    const hooks = receiving({ secrets: [SECRET, old], dedupe: false })
    for (const secret of [SECRET, old]) await hooks.receive(signed(PAYLOAD, { secret }))
    expect(await refusalOf(hooks.receive(signed(PAYLOAD, { secret: generateSecret() })))).toMatchObject({
      failure: 'no_match',
    })
  })

  it('is checked against the secrets of that moment where a function answers them', async () => {
    let secrets = [generateSecret()]
    const hooks = receiving({ secrets: async () => secrets })
    expect(await refusalOf(hooks.receive(signed(PAYLOAD)))).toMatchObject({ code: 'signature_invalid' })
    secrets = [SECRET]
    expect(await hooks.receive(signed(PAYLOAD))).toMatchObject({ id: 'msg_1' })
  })

  it('may match any of several schemes', async () => {
    const hooks = receiving({ scheme: [standardWebhooks(), ghostSignature()], dedupe: false })
    expect(await hooks.receive(signed(PAYLOAD))).toMatchObject({ scheme: 'standard-webhooks' })
    expect(await hooks.receive(signed(PAYLOAD, { scheme: ghostSignature() }))).toMatchObject({ scheme: 'ghost' })
  })

  it('may be verified with a public key alone', async () => {
    const secret = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='
    const hooks = receiving({ secrets: ['whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='] })
    expect(await hooks.receive(signed(PAYLOAD, { secret }))).toMatchObject({ id: 'msg_1' })
  })
})

describe('the identity of a message', () => {
  const stripeEvent = { id: 'evt_1', object: 'event', type: 'charge.succeeded', created: 1, data: { object: {} } }
  const delivery = { 'X-GitHub-Delivery': 'a1b2', 'X-GitHub-Event': 'issues' }

  it.each([
    ['of Stripe is the id of its event', stripe(), stripeEvent, {}, { id: 'evt_1', type: 'charge.succeeded' }],
    ['of GitHub is its delivery', github(), { action: 'opened' }, delivery, { id: 'a1b2', type: 'issues' }],
    ['of Slack is its event id', slackRequest(), { type: 'event_callback', event_id: 'Ev1' }, {}, { id: 'Ev1' }],
  ])('%s', async (_, scheme, payload, headers, expected) => {
    const hooks = receiving({ scheme, secrets: ['secret'] })
    expect(await hooks.receive(signed(payload, { scheme, secret: 'secret', headers }))).toMatchObject(expected)
  })

  it.each([
    ['Stripe without an id', stripe(), { id: 7 }],
    ['GitHub without a delivery header', github(), {}],
    ['Slack without an event id', slackRequest(), {}],
    ['the Ghost workspace', ghostSignature(), { type: 'test' }],
  ])('of %s is a hash of the body', async (_, scheme, payload) => {
    const hooks = receiving({ scheme, secrets: ['secret'], dedupe: false })
    const again = { scheme, secret: 'secret', sentAt: NOW + 1000 }
    const first = await hooks.receive(signed(payload, { scheme, secret: 'secret' }))
    const second = await hooks.receive(signed(payload, again))
    const other = await hooks.receive(signed({ ...payload, more: 1 }, again))
    expect(first.id).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(second.id).toBe(first.id)
    expect(other.id).not.toBe(first.id)
  })

  it('of Ghost CMS holds its time: two rebuilds are two messages, one sent twice is one', async () => {
    const scheme = ghostCmsSignature()
    const hooks = receiving({ scheme, secrets: ['k'] })
    const send = async (sentAt: number) => {
      const webhook = await hooks.receive(signed('{"event":"site.changed"}', { scheme, secret: 'k', sentAt }))
      await webhook.confirm()
      return { type: webhook.type, duplicate: webhook.duplicate }
    }
    expect(await send(NOW)).toEqual({ type: 'site.changed', duplicate: false })
    expect(await send(NOW)).toEqual({ type: 'site.changed', duplicate: true })
    expect(await send(NOW + 1)).toEqual({ type: 'site.changed', duplicate: false })
  })
})

describe('bodies that are not plain JSON', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }

  it('of a form give the JSON in its payload, as GitHub and Slack send it', async () => {
    const request = signed('payload=%7B%22type%22%3A%22ping%22%7D', { headers: form })
    expect(await receiving().receive(request)).toMatchObject({ payload: { type: 'ping' }, type: 'ping' })
  })

  it('of a form without one give its fields', async () => {
    const request = signed('command=%2Fweather&text=94070', { headers: form })
    expect(await receiving().receive(request)).toMatchObject({ payload: { command: '/weather', text: '94070' } })
  })

  it.each([
    ['that is cut', '{"type":', 'application/json', 400],
    ['without a content type', 'hello', '', 400],
    ['with a broken payload in a form', 'payload=%7B', 'application/x-www-form-urlencoded', 400],
    ['of XML', '<a/>', 'text/xml', 415],
    ['that is empty', '', 'application/json', 400],
  ])('a body %s is refused, and nothing of it is told', async (_, body, contentType, status) => {
    const request = signed(body, { headers: contentType === '' ? {} : { 'content-type': contentType } })
    const error = await refusalOf(receiving().receive(request))
    expect(error).toMatchObject({ code: 'invalid_input', field: 'body', status })
    expect(error).not.toHaveProperty('cause')
  })

  it('JSON passes under any name', async () => {
    for (const type of ['application/cloudevents+json', 'text/plain', 'application/json; charset=utf-8']) {
      const hooks = receiving()
      expect(await hooks.receive(signed({ a: 1 }, { headers: { 'content-type': type } }))).toMatchObject({
        payload: { a: 1 },
      })
    }
  })
})

describe('a request that is refused', () => {
  it.each([
    ['by a forged signature', { ...signed(PAYLOAD), body: '{}' }, 400, 'signature_invalid', 'no_match'],
    ['without a signature', { headers: {}, body: '{}' }, 400, 'signature_invalid', 'header_missing'],
    ['that is old', signed(PAYLOAD, { sentAt: NOW - 301_000 }), 400, 'signature_invalid', 'timestamp_too_old'],
    ['of the future', signed(PAYLOAD, { sentAt: NOW + 301_000 }), 400, 'signature_invalid', 'timestamp_too_new'],
    ['by its method', { ...signed(PAYLOAD), method: 'GET' }, 405, 'invalid_input', undefined],
    ['by its size', signed('x'.repeat(1_048_577)), 413, 'invalid_input', undefined],
  ])('%s is told with its status, code and reason', async (_, request, status, code, failure) => {
    const error = await refusalOf(receiving().receive(request))
    expect({ status: error.status, code: error.code, failure: error.failure }).toEqual({ status, code, failure })
  })

  it('holds neither the secret nor anything of the request', async () => {
    const body = '{"canary":"cA7n4ry"}'
    const headers = { ...signed(body).headers, 'webhook-signature': 'v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' }
    const error = await refusalOf(receiving().receive({ headers, body }))
    const all = `${inspect(error, { depth: 9 })}${JSON.stringify(error)}`
    for (const secret of [SECRET.slice(6), 'cA7n4ry', 'AAAAAAAA']) expect(all).not.toContain(secret)
  })

  it('takes the tolerance that is set', async () => {
    const late = signed(PAYLOAD, { sentAt: NOW - 600_000 })
    expect(await receiving({ toleranceMs: 600_000 }).receive(late)).toMatchObject({ id: 'msg_1' })
    expect(await refusalOf(receiving({ toleranceMs: 0 }).receive(late))).toMatchObject({ status: 400 })
  })

  it('is a mistake of the host where the body was parsed', async () => {
    const parsed: never = { type: 'x' } as never
    expect(await refusalOf(receiving().receive({ headers: {}, body: parsed }))).toMatchObject({ status: 500 })
  })
})

describe('options', () => {
  const refused = (options: object): string | undefined => {
    try {
      receiver({ scheme: stripe(), secrets: ['s'], ...options })
    } catch (error) {
      if (isSignalboxError(error, 'invalid_input')) return error.field
      throw error
    }
    return undefined
  }

  it.each([
    [{ schema: stripe() }, 'schema'],
    [{ scheme: [] }, 'scheme'],
    [{ scheme: 'stripe' }, 'scheme'],
    [{ secrets: [] }, 'secrets'],
    [{ secrets: 'whsec_x' }, 'secrets'],
    [{ secrets: ['a', ''] }, 'secrets[1]'],
    [{ scheme: standardWebhooks(), secrets: ['short'] }, 'secrets[0]'],
    [{ format: 'xml' }, 'format'],
    [{ toleranceMs: Number.NaN }, 'toleranceMs'],
    [{ maxBodyBytes: 0 }, 'maxBodyBytes'],
    [{ onError: 1 }, 'onError'],
    [{ dedupe: true }, 'dedupe'],
    [{ dedupe: {} }, 'dedupe.store'],
    [{ dedupe: { store: { keys: {} } } }, 'dedupe.store'],
  ])('%j is refused by the name of what is wrong', (options, field) => {
    expect(refused(options)).toBe(field)
  })

  it('a secret has to suit one scheme of several', () => {
    expect(refused({ scheme: [standardWebhooks(), stripe()], secrets: ['short'] })).toBeUndefined()
  })

  it('never say the secret that does not suit', () => {
    expect(() => receiver({ scheme: standardWebhooks(), secrets: ['cA7n4ry'] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('cA7n4ry') }),
    )
  })
})
