import type { SignatureScheme } from '../contracts/signature.ts'
import { invalidInput } from '../errors.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { hmacSha256 } from './hmac.ts'
import { newestSecret, textKeys } from './keys.ts'
import { parseSeconds, refuseTimestamp, toSeconds } from './timestamp.ts'

export interface GhostSignatureOptions {
  /** What the two header names start with: characters of a header name, at most 64. @default 'X-Ghost' */
  readonly prefix?: string
}

/** A header name's characters: RFC 9110, `token`. */
const PREFIX = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const HEX_DIGEST = /^[0-9a-f]{64}$/

/**
 * The Ghost workspace's signature: `X-Ghost-Signature` is the lowercase hex HMAC-SHA256 of the raw body, keyed with the
 * UTF-8 bytes of the secret as it is written; `X-Ghost-Timestamp` the epoch seconds of the attempt.
 *
 * - **The timestamp is not part of what is signed**: `verify` requires it and holds it to the tolerance, but whoever
 *   replays a request can write a fresh one. Send `standardWebhooks()` beside it, and verify that, to be safe from
 *   replays.
 * - The header holds one signature: `sign` uses the newest secret only, so receivers must know a new secret before it
 *   is rotated in. `verify` tries all.
 * - Any secret of at least one character suits: the system never defined a form for it, the text itself is the key.
 *
 * @throws SignalboxError `invalid_input` when `prefix` cannot start a header name.
 * @example
 * const scheme = ghostSignature()
 * const headers = scheme.sign({ id: 'msg_1', sentAt: Date.now(), body, secrets: [secret] })
 * scheme.verify({ headers, body, secrets: [secret] }) // { ok: true, timestamp: … }
 */
export function ghostSignature(options: GhostSignatureOptions = {}): SignatureScheme {
  const { prefix = 'X-Ghost' } = options
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw invalidInput('prefix', 'must be 1 to 64 characters that a header name may hold')
  }
  const name = 'ghost'
  const signatureName = `${prefix}-Signature`
  const timestampName = `${prefix}-Timestamp`
  const signatureHeader = signatureName.toLowerCase()
  const timestampHeader = timestampName.toLowerCase()
  const keys = textKeys(name)
  const hmac = hmacSha256()

  return {
    name,
    headers: [signatureHeader, timestampHeader],
    checkSecret: (secret) => {
      keys.get(secret)
    },
    sign: (input) => ({
      [signatureName]: hmac(keys.get(newestSecret(name, input.secrets)), '', input.body, 'hex'),
      [timestampName]: toSeconds(input.sentAt),
    }),
    verify: (input) => {
      const given = readHeader(input.headers, signatureHeader)
      const seconds = readHeader(input.headers, timestampHeader)
      if (given === undefined || seconds === undefined) return { ok: false, code: 'header_missing' }
      if (!HEX_DIGEST.test(given)) return { ok: false, code: 'header_malformed' }
      const timestamp = parseSeconds(seconds)
      if (timestamp === undefined) return { ok: false, code: 'timestamp_malformed' }
      const code =
        refuseTimestamp(timestamp, input) ??
        keys.match(input.secrets, (key) => equalDigests(hmac(key, '', input.body, 'hex'), given))
      return code === undefined ? { ok: true, timestamp } : { ok: false, code }
    },
  }
}
