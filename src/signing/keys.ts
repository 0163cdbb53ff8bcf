import type { VerifyFailure } from '../contracts/signature.ts'
import { invalidInput, isSignalboxError } from '../errors.ts'
import { type HmacKey, hmacKey } from './hmac.ts'

/** How many prepared keys a scheme keeps; the oldest makes room. */
const MAX_KEYS = 1000

/** Prepared keys of one scheme: to prepare a key costs more than a signature does. */
export interface KeyCache<Key> {
  /** @throws SignalboxError `invalid_input` naming the scheme and the rule, never the secret. */
  get(secret: string): Key
  /** Why none of the secrets passes `test`, or `undefined` where one does. Never throws for a secret. */
  match(secrets: readonly string[], test: (key: Key) => boolean): VerifyFailure | undefined
}

/** `prepare` throws `invalid_input` for a secret that does not suit; nothing is kept of those. */
export function keyCache<Key>(prepare: (secret: string) => Key): KeyCache<Key> {
  const keys = new Map<string, Key>()
  const get = (secret: string): Key => {
    const known = keys.get(secret)
    if (known !== undefined) return known
    const key = prepare(secret)
    if (keys.size >= MAX_KEYS) {
      const oldest = keys.keys().next()
      if (!oldest.done) keys.delete(oldest.value)
    }
    keys.set(secret, key)
    return key
  }
  const find = (secret: string): Key | undefined => {
    try {
      return get(secret)
    } catch (error) {
      if (isSignalboxError(error, 'invalid_input')) return undefined
      throw error
    }
  }
  return {
    get,
    match: (secrets, test) => {
      let unsuited = secrets.length === 0
      for (const secret of secrets) {
        const key = find(secret)
        if (key === undefined) unsuited = true
        else if (test(key)) return undefined
      }
      return unsuited ? 'secret_invalid' : 'no_match'
    },
  }
}

/** Keys of a scheme whose secret's text itself is the key: its UTF-8 bytes, nothing decoded, at least one. */
export function textKeys(scheme: string): KeyCache<HmacKey> {
  return keyCache((secret) => {
    if (typeof secret !== 'string' || secret === '') {
      throw invalidInput('secret', `must be a string of at least one character (${scheme})`)
    }
    return hmacKey(Buffer.from(secret))
  })
}

/** The secret to sign with where the header holds one signature. @throws SignalboxError `invalid_input` */
export function newestSecret(scheme: string, secrets: readonly string[]): string {
  const newest = secrets[0]
  if (newest === undefined) throw invalidInput('secrets', `must hold at least one secret to sign with (${scheme})`)
  return newest
}
