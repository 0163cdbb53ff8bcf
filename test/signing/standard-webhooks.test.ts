import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { generateSecret } from '../../src/signing/generate-secret.ts'
import { standardWebhooks } from '../../src/signing/standard-webhooks.ts'

// Vectors of the specification's own test suites.
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const now = 1_614_265_330_000
const body = '{"test": 2432232314}'
const v1 = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}
const v1a = {
  secret: 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==',
  publicKey: 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=',
  signature: 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
}
const scheme = standardWebhooks()
const sign = (...secrets: string[]) => scheme.sign({ id, sentAt: now, body, secrets })['webhook-signature'] ?? ''
const received = (signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': '1614265330',
  'webhook-signature': signature,
})
const verify = (signature: string, ...secrets: string[]) =>
  scheme.verify({ headers: received(signature), body, secrets, now })
const whsec = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`
const verified = { ok: true, id, timestamp: now }

describe('standardWebhooks', () => {
  it('signs and verifies the v1 vector', () => {
    expect(scheme.sign({ id, sentAt: now + 999, body, secrets: [v1.secret] })).toEqual(received(v1.signature))
    expect(verify(v1.signature, v1.secret)).toEqual(verified)
  })

  it('signs and verifies the v1a vector, with the public key or with the secret one', () => {
    expect(sign(v1a.secret)).toBe(v1a.signature)
    expect(verify(v1a.signature, v1a.publicKey)).toEqual(verified)
    expect(verify(v1a.signature, v1a.secret)).toEqual(verified)
    expect(verify(v1a.signature.replace('hnO3', 'hnO4'), v1a.publicKey)).toEqual({ ok: false, code: 'no_match' })
  })

  it('takes the 32-byte seed alone as a secret key', () => {
    const seed = Buffer.from(v1a.secret.slice(5), 'base64').subarray(0, 32)
    expect(sign(`whsk_${seed.toString('base64')}`)).toBe(v1a.signature)
  })

  it('writes a signature for each secret, newest first, any of which verifies', () => {
    const both = sign(v1.secret, v1a.secret, whsec(24))
    expect(both).toBe(`${v1.signature} ${v1a.signature} ${sign(whsec(24))}`)
    for (const secret of [v1.secret, v1a.publicKey, whsec(24)]) expect(verify(both, secret)).toEqual(verified)
    expect(verify(both, whsec(25))).toEqual({ ok: false, code: 'no_match' })
    expect(verify(v1.signature, whsec(25), v1.secret)).toEqual(verified)
  })

  it('finds the signature among unknown versions and in repeated headers', () => {
    expect(verify(`v2,abc ${v1.signature} v1,${'A'.repeat(43)}=`, v1.secret)).toEqual(verified)
    const headers = { ...received(''), 'webhook-signature': [v1a.signature, v1.signature] }
    expect(scheme.verify({ headers, body, secrets: [v1.secret], now })).toEqual(verified)
    const fetched = new Headers({ 'webhook-id': id, 'webhook-timestamp': '1614265330' })
    fetched.append('webhook-signature', v1.signature)
    fetched.append('webhook-signature', v1a.signature)
    expect(scheme.verify({ headers: fetched, body, secrets: [v1.secret], now })).toEqual(verified)
  })

  it('agrees with npm standardwebhooks both ways, on texts and on bytes', () => {
    // The other side reads the clock itself.
    const at = Date.now()
    const text = fc.string({ unit: 'grapheme', maxLength: 200 })
    fc.assert(
      fc.property(text, fc.uint8Array({ minLength: 24, maxLength: 64 }), (content, key) => {
        const secret = `whsec_${Buffer.from(key).toString('base64')}`
        const peer = new Webhook(secret)
        const headers = scheme.sign({ id, sentAt: at, body: content, secrets: [whsec(24), secret] })
        peer.verify(content, headers, { jsonParse: false })
        const theirs = {
          ...headers,
          'webhook-signature': peer.sign(id, new Date(at), content),
        }
        expect(scheme.verify({ headers: theirs, body: Buffer.from(content), secrets: [secret], now: at }).ok).toBe(true)
        const bare = scheme.verify({ headers: theirs, body: content, secrets: [secret.slice(6)], now: at })
        expect(bare.ok).toBe(true)
      }),
      { seed: 7, numRuns: 200 },
    )
  })

  it('needs all three headers', () => {
    for (const name of Object.keys(received(''))) {
      const headers = { ...received(v1.signature), [name]: undefined }
      expect(scheme.verify({ headers, body, secrets: [v1.secret], now })).toEqual({ ok: false, code: 'header_missing' })
    }
  })

  it('holds the id apart from the timestamp: none with a dot is signed or accepted', () => {
    // Signed as id "msg" over the body "1614265330.{}", it must not pass as id "msg.1614265330" over "{}".
    const signed = scheme.sign({ id: 'msg', sentAt: now, body: '1614265330.{}', secrets: [v1.secret] })
    const headers = { ...signed, 'webhook-id': 'msg.1614265330' }
    expect(scheme.verify({ headers, body: '{}', secrets: [v1.secret], now })).toEqual({
      ok: false,
      code: 'header_malformed',
    })
    for (const bad of ['', 'a.b', 'a b', 'a\n', 'é']) {
      expect(() => scheme.sign({ id: bad, sentAt: now, body, secrets: [v1.secret] })).toThrow(
        expect.objectContaining({ code: 'invalid_input', field: 'id' }),
      )
    }
  })

  it.each([0, 1, 23, 65])('refuses a secret of %i bytes', (bytes) => {
    expect(() => scheme.checkSecret(whsec(bytes))).toThrow(
      'secret: must hold 24 to 64 bytes after base64 decoding (standard-webhooks)',
    )
    expect(verify(v1.signature, whsec(bytes))).toEqual({ ok: false, code: 'secret_invalid' })
  })

  it.each([24, 32, 64])('accepts a secret of %i bytes', (bytes) => {
    expect(() => scheme.checkSecret(whsec(bytes))).not.toThrow()
  })

  it.each([
    ['no base64', 'whsec_####################################'],
    ['a space at the end', `${v1.secret} `],
    ['base64 for URLs', `whsec_${Buffer.alloc(32, 255).toString('base64url')}`],
    ['padding left out', whsec(32).replace('=', '')],
    ['a public key, which cannot sign', v1a.publicKey],
    ['a secret key of 31 bytes', `whsk_${Buffer.alloc(31).toString('base64')}`],
    ['a secret key with the public half of another', `whsk_${Buffer.alloc(64).toString('base64')}`],
  ])('refuses a secret with %s, and keeps it to itself', (_, secret) => {
    const attempt = () => scheme.checkSecret(secret)
    expect(attempt).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'secret' }))
    expect(attempt).toThrow(expect.objectContaining({ message: expect.not.stringContaining(secret.slice(6)) }))
    expect(attempt).toThrow('standard-webhooks')
    expect(() => sign(secret)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })

  it('answers any 32 bytes as public key without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(verify(v1a.signature, `whpk_${Buffer.from(bytes).toString('base64')}`).ok).toBe(false)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('works with freshly made keys of both kinds', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
    const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
    const secret = `whsk_${Buffer.concat([seed, point]).toString('base64')}`
    expect(verify(sign(secret), `whpk_${point.toString('base64')}`)).toEqual(verified)
    const generated = generateSecret()
    expect(verify(sign(generated), generated)).toEqual(verified)
  })

  it('tries no more than 16 ed25519 signatures of one header', () => {
    const wrong = `v1a,${'A'.repeat(86)}==`
    expect(verify(`${`${wrong} `.repeat(15)}${v1a.signature}`, v1a.publicKey)).toEqual(verified)
    expect(verify(`${`${wrong} `.repeat(16)}${v1a.signature}`, v1a.publicKey)).toEqual({ ok: false, code: 'no_match' })
  })
})
