import { describe, expect, it } from 'vitest'
import { ghostCmsSignature } from '../../src/signing/ghost-cms.ts'
import deliveries from '../fixtures/ghost-cms-deliveries.json' with { type: 'json' }

const secret = 'whsec_test_0123456789abcdef'
const sentAt = 1719842984367
const body =
  '{"event":"post.published","post":{"current":{"id":"6682b8a8e10cc04306284330","title":"Héllo ✓"},"previous":{"status":"draft"}}}'
const olderBody = body.replace('"event":"post.published",', '')
const today = 'sha256=d8db4c6d422501565daf4c7138c4ca41dc02e8ba068f44319f483e72ca2a918d, t=1719842984367'
const older = 'sha256=81f195afa0c01fb25f66c9a1fe9489ab374201b59d29f9ff0062784ca954fc10, t=1719842984367'

const scheme = ghostCmsSignature()
const received = (signature: string, input: { body?: string | Uint8Array; now?: number; secrets?: string[] } = {}) =>
  scheme.verify({ headers: { 'x-ghost-signature': signature }, body, secrets: [secret], now: sentAt, ...input })

describe('ghostCmsSignature', () => {
  it.each<[string, string | Uint8Array]>([
    ['text', body],
    ['bytes', Buffer.from(body)],
  ])('signs the body and the milliseconds after it: %s', (_, given) => {
    const headers = scheme.sign({ id: 'msg_1', sentAt, body: given, secrets: [secret] })
    expect(headers).toEqual({ 'X-Ghost-Signature': today })
    expect(received(today, { body: given })).toEqual({ ok: true, timestamp: sentAt })
  })

  it.each<[string, string | Uint8Array]>([
    ['text', olderBody],
    ['bytes', Buffer.from(olderBody)],
  ])('signs the body alone in the form up to 5.87.0, which it verifies without being told: %s', (_, given) => {
    const headers = ghostCmsSignature({ signs: 'body' }).sign({ id: 'msg_1', sentAt, body: given, secrets: [secret] })
    expect(headers).toEqual({ 'X-Ghost-Signature': older })
    expect(received(older, { body: given })).toEqual({ ok: true, timestamp: sentAt })
  })

  it('writes no header without a secret', () => {
    expect(scheme.unsigned).toBe(true)
    expect(scheme.sign({ id: 'msg_1', sentAt, body, secrets: [] })).toEqual({})
    expect(scheme.verify({ headers: {}, body, secrets: [secret], now: sentAt })).toEqual({
      ok: false,
      code: 'header_missing',
    })
  })

  it.each(deliveries)('verifies and recreates the signature of a real $event', (delivery) => {
    const t = Number(delivery.signature.split('t=')[1])
    expect(received(delivery.signature, { body: delivery.body, secrets: [delivery.secret], now: t })).toEqual({
      ok: true,
      timestamp: t,
    })
    const signed = scheme.sign({ id: 'msg_1', sentAt: t, body: delivery.body, secrets: [delivery.secret] })
    expect(signed['X-Ghost-Signature']).toBe(delivery.signature)
  })

  it('lets nobody give a request of today another time', () => {
    const later = today.replace('t=1719842984367', 't=1719842984368')
    expect(received(later)).toEqual({ ok: false, code: 'no_match' })
    expect(received(today, { now: sentAt + 300_001 })).toEqual({ ok: false, code: 'timestamp_too_old' })
    // the signed bytes as the body of the older form, which signs no time
    const replayed = today.replace('t=1719842984367', 't=1800000000000')
    for (const longer of [`${body}1719842984367`, Buffer.from(`${body}1719842984367`)]) {
      expect(received(replayed, { body: longer, now: 1_800_000_000_000 })).toEqual({ ok: false, code: 'no_match' })
    }
  })

  it('says of the older form, too, when it is too old', () => {
    expect(received(older, { body: olderBody, now: sentAt + 300_001 })).toEqual({
      ok: false,
      code: 'timestamp_too_old',
    })
  })

  it('signs with the newest secret only and verifies with any', () => {
    const headers = scheme.sign({ id: 'msg_1', sentAt, body, secrets: ['new', 'old'] })
    expect(headers).toEqual(scheme.sign({ id: 'msg_1', sentAt, body, secrets: ['new'] }))
    expect(received(today, { secrets: ['new', secret] }).ok).toBe(true)
    expect(received(today, { secrets: ['new'] })).toEqual({ ok: false, code: 'no_match' })
  })

  it.each([
    ['header_malformed', 'sha256=, t=1719842984367'],
    ['header_malformed', today.replace('sha256=', 'sha1=')],
    ['header_malformed', today.toUpperCase()],
    ['header_malformed', today.slice(0, today.indexOf(','))],
    ['header_malformed', ''],
    ['timestamp_malformed', today.replace('t=1719842984367', 't=1719842984367abc')],
    ['timestamp_malformed', today.replace('t=1719842984367', 't=01719842984367')],
    ['timestamp_malformed', today.replace('t=1719842984367', 't=')],
    ['timestamp_malformed', `${today}, ${today}`],
  ])('answers %s to %s', (code, header) => {
    expect(received(header)).toEqual({ ok: false, code })
  })

  it('refuses another form to sign in', () => {
    expect(() => ghostCmsSignature({ signs: 'timestamp' as 'body' })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'signs' }),
    )
    expect(() => ghostCmsSignature({ sign: 'body' } as object)).toThrow(expect.objectContaining({ field: 'sign' }))
  })
})
