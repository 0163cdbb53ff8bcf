import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ghostSignature } from '../../src/signing/ghost.ts'

const now = 1_614_265_330_999
const secret = 'It is the text itself, ✓ included'
const body = '{"type":"case_assigned","title":"Héllo ✓"}'
const scheme = ghostSignature()
const signed = (options: { secrets?: string[]; body?: string | Uint8Array } = {}) =>
  scheme.sign({ id: 'msg_1', sentAt: now, body, secrets: [secret], ...options })

describe('ghostSignature', () => {
  it('signs the raw body in bare lowercase hex, keyed with the text of the secret, and tells the second', () => {
    const expected = createHmac('sha256', secret).update(body).digest('hex')
    expect(signed()).toEqual({ 'X-Ghost-Signature': expected, 'X-Ghost-Timestamp': '1614265330' })
    expect(signed({ body: Buffer.from(body) })).toEqual(signed())
  })

  it('takes a generated secret as it is written: nothing of it is decoded', () => {
    const generated = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const expected = createHmac('sha256', generated).update(body).digest('hex')
    expect(signed({ secrets: [generated] })['X-Ghost-Signature']).toBe(expected)
  })

  it('signs with the newest secret only and verifies with any', () => {
    expect(signed({ secrets: ['new', 'old'] })).toEqual(signed({ secrets: ['new'] }))
    const headers = signed({ secrets: ['old'] })
    expect(scheme.verify({ headers, body, secrets: ['new', 'old'], now })).toEqual({
      ok: true,
      timestamp: 1_614_265_330_000,
    })
    expect(scheme.verify({ headers, body, secrets: ['new'], now })).toEqual({ ok: false, code: 'no_match' })
  })

  it('does not sign the timestamp: a rewritten one passes, a missing one does not', () => {
    const headers = { ...signed(), 'X-Ghost-Timestamp': '1614265300' }
    expect(scheme.verify({ headers, body, secrets: [secret], now })).toMatchObject({ ok: true })
    const { 'X-Ghost-Signature': signature } = signed()
    expect(scheme.verify({ headers: { 'X-Ghost-Signature': signature }, body, secrets: [secret], now })).toEqual({
      ok: false,
      code: 'header_missing',
    })
  })

  it('names its headers after the prefix, as written, and lists them in lower case', () => {
    const acme = ghostSignature({ prefix: 'X-Acme' })
    expect(acme.headers).toEqual(['x-acme-signature', 'x-acme-timestamp'])
    const headers = acme.sign({ id: 'msg_1', sentAt: now, body, secrets: [secret] })
    expect(Object.keys(headers)).toEqual(['X-Acme-Signature', 'X-Acme-Timestamp'])
    expect(acme.verify({ headers: new Headers(headers), body, secrets: [secret], now }).ok).toBe(true)
  })

  it.each(['', 'X Ghost', 'X-Ghöst', 'X-Ghost:', 'X\r\nEvil', 'x'.repeat(65)])('refuses the prefix %j', (prefix) => {
    expect(() => ghostSignature({ prefix })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'prefix' }),
    )
  })

  it('accepts any secret that is not empty', () => {
    for (const any of ['k', ' ', '✓', 'whsec_', 'x'.repeat(1000)]) expect(() => scheme.checkSecret(any)).not.toThrow()
    expect(() => scheme.checkSecret('')).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'secret' }))
  })
})
