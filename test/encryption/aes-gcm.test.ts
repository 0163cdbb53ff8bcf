import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AesGcmKey, aesGcm, generateEncryptionKey } from '../../src/encryption/aes-gcm.ts'

const AAD = 'org_1/con_1/secrets'
const old = { id: '2025-11', key: new Uint8Array(32).fill(1) }
const current = { id: '2026-11', key: new Uint8Array(32).fill(2) }
const seal = (text: string, aad = AAD): string => String(aesGcm({ keys: [current] }).seal(text, aad))
const unreadable = expect.objectContaining({ name: 'SignalboxError', code: 'store_failed' })

describe('sealing', () => {
  it('opens what it sealed, whatever the text and the place', () => {
    const encryption = aesGcm({ keys: [current] })
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.string({ unit: 'grapheme' }), (text, aad) => {
        expect(encryption.open(String(encryption.seal(text, aad)), aad)).toBe(text)
      }),
    )
  })

  it('writes the version, the id of the key and base64url, never twice the same', () => {
    expect(seal('whsec_abc')).toMatch(/^v1\.2026-11\.[\w-]+$/)
    expect(seal('whsec_abc')).not.toBe(seal('whsec_abc'))
    expect(seal('whsec_abc')).not.toContain('whsec')
  })

  it('takes keys as bytes, base64, base64url and hex', () => {
    const key = Buffer.from(generateEncryptionKey(), 'base64')
    const forms: AesGcmKey['key'][] = [
      key,
      new Uint8Array(key),
      key.toString('base64'),
      key.toString('base64url'),
      key.toString('hex'),
    ]
    const sealed = aesGcm({ keys: [{ id: 'k', key }] }).seal('text', AAD)
    for (const form of forms) expect(aesGcm({ keys: [{ id: 'k', key: form }] }).open(String(sealed), AAD)).toBe('text')
  })

  it('keeps its own copy of a key', () => {
    const key = new Uint8Array(32).fill(7)
    const encryption = aesGcm({ keys: [{ id: 'k', key }] })
    const sealed = String(encryption.seal('text', AAD))
    key.fill(0)
    expect(encryption.open(sealed, AAD)).toBe('text')
  })
})

describe('rotation', () => {
  it('seals with the first key and opens with all', () => {
    const before = String(aesGcm({ keys: [old] }).seal('text', AAD))
    const rotated = aesGcm({ keys: [current, old] })
    expect(rotated.keyId).toBe('2026-11')
    expect(rotated.keyIdOf(before)).toBe('2025-11')
    expect(rotated.open(before, AAD)).toBe('text')
    expect(rotated.keyIdOf(String(rotated.seal('text', AAD)))).toBe('2026-11')
  })

  it('cannot open what a removed key sealed, and names that key', () => {
    const before = String(aesGcm({ keys: [old] }).seal('text', AAD))
    expect(() => aesGcm({ keys: [current] }).open(before, AAD)).toThrow(unreadable)
    expect(() => aesGcm({ keys: [current] }).open(before, AAD)).toThrow(/'2025-11'/)
  })
})

describe('tampering', () => {
  const encryption = aesGcm({ keys: [current, { id: '2026-12', key: current.key }] })

  it('is noticed at every character of the sealed text', () => {
    const sealed = seal('whsec_abc')
    for (let i = 0; i < sealed.length; i++) {
      for (const other of ['A', 'B', '-', '.', '2', '=', ' ']) {
        if (sealed[i] === other) continue
        const changed = sealed.slice(0, i) + other + sealed.slice(i + 1)
        expect(() => encryption.open(changed, AAD), `character ${i} as '${other}'`).toThrow(unreadable)
      }
    }
  })

  it('is noticed at every bit', () => {
    const sealed = seal('whsec_abc')
    const header = 'v1.2026-11.'
    const bytes = Buffer.from(sealed.slice(header.length), 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(() => encryption.open(header + changed.toString('base64url'), AAD)).toThrow(unreadable)
    }
  })

  it('is noticed when only the spelling differs: other spare bits, padding, or line ends', () => {
    const sealed = seal('whsec_abc')
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const other = sealed.slice(0, -1) + last
      if (other !== sealed) expect(() => encryption.open(other, AAD)).toThrow(unreadable)
    }
    for (const end of ['=', '\n']) expect(() => encryption.open(sealed + end, AAD)).toThrow(unreadable)
  })

  it('is noticed when text is cut, extended, or said to be of another key', () => {
    const sealed = seal('whsec_abc')
    expect(() => encryption.open(sealed.slice(0, -4), AAD)).toThrow(unreadable)
    expect(() => encryption.open(`${sealed}AAAA`, AAD)).toThrow(unreadable)
    // The same key under another id.
    expect(() => encryption.open(sealed.replace('2026-11', '2026-12'), AAD)).toThrow(unreadable)
  })

  it('is noticed when a sealed value is moved to another record or field', () => {
    const sealed = seal('whsec_abc', 'org_1/con_1/secrets')
    for (const aad of ['org_1/con_2/secrets', 'org_2/con_1/secrets', 'org_1/con_1/config', '']) {
      expect(() => encryption.open(sealed, aad)).toThrow(unreadable)
    }
  })

  it.each(['', 'plain', 'v1.2026-11', 'v1.2026-11.', 'v1.2026-11.AAAA', 'v2.2026-11.AAAA', 'v1..AAAA', 'v1.a b.AAAA'])(
    'of %j is told apart without an error of the crypto layer',
    (text) => {
      expect(() => encryption.open(text, AAD)).toThrow(unreadable)
      if (text !== 'v1.2026-11.AAAA') expect(() => encryption.keyIdOf(text)).toThrow(unreadable)
    },
  )
})

describe('keys', () => {
  it.each<[unknown, string]>([
    [{ keys: [] }, 'keys'],
    [{}, 'keys'],
    [undefined, 'keys'],
    [{ keys: [{ id: '', key: old.key }] }, 'keys[0].id'],
    [{ keys: [{ id: 'a.b', key: old.key }] }, 'keys[0].id'],
    [{ keys: [{ id: 'x'.repeat(65), key: old.key }] }, 'keys[0].id'],
    [{ keys: [old, { id: '2025-11', key: current.key }] }, 'keys[1].id'],
    [{ keys: [{ id: 'k', key: new Uint8Array(16) }] }, 'keys[0].key'],
    [{ keys: [{ id: 'k', key: 'correct horse battery staple' }] }, 'keys[0].key'],
    [{ keys: [{ id: 'k', key: 'a'.repeat(63) }] }, 'keys[0].key'],
    [{ keys: [{ id: 'k', key: `${'A'.repeat(20)}!${'A'.repeat(22)}=` }] }, 'keys[0].key'],
    [{ keys: [{ id: 'k' }] }, 'keys[0].key'],
  ])('are refused where they do not do (%#), naming %s', (options, field) => {
    expect(() => aesGcm(options as { keys: AesGcmKey[] })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })

  it('never show up in messages or when the encryption is inspected', () => {
    const key = generateEncryptionKey()
    const encryption = aesGcm({ keys: [{ id: 'k', key }] })
    const shown = inspect(encryption, { depth: 9, showHidden: true }) + JSON.stringify(encryption)
    expect(shown).not.toContain(key)
    expect(shown).not.toContain(Buffer.from(key, 'base64').toString('hex').slice(0, 8))
    expect(() => aesGcm({ keys: [{ id: 'k', key: `${key}?` }] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(key.slice(0, 8)) }),
    )
  })

  it('are generated at random, 32 bytes each', () => {
    expect(Buffer.from(generateEncryptionKey(), 'base64')).toHaveLength(32)
    expect(generateEncryptionKey()).not.toBe(generateEncryptionKey())
  })
})
