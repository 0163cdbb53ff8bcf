import type { SignatureScheme } from '../contracts/signature.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { hmacSha256 } from './hmac.ts'
import { newestSecret, textKeys } from './keys.ts'

const HEADER = 'x-hub-signature-256'
const SIGNATURE = /^sha256=[0-9a-f]{64}$/

/**
 * GitHub's signature: `X-Hub-Signature-256: sha256=<hex>`, the HMAC-SHA256 of the raw body, keyed with the secret as it
 * is written. It has no timestamp and signs no id: keep the ids of `X-GitHub-Delivery` that you have seen.
 *
 * `sign` uses the newest secret only; `verify` tries all.
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 * @example
 * github().verify({ headers: request.headers, body, secrets: [secret] }) // { ok: true }
 */
export function github(): SignatureScheme {
  const name = 'github'
  const keys = textKeys(name)
  const hmac = hmacSha256()
  return {
    name,
    headers: [HEADER],
    checkSecret: (secret) => {
      keys.get(secret)
    },
    sign: (input) => ({
      'X-Hub-Signature-256': `sha256=${hmac(keys.get(newestSecret(name, input.secrets)), '', input.body, 'hex')}`,
    }),
    verify: (input) => {
      const given = readHeader(input.headers, HEADER)
      if (given === undefined) return { ok: false, code: 'header_missing' }
      if (!SIGNATURE.test(given)) return { ok: false, code: 'header_malformed' }
      const digest = given.slice('sha256='.length)
      const code = keys.match(input.secrets, (key) => equalDigests(hmac(key, '', input.body, 'hex'), digest))
      return code === undefined ? { ok: true } : { ok: false, code }
    },
  }
}
