import { createHash } from 'node:crypto'
import type { Connection, ConnectionRecord, StatusReason } from '../contracts/connection.ts'
import type { Transport } from '../contracts/transport.ts'
import { configInvalidReason, missingReason, outcomeText } from '../delivery/reasons.ts'
import type { ConnectionsDeps } from './deps.ts'
import { reparseConfig } from './parse-config.ts'
import type { SigningSecret } from './vault.ts'

/** How far a stored connection could be used right now. */
export interface Assessment {
  readonly transport?: Transport
  readonly secrets?: readonly SigningSecret[]
  /** The config with its secret fields, as it is stored. */
  readonly whole?: Readonly<Record<string, unknown>>
  /** As transports see it; absent where something stored can't be read, or is no longer valid. */
  readonly connection?: Connection
  /** Why nothing could be sent: `missing`, `config_invalid` or `secret_unreadable`. */
  readonly problem?: StatusReason
}

/** Opens and parses what is stored of a connection. Throws for nothing that is stored. */
export async function assess(
  deps: Pick<ConnectionsDeps, 'transports' | 'vault'>,
  record: ConnectionRecord,
): Promise<Assessment> {
  const since = record.updatedAt
  const transport = deps.transports.get(record.transport)
  if (transport === undefined) {
    return { problem: configInvalidReason(`the dispatcher has no transport named ${record.transport}`, since) }
  }
  let whole: Readonly<Record<string, unknown>>
  let secrets: readonly SigningSecret[]
  try {
    whole = await deps.vault.openConfig(record)
    secrets = await deps.vault.openSecrets(record)
  } catch {
    return { transport, problem: { code: 'secret_unreadable', text: outcomeText('secret_unreadable'), since } }
  }
  try {
    const parsed = await reparseConfig(transport, whole)
    if ('problem' in parsed) return { transport, whole, secrets, problem: configInvalidReason(parsed.problem, since) }
    const connection = toConnection(record, parsed.config)
    const missing = transport.missing?.(parsed.config) ?? []
    const problem = missing.length === 0 ? {} : { problem: missingReason(missing, since) }
    return { transport, whole, secrets, connection, ...problem }
  } catch {
    // What a transport throws may quote the settings.
    return { transport, whole, secrets, problem: configInvalidReason('the transport could not read them', since) }
  }
}

/** What transports see of a record. */
export function toConnection(
  record: Omit<Connection, 'config' | 'metadata'> & { readonly metadata?: Connection['metadata'] | undefined },
  config: unknown,
): Connection {
  const { id, orgId, transport, label, categories, eventTypes, credentialId, metadata } = record
  return {
    id,
    orgId,
    transport,
    label,
    config,
    categories,
    eventTypes,
    ...(credentialId === undefined ? {} : { credentialId }),
    ...(metadata === undefined ? {} : { metadata }),
  }
}

/**
 * What the store keeps unique in the organisation. A digest, because the key is made of the config, which may hold a
 * URL that is a secret.
 */
export function uniqueKeyOf(transport: Transport, connection: Connection): string | undefined {
  const key = transport.uniqueKey?.(connection)
  if (key === undefined) return undefined
  return createHash('sha256')
    .update(JSON.stringify([transport.name, key]))
    .digest('base64url')
}
