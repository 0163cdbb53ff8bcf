import { sign as octokitSign, verify as octokitVerify } from '@octokit/webhooks-methods'
import { Webhook } from 'standardwebhooks'
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { receiver } from '../../src/receiving/index.ts'
import { generateSecret, github, standardWebhooks, stripe } from '../../src/signing/index.ts'
import { refusalOf, SECRET, signed } from './support.ts'

const { webhooks } = new Stripe('sk_test_none')
const event = { id: 'evt_1', object: 'event', type: 'charge.succeeded', created: 1_780_000_000, data: { object: {} } }
const payload = JSON.stringify({ ...event, note: 'Héllo ✓' }, null, 2)

describe('the npm package `stripe`', () => {
  const secret = generateSecret()
  const hooks = () => receiver({ scheme: stripe(), secrets: [secret] })

  it('makes headers that verify here', async () => {
    const header = webhooks.generateTestHeaderString({ payload, secret })
    const webhook = await hooks().receive({ headers: { 'Stripe-Signature': header }, body: payload })
    expect(webhook).toMatchObject({ id: 'evt_1', type: 'charge.succeeded', payload: event })
  })

  it('makes headers with two signatures, one of another secret, that verify here', async () => {
    const header = webhooks.generateTestHeaderString({ payload, secret })
    const doubled = header.replace(',v1=', `,v1=${'0'.repeat(64)},v1=`)
    expect(await hooks().receive({ headers: { 'stripe-signature': doubled }, body: payload })).toMatchObject({
      id: 'evt_1',
    })
  })

  it.each([
    ['of another secret', { secret: generateSecret() }, 'no_match'],
    ['that are old', { timestamp: Math.floor(Date.now() / 1000) - 400 }, 'timestamp_too_old'],
    ['under another scheme', { scheme: 'v0' }, 'header_malformed'],
  ])('makes headers %s that are refused here', async (_, options, failure) => {
    const header = webhooks.generateTestHeaderString({ payload, secret, ...options })
    const error = await refusalOf(hooks().receive({ headers: { 'stripe-signature': header }, body: payload }))
    expect(error).toMatchObject({ code: 'signature_invalid', failure, status: 400 })
  })

  it('verifies what is signed here, with any of two secrets', () => {
    const other = generateSecret()
    const headers = stripe().sign({ id: '', sentAt: Date.now(), body: payload, secrets: [other, secret] })
    const header = headers['Stripe-Signature'] ?? ''
    for (const one of [secret, other]) {
      expect(webhooks.constructEvent(payload, header, one)).toMatchObject({ id: 'evt_1' })
    }
    expect(() => webhooks.constructEvent(`${payload} `, header, secret)).toThrow()
  })
})

describe('@octokit/webhooks-methods', () => {
  const secret = 'It is a secret to everybody'
  const body = JSON.stringify({ action: 'opened', title: 'Héllo ✓' })
  const hooks = () => receiver({ scheme: github(), secrets: ['an older one', secret] })

  it('makes headers that verify here', async () => {
    const headers = {
      'X-Hub-Signature-256': await octokitSign(secret, body),
      'X-GitHub-Event': 'issues',
      'X-GitHub-Delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    }
    expect(await hooks().receive({ headers, body })).toMatchObject({
      id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      type: 'issues',
      payload: { action: 'opened' },
    })
  })

  it('makes headers over another body that are refused here', async () => {
    const headers = { 'X-Hub-Signature-256': await octokitSign(secret, `${body} `) }
    expect(await refusalOf(hooks().receive({ headers, body }))).toMatchObject({ failure: 'no_match' })
  })

  it('verifies what is signed here', async () => {
    const headers = github().sign({ id: '', sentAt: 0, body, secrets: [secret] })
    const header = headers['X-Hub-Signature-256'] ?? ''
    expect(await octokitVerify(secret, body, header)).toBe(true)
    expect(await octokitVerify(secret, `${body} `, header)).toBe(false)
  })
})

describe('standardwebhooks', () => {
  const body = JSON.stringify({ type: 'invoice_paid' })

  it('makes headers that verify here, and verifies what is signed here', async () => {
    const at = new Date()
    const headers = {
      'webhook-id': 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(SECRET).sign('msg_2KWPBgLlAfxdpx2AI54pPJ85f4W', at, body),
    }
    const hooks = receiver({ scheme: standardWebhooks(), secrets: [SECRET] })
    expect(await hooks.receive({ headers, body })).toMatchObject({ id: 'msg_2KWPBgLlAfxdpx2AI54pPJ85f4W' })
    const ours = signed(body, { sentAt: Date.now() })
    expect(new Webhook(SECRET).verify(ours.body, ours.headers)).toEqual({ type: 'invoice_paid' })
  })
})
