import type { SignatureScheme } from '../contracts/signature.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { hmacSha256, requireBytes } from './hmac.ts'
import { newestSecret, textKeys } from './keys.ts'
import { parseMillis, refuseTimestamp, toMillis } from './timestamp.ts'

export interface GhostCmsSignatureOptions {
  /**
   * What `sign` signs. `body+timestamp`: the body directly followed by the digits of `t`, as Ghost does since 5.87.1.
   * `body`: the body alone, as it did before. `verify` accepts both. @default 'body+timestamp'
   */
  readonly signs?: 'body+timestamp' | 'body'
}

const HEADER = 'x-ghost-signature'
const FORM = /^sha256=([0-9a-f]{64}),[ \t]*t=(.*)$/s
const DIGIT = /[0-9]$/

/**
 * Ghost CMS's signature: `X-Ghost-Signature: sha256=<hex>, t=<epoch ms>`, the HMAC-SHA256 of the body and the time,
 * keyed with the UTF-8 bytes of the secret as it is written.
 *
 * - A hook needs no secret: without one, `sign` writes no header.
 * - `verify` accepts what Ghost signs today and what it signed up to 5.87.0. **The older form does not sign the time**:
 *   whoever replays such a request can write a fresh one. A request in today's form can't be given another time; to be
 *   sure of that, a body that ends in a digit, which no JSON object does, is accepted in today's form only.
 * - The header holds one signature: `sign` uses the newest secret only, so that an overlap of two secrets changes
 *   nothing for receivers. `verify` tries all.
 *
 * @throws SignalboxError `invalid_input` for an option that does not exist, or another `signs`.
 * @example
 * const scheme = ghostCmsSignature()
 * scheme.sign({ id: 'msg_1', sentAt: 1719842984367, body, secrets: [secret] })
 * // { 'X-Ghost-Signature': 'sha256=…, t=1719842984367' }
 * scheme.verify({ headers: request.headers, body, secrets: [secret] }) // { ok: true, timestamp: 1719842984367 }
 */
export function ghostCmsSignature(options: GhostCmsSignatureOptions = {}): SignatureScheme {
  checkOptions(options, ['signs'] satisfies (keyof GhostCmsSignatureOptions)[])
  const { signs = 'body+timestamp' } = options
  if (signs !== 'body+timestamp' && signs !== 'body') {
    throw invalidInput('signs', "must be 'body+timestamp' or 'body'")
  }
  const name = 'ghost-cms'
  const keys = textKeys(name)
  const hmac = hmacSha256()

  return {
    name,
    headers: [HEADER],
    unsigned: true,
    checkSecret: (secret) => {
      keys.get(secret)
    },
    sign: ({ body, secrets, sentAt }): Record<string, string> => {
      if (secrets.length === 0) return {}
      const t = toMillis(sentAt)
      const signed = signs === 'body' ? body : followedBy(body, t)
      return { 'X-Ghost-Signature': `sha256=${hmac(keys.get(newestSecret(name, secrets)), '', signed, 'hex')}, t=${t}` }
    },
    verify: (input) => {
      const value = readHeader(input.headers, HEADER)
      if (value === undefined) return { ok: false, code: 'header_missing' }
      const [, digest, t] = FORM.exec(value) ?? []
      if (digest === undefined || t === undefined) return { ok: false, code: 'header_malformed' }
      const timestamp = parseMillis(t)
      if (timestamp === undefined) return { ok: false, code: 'timestamp_malformed' }
      const { body } = input
      const timed = followedBy(body, t)
      const code =
        refuseTimestamp(timestamp, input) ??
        keys.match(
          input.secrets,
          (key) =>
            equalDigests(hmac(key, '', timed, 'hex'), digest) ||
            // `body` + `t` of a captured request would pass as an older body, under any time
            (!endsInDigit(body) && equalDigests(hmac(key, '', body, 'hex'), digest)),
        )
      return code === undefined ? { ok: true, timestamp } : { ok: false, code }
    },
  }
}

function followedBy(body: string | Uint8Array, text: string): string | Uint8Array {
  if (typeof body === 'string') return body + text
  requireBytes(body)
  return Buffer.concat([body, Buffer.from(text)])
}

function endsInDigit(body: string | Uint8Array): boolean {
  if (typeof body === 'string') return DIGIT.test(body)
  const last = body.at(-1)
  return last !== undefined && last >= 0x30 && last <= 0x39
}
