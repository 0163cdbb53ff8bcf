import { createHash, hash } from 'node:crypto'
import { isUint8Array } from 'node:util/types'
import { invalidInput } from '../errors.ts'

const BLOCK_BYTES = 64
const DIGEST_BYTES = 32
const FIRST_SCRATCH_BYTES = 2048
/** Longer messages are hashed piece by piece: there the copying costs more than the calls that it saves. */
const MAX_SCRATCH_BYTES = 65_536

/** A key with its two pads applied. As secret as the key itself. */
export interface HmacKey {
  /** One block: what the inner hash begins with. */
  readonly inner: Uint8Array
  /** One block, then room for the inner digest: what the outer hash reads. */
  readonly outer: Buffer
}

/** HMAC-SHA256 of `prefix` directly followed by the body's raw bytes. @throws SignalboxError `invalid_input` */
export type Hmac = (key: HmacKey, prefix: string, body: string | Uint8Array, encoding: 'hex' | 'base64') => string

/** Prepares a key of any length: RFC 2104, section 2. */
export function hmacKey(bytes: Uint8Array): HmacKey {
  const key = bytes.length > BLOCK_BYTES ? createHash('sha256').update(bytes).digest() : bytes
  const inner = Buffer.alloc(BLOCK_BYTES, 0x36)
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c)
  key.forEach((byte, at) => {
    inner[at] = byte ^ 0x36
    outer[at] = byte ^ 0x5c
  })
  return { inner, outer }
}

/**
 * HMAC-SHA256 as two one-shot hashes over prepared pads. `createHmac` builds a stream and a native object for each
 * signature, which costs more than to hash an ordinary message: `bench/signing.ts` measures both. Each instance has
 * memory of its own to put messages together in; calls are synchronous, so they cannot meet there.
 */
export function hmacSha256(): Hmac {
  let scratch: Buffer | undefined

  const reserve = (bytes: number): Buffer => {
    if (scratch === undefined || scratch.length < bytes) {
      let size = scratch?.length ?? FIRST_SCRATCH_BYTES
      while (size < bytes) size *= 2
      scratch = Buffer.allocUnsafeSlow(size)
    }
    return scratch
  }

  return (key, prefix, body, encoding) => {
    // UTF-16 code units take at most three bytes each in UTF-8.
    const most = BLOCK_BYTES + prefix.length * 3 + (typeof body === 'string' ? body.length * 3 : body.length)
    if (typeof body !== 'string') requireBytes(body)
    let digest: string
    if (most <= MAX_SCRATCH_BYTES) {
      const message = reserve(most)
      message.set(key.inner)
      let end = BLOCK_BYTES
      if (typeof body === 'string') {
        end += message.write(prefix === '' ? body : `${prefix}${body}`, end)
      } else {
        end += message.write(prefix, end)
        message.set(body, end)
        end += body.length
      }
      digest = hash('sha256', message.subarray(0, end), 'binary')
    } else {
      digest = createHash('sha256').update(key.inner).update(prefix).update(body).digest('binary')
    }
    key.outer.write(digest, BLOCK_BYTES, 'latin1')
    return hash('sha256', key.outer, encoding)
  }
}

/** Guards against the frequent mistake of handing over the parsed JSON. @throws SignalboxError `invalid_input` */
export function requireBytes(body: unknown): void {
  // Not `instanceof`: test runners that sandbox globals have a second Uint8Array.
  if (!isUint8Array(body)) throw invalidInput('body', 'must be the raw body, a string or a Uint8Array, never parsed')
}
