import { reparseConfig } from '../connections/parse-config.ts'
import type { SigningSecret, Vault } from '../connections/vault.ts'
import type { Connection, ConnectionRecord } from '../contracts/connection.ts'
import type { RetryPolicy } from '../contracts/outcome.ts'
import type { Transport } from '../contracts/transport.ts'
import { type ResolvedRetryPolicy, resolveRetryPolicy } from '../delivery/policy.ts'

/** A connection ready to send: config whole and parsed, secrets open. */
export interface Prepared {
  readonly kind: 'ready'
  readonly record: ConnectionRecord
  readonly transport: Transport
  readonly connection: Connection
  readonly secrets: readonly SigningSecret[]
  readonly policy: ResolvedRetryPolicy
  /** Connections with the same one share the build of a message. */
  readonly variant: string | undefined
  /** Values that must not appear in what is recorded. */
  readonly confidential: readonly string[]
}

export type PrepareResult =
  | Prepared
  /** The stored config no longer parses: the connection is to become `incomplete`. */
  | { readonly kind: 'config_invalid'; readonly text: string }
  /** What is sealed can't be opened, e.g. the key is not there: nothing about the connection itself. */
  | { readonly kind: 'unreadable' }

export interface Preparer {
  /** The cached result for this version of the record, or a promise of it. */
  prepare(record: ConnectionRecord): PrepareResult | Promise<PrepareResult>
}

const MAX_CACHED = 10_000

export function createPreparer(deps: {
  readonly vault: Vault
  readonly transports: ReadonlyMap<string, Transport>
  readonly retry: RetryPolicy | undefined
}): Preparer {
  const cache = new Map<string, { readonly version: number; readonly prepared: Prepared }>()
  const policies = new Map<Transport, ResolvedRetryPolicy>()

  const policyOf = (transport: Transport): ResolvedRetryPolicy => {
    const known = policies.get(transport)
    if (known) return known
    const policy = resolveRetryPolicy(transport.retry ?? deps.retry)
    policies.set(transport, policy)
    return policy
  }

  async function open(record: ConnectionRecord): Promise<PrepareResult> {
    const transport = deps.transports.get(record.transport)
    if (transport === undefined) return { kind: 'config_invalid', text: `no transport is named ${record.transport}` }
    let whole: Record<string, unknown>
    let secrets: readonly SigningSecret[]
    try {
      ;[whole, secrets] = await Promise.all([deps.vault.openConfig(record), deps.vault.openSecrets(record)])
    } catch {
      return { kind: 'unreadable' }
    }
    const parsed = await reparseConfig(transport, whole)
    if ('problem' in parsed) return { kind: 'config_invalid', text: parsed.problem }
    const connection: Connection = {
      id: record.id,
      orgId: record.orgId,
      transport: record.transport,
      label: record.label,
      config: parsed.config,
      categories: record.categories,
      eventTypes: record.eventTypes,
      ...(record.credentialId === undefined ? {} : { credentialId: record.credentialId }),
      ...(record.metadata === undefined ? {} : { metadata: record.metadata }),
    }
    const missing = transport.missing?.(parsed.config) ?? []
    if (missing.length > 0) return { kind: 'config_invalid', text: `missing: ${missing.join(', ')}` }
    return {
      kind: 'ready',
      record,
      transport,
      connection,
      secrets,
      policy: policyOf(transport),
      variant: transport.variant?.(parsed.config),
      confidential: [...secrets.map((one) => one.secret), ...secretValues(transport, whole)],
    }
  }

  return {
    prepare(record) {
      const cached = cache.get(record.id)
      if (cached !== undefined && cached.version === record.version && cached.prepared.record.orgId === record.orgId) {
        return cached.prepared
      }
      return open(record).then((result) => {
        if (result.kind === 'ready') {
          cache.delete(record.id)
          cache.set(record.id, { version: record.version, prepared: result })
          if (cache.size > MAX_CACHED) for (const oldest of cache.keys()) return evict(oldest, result)
        }
        return result
      })
    },
  }

  function evict(oldest: string, result: PrepareResult): PrepareResult {
    cache.delete(oldest)
    return result
  }
}

/** The strings inside the secret fields of a config. */
export function secretValues(transport: Transport, config: Readonly<Record<string, unknown>>): string[] {
  const values: string[] = []
  for (const field of transport.fields) {
    if (!field.secret) continue
    const value = config[field.name]
    if (typeof value === 'string') values.push(value)
    else if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) if (typeof inner === 'string') values.push(inner)
    }
  }
  return values
}
