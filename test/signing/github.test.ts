import { describe, expect, it } from 'vitest'
import { github } from '../../src/signing/github.ts'

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
const secret = "It's a Secret to Everybody"
const body = 'Hello, World!'
const headers = { 'X-Hub-Signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' }

describe('github', () => {
  it("signs and verifies the vector of GitHub's documentation", () => {
    expect(github().sign({ id: '', sentAt: 0, body, secrets: [secret] })).toEqual(headers)
    expect(github().verify({ headers, body, secrets: ['other', secret] })).toEqual({ ok: true })
    expect(github().verify({ headers: new Headers(headers), body: Buffer.from(body), secrets: [secret] })).toEqual({
      ok: true,
    })
  })

  it('has no timestamp: a request of any age passes', () => {
    expect(github().verify({ headers, body, secrets: [secret], now: Number.MAX_SAFE_INTEGER }).ok).toBe(true)
  })

  it.each([
    ['another body', headers, 'Hello, World', 'no_match'],
    ['no header', {}, body, 'header_missing'],
    [
      'the digest in upper case',
      { 'X-Hub-Signature-256': headers['X-Hub-Signature-256'].toUpperCase() },
      body,
      'header_malformed',
    ],
    [
      'the digest without its algorithm',
      { 'X-Hub-Signature-256': headers['X-Hub-Signature-256'].slice(7) },
      body,
      'header_malformed',
    ],
  ])('refuses %s', (_, received, content, code) => {
    expect(github().verify({ headers: received, body: content, secrets: [secret] })).toEqual({ ok: false, code })
  })

  it('refuses an empty secret', () => {
    expect(() => github().checkSecret('')).toThrow('secret: must be a string of at least one character (github)')
  })
})
