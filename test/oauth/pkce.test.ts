import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { pkceChallenge, pkceVerifier } from '../../src/oauth/index.ts'

const invalid = expect.objectContaining({ name: 'SignalboxError', code: 'invalid_input', field: 'codeVerifier' })

describe('PKCE', () => {
  it('makes the challenge of RFC 7636, appendix B', () => {
    expect(pkceChallenge('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
      'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    )
  })

  it('makes verifiers that differ, of which challenges can be made', () => {
    const verifiers = Array.from({ length: 50 }, pkceVerifier)
    expect(new Set(verifiers).size).toBe(50)
    for (const verifier of verifiers) {
      expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(pkceChallenge(verifier)).toBe(createHash('sha256').update(verifier).digest('base64url'))
    }
  })

  it('takes every verifier that the RFC allows, and no other', () => {
    for (const verifier of ['a'.repeat(43), '-._~Az09'.repeat(16)]) expect(pkceChallenge(verifier)).toHaveLength(43)
    for (const verifier of [
      '',
      'a'.repeat(42),
      'a'.repeat(129),
      `${'a'.repeat(43)}+`,
      `${'a'.repeat(43)}\n`,
      'é'.repeat(43),
    ])
      expect(() => pkceChallenge(verifier)).toThrow(invalid)
    expect(() => pkceChallenge(undefined as unknown as string)).toThrow(invalid)
  })
})
