import type { SignatureScheme } from '../contracts/signature.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { hmacSha256 } from './hmac.ts'
import { newestSecret, textKeys } from './keys.ts'
import { parseSeconds, refuseTimestamp, toSeconds } from './timestamp.ts'

const SIGNATURE_HEADER = 'x-slack-signature'
const TIMESTAMP_HEADER = 'x-slack-request-timestamp'
const SIGNATURE = /^v0=[0-9a-f]{64}$/

/**
 * The signature of requests that Slack sends (slash commands, interactions, events): `X-Slack-Signature: v0=<hex>`, the
 * HMAC-SHA256 of `v0:timestamp:rawbody` with the app's signing secret, and `X-Slack-Request-Timestamp` in seconds.
 *
 * `sign` uses the newest secret only; `verify` tries all.
 * @see https://docs.slack.dev/authentication/verifying-requests-from-slack
 * @example
 * slackRequest().verify({ headers: request.headers, body, secrets: [signingSecret] }) // { ok: true, timestamp: … }
 */
export function slackRequest(): SignatureScheme {
  const name = 'slack-request'
  const keys = textKeys(name)
  const hmac = hmacSha256()
  return {
    name,
    headers: [SIGNATURE_HEADER, TIMESTAMP_HEADER],
    checkSecret: (secret) => {
      keys.get(secret)
    },
    sign: (input) => {
      const seconds = toSeconds(input.sentAt)
      const key = keys.get(newestSecret(name, input.secrets))
      return {
        'X-Slack-Signature': `v0=${hmac(key, `v0:${seconds}:`, input.body, 'hex')}`,
        'X-Slack-Request-Timestamp': seconds,
      }
    },
    verify: (input) => {
      const given = readHeader(input.headers, SIGNATURE_HEADER)
      const seconds = readHeader(input.headers, TIMESTAMP_HEADER)
      if (given === undefined || seconds === undefined) return { ok: false, code: 'header_missing' }
      if (!SIGNATURE.test(given)) return { ok: false, code: 'header_malformed' }
      const timestamp = parseSeconds(seconds)
      if (timestamp === undefined) return { ok: false, code: 'timestamp_malformed' }
      const digest = given.slice('v0='.length)
      const prefix = `v0:${seconds}:`
      const code =
        refuseTimestamp(timestamp, input) ??
        keys.match(input.secrets, (key) => equalDigests(hmac(key, prefix, input.body, 'hex'), digest))
      return code === undefined ? { ok: true, timestamp } : { ok: false, code }
    },
  }
}
