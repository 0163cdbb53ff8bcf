import type { ConnectionRecord, Ref } from '../contracts/connection.ts'
import type { Encryption } from '../contracts/encryption.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import type { Transport } from '../contracts/transport.ts'
import { SignalboxError } from '../errors.ts'

/** A signing secret of a connection. */
export interface SigningSecret {
  readonly secret: string
  /** Epoch ms from which it is no longer used: the end of a rotation's overlap. Absent: until rotated. */
  readonly endsAt?: number
}

type Config = Readonly<Record<string, unknown>>
type SealedFields = Pick<ConnectionRecord, 'orgId' | 'id' | 'sealedConfig' | 'sealedSecrets'>

/** What is secret of a connection goes into the store, and comes out of it, through here only. */
export interface Vault {
  /** Parts a config by the fields that its transport marks `secret`. */
  splitConfig(
    transport: Pick<Transport, 'fields'>,
    config: Config,
  ): { readonly config: Config; readonly secret: Config }
  /** `undefined` where there is nothing to seal. */
  sealConfig(ref: Ref, secretFields: Config): Promise<string | undefined>
  /** The whole config again. @throws SignalboxError `conflict` when the sealed part cannot be opened. */
  openConfig(record: Pick<ConnectionRecord, 'config'> & SealedFields): Promise<Record<string, unknown>>
  /** Newest first. `undefined` where there are none. */
  sealSecrets(ref: Ref, secrets: readonly SigningSecret[]): Promise<string | undefined>
  /** Newest first; those of an overlap that has ended included. @throws SignalboxError `conflict` */
  openSecrets(record: SealedFields): Promise<readonly SigningSecret[]>
  /** Whether something of it is not sealed with the current key. */
  needsRekey(record: SealedFields): boolean
  /** The patch that seals it all with the current key. @throws SignalboxError `conflict` */
  rekey(record: SealedFields): Promise<ConnectionPatch>
}

/**
 * Marks a value that was stored while there was no encryption. Such values can still be read after it is switched on,
 * and `rekey` seals them; whoever can write to the store could put one there, so run `rekey` and keep others out.
 */
const PLAIN = 'plain:'

/** `false`: values are stored as readable text, marked as such. */
export function createVault(options: { readonly encryption: Encryption | false }): Vault {
  const { encryption } = options

  async function seal(ref: Ref, field: SealedField, value: unknown): Promise<string> {
    const text = JSON.stringify(value)
    return encryption === false ? PLAIN + text : encryption.seal(text, aad(ref, field))
  }

  async function open(record: SealedFields, field: SealedField): Promise<unknown> {
    const sealed = record[field]
    if (sealed === undefined) return undefined
    try {
      if (sealed.startsWith(PLAIN)) return JSON.parse(sealed.slice(PLAIN.length))
      if (encryption === false) throw new SignalboxError('invalid_input', 'the dispatcher has no encryption')
      return JSON.parse(await encryption.open(sealed, aad(record, field)))
    } catch (error) {
      // A parser's error would quote what was opened.
      const cause = error instanceof SyntaxError ? undefined : error
      throw new SignalboxError('conflict', `the secrets of the connection ${record.id} cannot be opened`, {
        field,
        ...(cause === undefined ? {} : { cause }),
      })
    }
  }

  function outdated(sealed: string | undefined): boolean {
    if (sealed === undefined || encryption === false) return false
    if (sealed.startsWith(PLAIN)) return true
    try {
      return encryption.keyIdOf(sealed) !== encryption.keyId
    } catch {
      return true
    }
  }

  return {
    splitConfig(transport, config) {
      const names = new Set(transport.fields.filter((field) => field.secret).map((field) => field.name))
      const entries = Object.entries(config)
      return {
        config: Object.fromEntries(entries.filter(([name]) => !names.has(name))),
        secret: Object.fromEntries(entries.filter(([name]) => names.has(name))),
      }
    },
    async sealConfig(ref, secretFields) {
      return Object.keys(secretFields).length === 0 ? undefined : seal(ref, 'sealedConfig', secretFields)
    },
    async openConfig(record) {
      return { ...record.config, ...((await open(record, 'sealedConfig')) as Config | undefined) }
    },
    async sealSecrets(ref, secrets) {
      return secrets.length === 0 ? undefined : seal(ref, 'sealedSecrets', secrets)
    },
    async openSecrets(record) {
      return ((await open(record, 'sealedSecrets')) as readonly SigningSecret[] | undefined) ?? []
    },
    needsRekey: (record) => outdated(record.sealedConfig) || outdated(record.sealedSecrets),
    async rekey(record) {
      const patch: { sealedConfig?: string; sealedSecrets?: string } = {}
      for (const field of ['sealedConfig', 'sealedSecrets'] as const) {
        if (outdated(record[field])) patch[field] = await seal(record, field, await open(record, field))
      }
      return patch
    },
  }
}

/** The secrets to sign with at `now` (epoch ms), newest first. */
export function activeSecrets(secrets: readonly SigningSecret[], now: number): readonly string[] {
  return secrets.filter((one) => one.endsAt === undefined || one.endsAt > now).map((one) => one.secret)
}

type SealedField = 'sealedConfig' | 'sealedSecrets'

/** As JSON, so that no two places share a text. */
function aad(ref: Ref, field: SealedField): string {
  return JSON.stringify([ref.orgId, ref.id, field])
}
