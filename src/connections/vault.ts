import type { ConnectionRecord, Ref } from '../contracts/connection.ts'
import type { Encryption } from '../contracts/encryption.ts'
import type { ConnectionPatch } from '../contracts/store.ts'
import type { Transport } from '../contracts/transport.ts'
import { createSealer, type Place } from '../encryption/sealer.ts'
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

/** `false`: values are stored as readable text, marked as such. */
export function createVault(options: { readonly encryption: Encryption | false }): Vault {
  const sealer = createSealer(options.encryption)
  const seal = (ref: Ref, field: SealedField, value: unknown): Promise<string> => sealer.seal(place(ref, field), value)

  async function open(record: SealedFields, field: SealedField): Promise<unknown> {
    const sealed = record[field]
    if (sealed === undefined) return undefined
    try {
      return await sealer.open(place(record, field), sealed)
    } catch (cause) {
      throw new SignalboxError('conflict', `the secrets of the connection ${record.id} cannot be opened`, {
        field,
        cause,
      })
    }
  }

  const outdated = (sealed: string | undefined): boolean => sealed !== undefined && sealer.isOutdated(sealed)

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

function place({ orgId, id }: Ref, field: SealedField): Place {
  return { orgId, record: id, field }
}
