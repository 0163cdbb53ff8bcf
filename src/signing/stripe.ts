import type { SignatureScheme } from '../contracts/signature.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { hmacSha256 } from './hmac.ts'
import { newestSecret, textKeys } from './keys.ts'
import { parseSeconds, refuseTimestamp, toSeconds } from './timestamp.ts'

const HEADER = 'stripe-signature'
const HEX_DIGEST = /^[0-9a-f]{64}$/

/**
 * Stripe's signature: `Stripe-Signature: t=<s>,v1=<hex>[,v1=<hex>]`, the HMAC-SHA256 of `t.rawbody`. The `whsec_…` text
 * itself is the key: unlike in Standard Webhooks nothing of it is decoded.
 *
 * `sign` writes one `v1` for each secret; `verify` accepts any of them and passes over other schemes (`v0`).
 * @see https://docs.stripe.com/webhooks#verify-manually
 * @example
 * stripe().verify({ headers: request.headers, body, secrets: ['whsec_…'] }) // { ok: true, timestamp: … }
 */
export function stripe(): SignatureScheme {
  const name = 'stripe'
  const keys = textKeys(name)
  const hmac = hmacSha256()
  return {
    name,
    headers: [HEADER],
    checkSecret: (secret) => {
      keys.get(secret)
    },
    sign: (input) => {
      const seconds = toSeconds(input.sentAt)
      newestSecret(name, input.secrets)
      let value = `t=${seconds}`
      for (const secret of input.secrets) {
        value += `,v1=${hmac(keys.get(secret), `${seconds}.`, input.body, 'hex')}`
      }
      return { 'Stripe-Signature': value }
    },
    verify: (input) => {
      const value = readHeader(input.headers, HEADER)
      if (value === undefined) return { ok: false, code: 'header_missing' }
      const header = parse(value)
      if (header === undefined) return { ok: false, code: 'header_malformed' }
      const timestamp = parseSeconds(header.seconds)
      if (timestamp === undefined) return { ok: false, code: 'timestamp_malformed' }
      const prefix = `${header.seconds}.`
      const code =
        refuseTimestamp(timestamp, input) ??
        keys.match(input.secrets, (key) => {
          const expected = hmac(key, prefix, input.body, 'hex')
          return header.digests.some((digest) => equalDigests(expected, digest))
        })
      return code === undefined ? { ok: true, timestamp } : { ok: false, code }
    },
  }
}

/** One `t` and at least one well-formed `v1`; `undefined` for anything else. */
function parse(value: string): { readonly seconds: string; readonly digests: readonly string[] } | undefined {
  let seconds: string | undefined
  const digests: string[] = []
  for (const item of value.split(',')) {
    const pair = item.trim()
    if (pair.startsWith('t=')) {
      if (seconds !== undefined) return undefined
      seconds = pair.slice(2)
    } else if (pair.startsWith('v1=') && HEX_DIGEST.test(pair.slice(3))) {
      digests.push(pair.slice(3))
    }
  }
  return seconds === undefined || digests.length === 0 ? undefined : { seconds, digests }
}
