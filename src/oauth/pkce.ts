import { createHash, randomBytes } from 'node:crypto'
import { invalidInput } from '../errors.ts'

/** RFC 7636, section 4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/

/**
 * Makes a PKCE code verifier: 43 characters from 32 random bytes, as RFC 7636, section 4.1, recommends. For flows of
 * your own; `oauthStates` derives its verifiers and has nothing to remember.
 *
 * @example
 * const codeVerifier = pkceVerifier()
 * const url = microsoft.authorizeUrl({ state, codeChallenge: pkceChallenge(codeVerifier) })
 */
export function pkceVerifier(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * The S256 code challenge of a verifier (RFC 7636, section 4.2): base64url of its SHA-256, 43 characters.
 *
 * @throws SignalboxError `invalid_input` for what is no verifier: 43 to 128 characters of `A-Z a-z 0-9 - . _ ~`.
 */
export function pkceChallenge(verifier: string): string {
  if (typeof verifier !== 'string' || !VERIFIER.test(verifier)) {
    throw invalidInput('codeVerifier', 'must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~')
  }
  return createHash('sha256').update(verifier, 'ascii').digest('base64url')
}
