import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { invalidInput, type SignalboxError } from '../errors.ts'
import { type HmacKey, hmacKey } from './hmac.ts'

/** A secret of Standard Webhooks, imported. */
export type StandardKey =
  | { readonly kind: 'v1'; readonly hmacKey: HmacKey }
  /** Without `privateKey` it can verify only. */
  | { readonly kind: 'v1a'; readonly publicKey: KeyObject; readonly privateKey?: KeyObject }

/** Bytes of a `v1` key: the specification's bounds. */
const MIN_KEY_BYTES = 24
const MAX_KEY_BYTES = 64
/** DER of an ed25519 key up to its 32 bytes, RFC 8410: PKCS #8 and SubjectPublicKeyInfo. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * Imports `whsec_` (HMAC, 24–64 bytes; the prefix may be left out, as in the reference libraries), `whsk_` (ed25519
 * seed of 32 bytes, or seed and public key, 64) or `whpk_` (ed25519 public key, 32 bytes), each followed by base64.
 * @throws SignalboxError `invalid_input`
 */
export function importStandardKey(secret: string): StandardKey {
  if (typeof secret !== 'string') throw refused('must be a string')
  if (secret.startsWith('whsk_')) return importPrivate(decode(secret.slice(5)))
  if (secret.startsWith('whpk_')) return importPublic(decode(secret.slice(5)))
  const bytes = decode(secret.startsWith('whsec_') ? secret.slice(6) : secret)
  if (bytes.length < MIN_KEY_BYTES || bytes.length > MAX_KEY_BYTES) {
    throw refused(`must hold ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes after base64 decoding`)
  }
  return { kind: 'v1', hmacKey: hmacKey(bytes) }
}

export function refused(rule: string): SignalboxError {
  return invalidInput('secret', `${rule} (standard-webhooks)`)
}

/** Strict: Node's decoder skips what is not base64, so that a mistyped secret would become another key. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw refused('must be padded standard base64 after its prefix')
  return bytes
}

function importPrivate(bytes: Buffer): StandardKey {
  if (bytes.length !== 32 && bytes.length !== 64) {
    throw refused('must hold 32 bytes (seed) or 64 (seed and public key) after whsk_')
  }
  const der = Buffer.concat([PKCS8_ED25519, bytes.subarray(0, 32)])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const given = bytes.subarray(32)
  const derived = publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_ED25519.length)
  if (given.length > 0 && !derived.equals(given)) throw refused('must hold the public key of its own seed after whsk_')
  return { kind: 'v1a', publicKey, privateKey }
}

function importPublic(bytes: Buffer): StandardKey {
  if (bytes.length !== 32) throw refused('must hold 32 bytes after whpk_')
  const der = Buffer.concat([SPKI_ED25519, bytes])
  return { kind: 'v1a', publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
}
