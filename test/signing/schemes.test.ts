import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  generateSecret,
  ghostCmsSignature,
  ghostSignature,
  github,
  type SignatureScheme,
  slackRequest,
  standardWebhooks,
  stripe,
} from '../../src/signing/index.ts'

/** What every scheme promises, whatever its form. */
const now = 1_614_265_330_000
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const body = '{"test": 2432232314}'
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const keyPair = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='

interface Case {
  readonly scheme: SignatureScheme
  readonly secrets: readonly string[]
  /** Where its signature and its time are. */
  readonly signature: string
  readonly timestamp?: string
}

const cases: readonly Case[] = [
  { scheme: ghostSignature(), secrets: [secret], signature: 'X-Ghost-Signature', timestamp: 'X-Ghost-Timestamp' },
  { scheme: ghostCmsSignature(), secrets: [secret], signature: 'X-Ghost-Signature', timestamp: 'X-Ghost-Signature' },
  {
    scheme: standardWebhooks(),
    secrets: [secret, keyPair],
    signature: 'webhook-signature',
    timestamp: 'webhook-timestamp',
  },
  { scheme: stripe(), secrets: [secret], signature: 'Stripe-Signature', timestamp: 'Stripe-Signature' },
  { scheme: github(), secrets: [secret], signature: 'X-Hub-Signature-256' },
  {
    scheme: slackRequest(),
    secrets: [secret],
    signature: 'X-Slack-Signature',
    timestamp: 'X-Slack-Request-Timestamp',
  },
]

const named = cases.map((one) => [one.scheme.name, one] as const)
const timed = named.filter(([, { timestamp }]) => timestamp !== undefined)

/** Texts that are near a signature, near each other's forms, or nothing like one; never a valid one. */
function hostile(valid: string, other: string): fc.Arbitrary<string> {
  const position = fc.nat(valid.length - 1)
  const noise = fc.string({ unit: 'binary', maxLength: 100 })
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 60, maxLength: 68 })
  const base64 = fc.base64String({ maxLength: 100 })
  return fc.oneof(
    noise,
    fc.string({ unit: 'grapheme', maxLength: 100 }),
    fc.constantFrom(
      '',
      ' ',
      ',',
      '=',
      't=',
      'v1,',
      'v1a,',
      'v0=',
      'sha256=',
      ' '.repeat(5000),
      ','.repeat(5000),
      other,
    ),
    hex,
    fc.tuple(fc.constantFrom('sha256=', 'v0=', 't=1614265330,v1=', 'v1=', 'sha1='), hex).map(([a, b]) => a + b),
    fc.tuple(fc.constantFrom('v1,', 'v1a,', 'v2,', 'V1,', 'v1 ,', 'v1=', 'v1,v1,'), base64).map(([a, b]) => a + b),
    fc
      .array(
        base64.map((text) => `v1,${text}`),
        { maxLength: 20 },
      )
      .map((list) => list.join(' ')),
    // One code unit of the valid one replaced, by a look-alike with the same low byte among others.
    fc
      .tuple(position, fc.oneof(fc.constant('same low byte'), fc.string({ minLength: 1, maxLength: 1 })))
      .map(([at, by]) => {
        const unit = by === 'same low byte' ? String.fromCharCode(valid.charCodeAt(at) + 0x100) : by
        return valid.slice(0, at) + unit + valid.slice(at + 1)
      }),
    position.map((at) => valid.slice(0, at)),
    position.map((at) => valid.slice(at + 1)),
    position.map((at) => valid.slice(0, at) + valid.slice(at + 1)),
    position.map((at) => valid.slice(0, at) + valid.slice(at, at + 1).repeat(2) + valid.slice(at + 1)),
    fc.tuple(noise, noise).map(([a, b]) => `${a}"${valid.slice(0, -3)}${b}`),
    fc.constantFrom(valid.toUpperCase(), valid.toLowerCase(), [...valid].reverse().join(''), `${valid}\0`),
  )
}

function isAmong(signature: string, value: string): boolean {
  const pieces = value.split(/[ ,]+/)
  return value.includes(signature) || signature.split(/[ ,]+/).every((piece) => pieces.includes(piece))
}

describe.each(named)('%s', (_, { scheme, secrets, signature, timestamp }) => {
  const headers = scheme.sign({ id, sentAt: now, body, secrets })
  const valid = headers[signature] ?? ''
  const accepts = (input: Partial<Parameters<typeof scheme.verify>[0]>) =>
    scheme.verify({ headers, body, secrets, now, ...input })

  it('verifies what it signed, as text and as bytes', () => {
    expect(accepts({}).ok).toBe(true)
    expect(accepts({ body: Buffer.from(body) }).ok).toBe(true)
    expect(accepts({ headers: new Headers(headers) }).ok).toBe(true)
    expect(
      Object.keys(headers)
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual([...scheme.headers].sort())
  })

  it('accepts none of 10,000 hostile signature headers and throws for none', () => {
    const other = scheme.sign({ id, sentAt: now, body: `${body} `, secrets })[signature] ?? ''
    // A header that still holds all of one signature is a valid one.
    const whole = scheme.name === 'standard-webhooks' ? valid.split(' ') : [valid]
    const values = hostile(valid, other).filter((value) => !whole.some((one) => isAmong(one, value)))
    fc.assert(
      fc.property(values, fc.boolean(), (value, repeated) => {
        const received = { ...headers, [signature]: repeated ? [value] : value }
        expect(scheme.verify({ headers: received, body, secrets, now }).ok).toBe(false)
      }),
      { seed: 20_261_121, numRuns: 10_000 },
    )
  })

  it('keeps bodies apart that decode to the same text', () => {
    const one = Buffer.from('ff41', 'hex')
    const two = Buffer.from('fe41', 'hex')
    const signed = scheme.sign({ id, sentAt: now, body: one, secrets })
    expect(signed).not.toEqual(scheme.sign({ id, sentAt: now, body: two, secrets }))
    expect(accepts({ headers: signed, body: one }).ok).toBe(true)
    expect(accepts({ headers: signed, body: two })).toEqual({ ok: false, code: 'no_match' })
  })

  it('refuses a changed body, other secrets and no secrets', () => {
    expect(accepts({ body: `${body} ` })).toEqual({ ok: false, code: 'no_match' })
    expect(accepts({ secrets: [generateSecret()] })).toEqual({ ok: false, code: 'no_match' })
    expect(accepts({ secrets: [] })).toEqual({ ok: false, code: 'secret_invalid' })
    expect(accepts({ secrets: [''] })).toEqual({ ok: false, code: 'secret_invalid' })
    expect(accepts({ secrets: ['', ...secrets] }).ok).toBe(true)
    expect(accepts({ headers: {} })).toEqual({ ok: false, code: 'header_missing' })
  })

  it('says what is wrong when it is asked to sign without a secret it needs, and never shows one', () => {
    const unsigned = () => scheme.sign({ id, sentAt: now, body, secrets: [] })
    if (scheme.unsigned) expect(unsigned()).toEqual({})
    else expect(unsigned).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'secrets' }))
    expect(() => scheme.checkSecret('')).toThrow(
      expect.objectContaining({ message: expect.stringContaining(scheme.name) }),
    )
  })

  it('refuses a body that was parsed already', () => {
    const parsed: unknown = JSON.parse(body)
    const input = { id, sentAt: now, body: parsed as string, secrets }
    expect(() => scheme.sign(input)).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'body' }))
    expect(() => accepts({ body: parsed as string })).toThrow(expect.objectContaining({ field: 'body' }))
  })

  if (timestamp === undefined) return

  const sentAfter = (seconds: number) =>
    accepts({ headers: scheme.sign({ id, sentAt: now + seconds * 1000, body, secrets }) })

  it('accepts a clock that is off by 299 s and refuses one that is off by 301 s', () => {
    expect(sentAfter(-299).ok).toBe(true)
    expect(sentAfter(299).ok).toBe(true)
    expect(sentAfter(-301)).toEqual({ ok: false, code: 'timestamp_too_old' })
    expect(sentAfter(301)).toEqual({ ok: false, code: 'timestamp_too_new' })
  })

  it('takes another tolerance, and no number that would let everything pass', () => {
    const old = scheme.sign({ id, sentAt: now - 10_000, body, secrets })
    expect(accepts({ headers: old, toleranceMs: 10_000 }).ok).toBe(true)
    expect(accepts({ headers: old, toleranceMs: 9999 })).toEqual({ ok: false, code: 'timestamp_too_old' })
    expect(() => accepts({ toleranceMs: Number.NaN })).toThrow(expect.objectContaining({ field: 'toleranceMs' }))
    expect(() => accepts({ toleranceMs: -1 })).toThrow(expect.objectContaining({ field: 'toleranceMs' }))
    expect(() => accepts({ now: Number.NaN })).toThrow(expect.objectContaining({ field: 'now' }))
  })

  it('judges by the current time where none is passed', () => {
    const fresh = scheme.sign({ id, sentAt: Date.now(), body, secrets })
    expect(scheme.verify({ headers: fresh, body, secrets }).ok).toBe(true)
    expect(scheme.verify({ headers, body, secrets })).toEqual({ ok: false, code: 'timestamp_too_old' })
  })

  it.each(['1614265330abc', '', '-1', '1e9', '0x60', '1614265330.0', '٣', 'NaN', 'Infinity', '1'.repeat(400)])(
    'refuses the timestamp %j as malformed',
    (text) => {
      const value = timestamp === signature ? valid.replace('1614265330', text) : text
      expect(accepts({ headers: { ...headers, [timestamp]: value } })).toEqual({
        ok: false,
        code: 'timestamp_malformed',
      })
    },
  )

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuses to sign at %d', (sentAt) => {
    expect(() => scheme.sign({ id, sentAt, body, secrets })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'sentAt' }),
    )
  })
})

it('covers every scheme that has a timestamp', () => {
  expect(timed.map(([name]) => name)).toEqual(['ghost', 'ghost-cms', 'standard-webhooks', 'stripe', 'slack-request'])
})
