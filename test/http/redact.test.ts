import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact, truncatedUrl, truncateSnippet } from '../../src/http/index.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('redact', () => {
  const secret = 'p/ss "w+rd" & é=1'

  it.each([
    ['as it is', secret],
    ['as JSON', JSON.stringify({ secret })],
    ['as JSON that escapes slashes', JSON.stringify({ secret }).replaceAll('/', '\\/')],
    ['URL-encoded', `https://x.example.com/?key=${encodeURIComponent(secret)}`],
    ['in a URL as a browser shows it', encodeURI(secret)],
    ['as base64', base64(secret)],
    ['as base64 without padding', base64(secret).replace(/=+$/, '')],
    ['as base64url', Buffer.from(secret).toString('base64url')],
  ])('takes out a known secret %s', (_, text) => {
    const result = redact(`before ${text} after`, [secret])
    expect(result).toContain('[redacted]')
    expect(result).toMatch(/^before .*after$/)
    for (const part of ['w+rd', 'w%2Brd', 'w%2brd', base64(secret).slice(4, 16)]) expect(result).not.toContain(part)
  })

  it.each(['', 'a', 'ab', 'user', 'user:', 'longer-user:'])('takes it out of Basic credentials after %j', (user) => {
    const credentials = base64(`${user}${secret}`)
    const result = redact(`sent "${credentials}"`, [secret])
    expect(result).toContain('[redacted]')
    for (const rest of result.split('[redacted]')) {
      for (const offset of [0, 1, 2, 3]) {
        expect(Buffer.from(rest.slice(offset), 'base64').toString('latin1')).not.toContain(secret.slice(3, 8))
      }
    }
  })

  it('takes out every secret, longer ones first', () => {
    expect(redact('abcd abcdefgh ijkl', ['abcd', 'abcdefgh', 'ijkl'])).toBe('[redacted] [redacted] [redacted]')
  })

  it('leaves words alone that a very short secret would match', () => {
    expect(redact('an ant', ['an', ''])).toBe('an ant')
  })

  it.each([
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '[redacted]'],
    ['whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=', '[redacted]'],
    ['whpk_public', 'whpk_public'],
    // In parts, so that no scanner takes them for real ones.
    [`token xox${'b'}-1234-abcd.`, 'token [redacted].'],
    [`xoxe.xox${'p'}-1-abc xap${'p'}-1-A0`, '[redacted] [redacted]'],
    ['Authorization: Bearer abc.def-ghi_jkl', 'Authorization: Bearer [redacted]'],
    ['authorization: bearer   abc', 'authorization: bearer   [redacted]'],
    ['Basic dXNlcjpwYXNz', 'Basic [redacted]'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', '[redacted]'],
    ['https://hooks.slack.com/services/T0/B0/xyz?a', 'https://hooks.slack.com/services/[redacted]'],
    [
      '"https:\\/\\/hooks.slack.com\\/services\\/T0\\/B0\\/xyz"',
      '"https:\\/\\/hooks.slack.com\\/services\\/[redacted]"',
    ],
    ['hooks.slack.com%2Fservices%2FT0%2FB0', 'hooks.slack.com%2Fservices%2F[redacted]'],
    ['https://discord.com/api/webhooks/1/abc', 'https://discord.com/api/webhooks/[redacted]'],
    ['https://discordapp.com/api/v10/webhooks/1/abc', 'https://discordapp.com/api/v10/webhooks/[redacted]'],
    ['https://acme.webhook.office.com/webhookb2/1@2/x', 'https://acme.webhook.office.com/[redacted]'],
    ['?api-version=1&sig=abc%2Bd&sv=1', '?api-version=1&sig=[redacted]&sv=1'],
    ['\\u0026sig=abc"', '\\u0026sig=[redacted]"'],
    ['design=flat', 'design=flat'],
    ['{"access_token": "abc", "x": 1}', '{"access_token": "[redacted]", "x": 1}'],
    ['refresh_token=abc&x=1', 'refresh_token=[redacted]&x=1'],
    ['nothing to see', 'nothing to see'],
    ['', ''],
  ])('knows the shape of %j', (text, expected) => {
    expect(redact(text, [])).toBe(expected)
  })

  it('leaves no secret of any kind in any text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8, unit: 'grapheme' }), fc.string(), fc.string(), (value, before, after) => {
        const result = redact(`${before}${value}${after}`, [value])
        // A secret that is part of the mark itself cannot be told from it.
        fc.pre(
          !'[redacted]'.includes(value) &&
            !`[redacted]${after}`.includes(value) &&
            !`${before}[redacted]`.includes(value),
        )
        expect(result.includes(value)).toBe(false)
      }),
    )
  })
})

describe('truncateSnippet', () => {
  it('keeps what is short', () => {
    expect(truncateSnippet('héllo')).toBe('héllo')
    expect(truncateSnippet('a'.repeat(2_048))).toHaveLength(2_048)
    expect(truncateSnippet('é'.repeat(1_024))).toHaveLength(1_024)
  })

  it('cuts at 2 KiB of UTF-8, between code points', () => {
    fc.assert(
      fc.property(fc.constantFrom('a', 'é', '€', '😀'), fc.integer({ min: 0, max: 4 }), (character, offset) => {
        const text = 'a'.repeat(offset) + character.repeat(3_000)
        const cut = truncateSnippet(text)
        const bytes = Buffer.byteLength(cut)
        expect(text.startsWith(cut)).toBe(true)
        expect(bytes).toBeLessThanOrEqual(2_048)
        expect(bytes).toBeGreaterThan(2_048 - 4)
        expect(cut.isWellFormed()).toBe(true)
      }),
    )
  })

  it('mends lone surrogates', () => {
    expect(truncateSnippet('a\ud800b')).toBe('a\ufffdb')
    expect(truncateSnippet(`${'a'.repeat(2_048)}\ud83d\ude00`).isWellFormed()).toBe(true)
  })
})

describe('truncatedUrl', () => {
  it.each([
    ['https://siem.example.com/in', {}, 'https://siem.example.com/in'],
    ['https://siem.example.com', {}, 'https://siem.example.com/'],
    ['https://siem.example.com/hooks/12345/topsecret', {}, 'https://siem.example.com/hooks/12345…'],
    ['https://siem.example.com:8443/in?token=topsecret', {}, 'https://siem.example.com:8443/in…'],
    ['https://user:topsecret@siem.example.com/in', {}, 'https://siem.example.com/in'],
    ['https://hooks.slack.com/services/topsecret', { originOnly: true }, 'https://hooks.slack.com/…'],
    ['https://siem.example.com/', { originOnly: true }, 'https://siem.example.com'],
    ['no url: topsecret', {}, '…'],
  ])('shows %s %j as %s', (url, options, expected) => {
    expect(truncatedUrl(url, options)).toBe(expected)
  })
})

it('takes the beginning of a secret off the end of a text that may have been cut there', () => {
  const secret = 'k1-0123456789abcdef'
  const text = `${'x'.repeat(600)} ${secret.slice(0, 11)}`
  expect(redact(text, [secret])).toBe(`${'x'.repeat(600)} [redacted]`)
  expect(redact(`no key: ${secret.slice(0, 11)}`, [secret])).toBe(`no key: ${secret.slice(0, 11)}`)
})
