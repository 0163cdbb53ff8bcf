import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Encryption } from '../contracts/encryption.ts'
import { invalidInput, SignalboxError } from '../errors.ts'

export interface AesGcmOptions {
  /** The first key seals; all of them open. To rotate, put a new one first and keep the old until `rekey` is done. */
  readonly keys: readonly AesGcmKey[]
}

export interface AesGcmKey {
  /** Written beside what it sealed: 1–64 characters of `A-Z a-z 0-9 _ -`; never to be given to another key. */
  readonly id: string
  /** 32 bytes: as bytes, or as text in base64, base64url or hex. */
  readonly key: Uint8Array | string
}

const ALGORITHM = 'aes-256-gcm'
const VERSION = 'v1'
const KEY_BYTES = 32
// NIST SP 800-38D: 96-bit random nonces are safe for 2^32 messages a key.
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID = /^[\w-]{1,64}$/

/**
 * Seals secrets with AES-256-GCM under a key of the host's. Sealed text is `v1.<key id>.<base64url>`, of nonce,
 * ciphertext and tag; version, key id and `aad` are bound to it.
 *
 * `open` and `keyIdOf` throw `store_failed` for text that no key here sealed, that was changed, or that comes from
 * another place (`aad`); no message tells anything of the content.
 *
 * @example
 * const encryption = aesGcm({ keys: [{ id: '2026-11', key: process.env.SIGNALBOX_KEY ?? '' }] })
 *
 * @throws SignalboxError `invalid_input` for a key that is not 32 bytes, a bad or repeated id, or no keys.
 */
export function aesGcm(options: AesGcmOptions): Encryption {
  const keys = new Map<string, KeyObject>()
  if (!Array.isArray(options?.keys)) throw invalidInput('keys', 'must be an array')
  options.keys.forEach((entry: AesGcmKey, i) => {
    const id: unknown = entry?.id
    if (typeof id !== 'string' || !KEY_ID.test(id)) {
      throw invalidInput(`keys[${i}].id`, 'must be 1 to 64 characters of A-Z a-z 0-9 _ -')
    }
    if (keys.has(id)) throw invalidInput(`keys[${i}].id`, 'is used twice')
    keys.set(id, createSecretKey(keyBytes(entry.key, `keys[${i}].key`)))
  })
  const [first] = keys
  if (first === undefined) throw invalidInput('keys', 'must hold at least one key')
  const [keyId, sealingKey] = first

  return Object.freeze({
    keyId,
    seal(plaintext: string, aad: string): string {
      const header = `${VERSION}.${keyId}.`
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, sealingKey, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(header + aad))
      const sealed = [nonce, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return header + Buffer.concat(sealed).toString('base64url')
    },
    open(sealed: string, aad: string): string {
      const { header, id, bytes } = parse(sealed)
      const key = keys.get(id)
      if (key === undefined) throw unreadable(`was sealed with the key '${id}', which is not configured`)
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(header + aad))
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        const opened = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]
        return Buffer.concat(opened).toString('utf8')
      } catch {
        throw unreadable('was changed, belongs to another record, or was sealed with another key of the same id')
      }
    },
    keyIdOf: (sealed: string): string => parse(sealed).id,
  })
}

/** A new random key for {@link aesGcm}, in base64. Keep it where the host keeps its secrets, not in the database. */
export function generateEncryptionKey(): string {
  return randomBytes(KEY_BYTES).toString('base64')
}

function keyBytes(key: unknown, field: string): Uint8Array {
  const bytes = typeof key === 'string' ? decodeKey(key) : key
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== KEY_BYTES) {
    throw invalidInput(field, 'must be 32 bytes, as a Uint8Array or as text in base64 or hex')
  }
  return bytes
}

function decodeKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  // 43 characters and at most one `=`: exactly 32 bytes, so that a cut or mistyped key is refused and not padded.
  return /^(?:[\w-]{43}|[A-Za-z0-9+/]{43})=?$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function parse(sealed: string): { readonly header: string; readonly id: string; readonly bytes: Buffer } {
  const [version, id, text, ...rest] = typeof sealed === 'string' ? sealed.split('.') : []
  if (version !== VERSION || id === undefined || text === undefined || rest.length > 0 || !KEY_ID.test(id)) {
    throw unreadable('is not in a known format')
  }
  const bytes = Buffer.from(text, 'base64url')
  // Decoding is lenient; one sealed text has one spelling.
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) {
    throw unreadable('is not in a known format')
  }
  return { header: `${VERSION}.${id}.`, id, bytes }
}

function unreadable(why: string): SignalboxError {
  return new SignalboxError('store_failed', `a sealed value cannot be opened: it ${why}`)
}
