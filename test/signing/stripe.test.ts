import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { stripe } from '../../src/signing/stripe.ts'

const secret = 'whsec_test_0123456789abcdef'
const body = '{"id":"evt_1","object":"event"}'
const now = 1_614_265_330_000
const t = '1614265330'
const digest = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
const verify = (value: string, secrets = [secret]) =>
  stripe().verify({ headers: { 'Stripe-Signature': value }, body, secrets, now })

describe('stripe', () => {
  it('signs t.body with the text of the secret, once for each secret', () => {
    const other = createHmac('sha256', 'old').update(`${t}.${body}`).digest('hex')
    expect(stripe().sign({ id: '', sentAt: now, body, secrets: [secret] })).toEqual({
      'Stripe-Signature': `t=${t},v1=${digest}`,
    })
    expect(stripe().sign({ id: '', sentAt: now, body, secrets: [secret, 'old'] })).toEqual({
      'Stripe-Signature': `t=${t},v1=${digest},v1=${other}`,
    })
  })

  it.each([
    ['one signature', `t=${t},v1=${digest}`],
    ['the second of two', `t=${t},v1=${'0'.repeat(64)},v1=${digest}`],
    ['beside the old scheme', `t=${t},v1=${digest},v0=${'6'.repeat(64)}`],
    ['in any order, with spaces', `v1=${digest}, t=${t}`],
  ])('accepts %s', (_, value) => {
    expect(verify(value)).toEqual({ ok: true, timestamp: now })
  })

  it('accepts any of several secrets', () => {
    expect(verify(`t=${t},v1=${digest}`, ['new', secret])).toEqual({ ok: true, timestamp: now })
  })

  it.each([
    ['no timestamp', `v1=${digest}`, 'header_malformed'],
    ['two timestamps', `t=${t},t=${t},v1=${digest}`, 'header_malformed'],
    ['no v1', `t=${t},v0=${digest}`, 'header_malformed'],
    ['a v1 in upper case', `t=${t},v1=${digest.toUpperCase()}`, 'header_malformed'],
    ['a timestamp that is not digits', `t=${t}abc,v1=${digest}`, 'timestamp_malformed'],
    ['a timestamp that was changed', `t=1614265331,v1=${digest}`, 'no_match'],
  ])('refuses %s', (_, value, code) => {
    expect(verify(value)).toEqual({ ok: false, code })
  })
})
