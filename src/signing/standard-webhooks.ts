import { sign as signEd25519, verify as verifyEd25519 } from 'node:crypto'
import type { SignatureScheme } from '../contracts/signature.ts'
import { invalidInput, type SignalboxError } from '../errors.ts'
import { equalDigests } from './compare.ts'
import { readHeader } from './headers.ts'
import { type Hmac, hmacSha256, requireBytes } from './hmac.ts'
import { keyCache, newestSecret } from './keys.ts'
import { importStandardKey, refused, type StandardKey } from './standard-webhooks-key.ts'
import { parseSeconds, refuseTimestamp, toSeconds } from './timestamp.ts'

/** Visible ASCII without `.`, which separates the signed parts: with it two messages could share their bytes. */
const ID = /^[\x21-\x2d\x2f-\x7e]+$/
const V1 = /^v1,[A-Za-z0-9+/]{43}=$/
const V1A = /^v1a,[A-Za-z0-9+/]{86}==$/
/** An ed25519 check costs as much as fifty of the others: a header full of them must not buy that much work. */
const MAX_V1A = 16

/**
 * Standard Webhooks 1.0.0: `webhook-id`, `webhook-timestamp` (epoch seconds of the attempt) and `webhook-signature` over
 * `id.timestamp.rawbody`.
 *
 * - `whsec_` secrets (base64 of 24–64 bytes) sign as `v1`, HMAC-SHA256; `whsk_` secrets (ed25519) as `v1a`, which
 *   receivers verify with the `whpk_` public key. `checkSecret` is about signing: it refuses `whpk_`.
 * - `sign` writes one signature for each secret, newest first, separated by spaces: a receiver that knows either secret
 *   verifies during a rotation. `verify` accepts any signature by any of its secrets.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @example
 * const scheme = standardWebhooks()
 * const headers = scheme.sign({ id: 'msg_1', sentAt: Date.now(), body, secrets: [secret] })
 * scheme.verify({ headers, body, secrets: [secret] }) // { ok: true, id: 'msg_1', timestamp: … }
 */
export function standardWebhooks(): SignatureScheme {
  const name = 'standard-webhooks'
  const keys = keyCache(importStandardKey)
  const hmac = hmacSha256()

  return {
    name,
    headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    checkSecret: (secret) => {
      const key = keys.get(secret)
      if (key.kind === 'v1a' && key.privateKey === undefined) throw verifyOnly()
    },
    sign: ({ id, sentAt, body, secrets }) => {
      if (typeof id !== 'string' || !ID.test(id))
        throw invalidInput('id', "must be visible ASCII characters without '.'")
      const seconds = toSeconds(sentAt)
      const prefix = `${id}.${seconds}.`
      let signatures = signatureOf(hmac, keys.get(newestSecret(name, secrets)), prefix, body)
      for (const secret of secrets.slice(1)) signatures += ` ${signatureOf(hmac, keys.get(secret), prefix, body)}`
      return { 'webhook-id': id, 'webhook-timestamp': seconds, 'webhook-signature': signatures }
    },
    verify: (input) => {
      const id = readHeader(input.headers, 'webhook-id')
      const seconds = readHeader(input.headers, 'webhook-timestamp')
      const signatures = readHeader(input.headers, 'webhook-signature')
      if (id === undefined || seconds === undefined || signatures === undefined) {
        return { ok: false, code: 'header_missing' }
      }
      if (!ID.test(id)) return { ok: false, code: 'header_malformed' }
      const given = parse(signatures)
      if (given === undefined) return { ok: false, code: 'header_malformed' }
      const timestamp = parseSeconds(seconds)
      if (timestamp === undefined) return { ok: false, code: 'timestamp_malformed' }
      const prefix = `${id}.${seconds}.`
      const code =
        refuseTimestamp(timestamp, input) ??
        keys.match(input.secrets, (key) => matches(hmac, key, prefix, input.body, given))
      return code === undefined ? { ok: true, id, timestamp } : { ok: false, code }
    },
  }
}

interface Given {
  readonly v1: readonly string[]
  readonly v1a: readonly string[]
}

/** The signatures of known versions; `undefined` where nothing in the header has the form of a signature. */
function parse(header: string): Given | undefined {
  // The usual header holds one: no lists to build.
  if (V1.test(header)) return { v1: [header], v1a: [] }
  const v1: string[] = []
  const v1a: string[] = []
  let formed = false
  for (const item of header.split(' ')) {
    // A repeated header comes joined with `, `.
    const signature = item.endsWith(',') ? item.slice(0, -1) : item
    if (V1.test(signature)) v1.push(signature)
    else if (V1A.test(signature) && v1a.length < MAX_V1A) v1a.push(signature)
    formed ||= signature.indexOf(',') > 0
  }
  return formed ? { v1, v1a } : undefined
}

function matches(hmac: Hmac, key: StandardKey, prefix: string, body: string | Uint8Array, given: Given): boolean {
  if (key.kind === 'v1') {
    if (given.v1.length === 0) return false
    const expected = `v1,${hmac(key.hmacKey, prefix, body, 'base64')}`
    return given.v1.some((signature) => equalDigests(expected, signature))
  }
  if (given.v1a.length === 0) return false
  const signed = signedBytes(prefix, body)
  return given.v1a.some((signature) =>
    verifyEd25519(null, signed, key.publicKey, Buffer.from(signature.slice(4), 'base64')),
  )
}

function signatureOf(hmac: Hmac, key: StandardKey, prefix: string, body: string | Uint8Array): string {
  if (key.kind === 'v1') return `v1,${hmac(key.hmacKey, prefix, body, 'base64')}`
  if (key.privateKey === undefined) throw verifyOnly()
  return `v1a,${signEd25519(null, signedBytes(prefix, body), key.privateKey).toString('base64')}`
}

function verifyOnly(): SignalboxError {
  return refused('must be able to sign: whpk_ is the public key, which only verifies')
}

function signedBytes(prefix: string, body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return Buffer.from(`${prefix}${body}`)
  requireBytes(body)
  return Buffer.concat([Buffer.from(prefix), body])
}
