import type { Encryption } from '../contracts/encryption.ts'
import { SignalboxError } from '../errors.ts'

/** Where a sealed value lives. It is bound to its place: moved to another one, it does not open. */
export interface Place {
  readonly orgId: string
  readonly record: string
  readonly field: string
}

/** JSON values, sealed for the store. */
export interface Sealer {
  seal(place: Place, value: unknown): Promise<string>
  /** @throws SignalboxError `store_failed` · what the host's `Encryption` throws; never with what was opened */
  open(place: Place, sealed: string): Promise<unknown>
  /** Whether it is not sealed with the current key. */
  isOutdated(sealed: string): boolean
}

/**
 * Marks a value that was stored while there was no encryption. Such values can still be read after it is switched on,
 * and `rekey` seals them; whoever can write to the store could put one there, so run `rekey` and keep others out.
 */
const PLAIN = 'plain:'

/** `false`: values are stored as readable text, marked as such. */
export function createSealer(encryption: Encryption | false): Sealer {
  return {
    async seal(place, value) {
      const text = JSON.stringify(value)
      return encryption === false ? PLAIN + text : encryption.seal(text, aad(place))
    },
    async open(place, sealed) {
      if (sealed.startsWith(PLAIN)) return parse(sealed.slice(PLAIN.length))
      if (encryption === false) throw new SignalboxError('store_failed', 'the dispatcher has no encryption')
      return parse(await encryption.open(sealed, aad(place)))
    },
    isOutdated(sealed) {
      if (encryption === false) return false
      if (sealed.startsWith(PLAIN)) return true
      try {
        return encryption.keyIdOf(sealed) !== encryption.keyId
      } catch {
        return true
      }
    },
  }
}

/** As JSON, so that no two places share a text. */
function aad({ orgId, record, field }: Place): string {
  return JSON.stringify([orgId, record, field])
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own error would quote what was opened.
    throw new SignalboxError('store_failed', 'a sealed value is not in a known format')
  }
}
