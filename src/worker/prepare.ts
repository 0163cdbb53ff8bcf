import { assess } from '../connections/assess.ts'
import type { SigningSecret, Vault } from '../connections/vault.ts'
import type { DigestKeys } from '../contracts/catalog.ts'
import type { Connection, ConnectionRecord, StatusReason } from '../contracts/connection.ts'
import type { RetryPolicy } from '../contracts/outcome.ts'
import type { Transport } from '../contracts/transport.ts'
import { type ResolvedRetryPolicy, resolveRetryPolicy } from '../delivery/policy.ts'
import { configInvalidReason } from '../delivery/reasons.ts'
import { compileTiming, type Timing } from '../digest/timing.ts'
import { redactor } from '../http/redact.ts'
import { confidentialOf } from './confidential.ts'

/** A connection ready to send: config whole and parsed, secrets open. */
export interface Prepared {
  readonly kind: 'ready'
  readonly record: ConnectionRecord
  readonly transport: Transport
  readonly connection: Connection
  readonly secrets: readonly SigningSecret[]
  readonly policy: ResolvedRetryPolicy
  /** When things of it may go out. */
  readonly timing: Timing
  /** Connections with the same one share the build of a message. */
  readonly variant: string | undefined
  /** Takes what must not be recorded out of a text. */
  readonly redact: (text: string) => string
}

export type PrepareResult =
  | Prepared
  /** The stored config is no longer valid, or lacks something: the connection is to become `incomplete`. */
  | { readonly kind: 'config_invalid'; readonly reason: StatusReason }
  /** What is sealed can't be opened, e.g. the key is not there: nothing about the connection itself. */
  | { readonly kind: 'unreadable'; readonly reason: StatusReason }

export interface Preparer {
  /** The cached result for this version of the record, or a promise of it. */
  prepare(record: ConnectionRecord): PrepareResult | Promise<PrepareResult>
}

/** Of each of two generations: the older one is dropped when the younger is full. */
const GENERATION_SIZE = 5_000

export function createPreparer(deps: {
  readonly vault: Vault
  readonly transports: ReadonlyMap<string, Transport>
  readonly retry: RetryPolicy | undefined
  readonly digestKeys?: DigestKeys | undefined
}): Preparer {
  const policies = new Map<Transport, ResolvedRetryPolicy>()
  for (const transport of deps.transports.values()) {
    policies.set(transport, resolveRetryPolicy(transport.retry ?? deps.retry))
  }
  let young = new Map<string, Prepared>()
  let old = new Map<string, Prepared>()

  function remember(prepared: Prepared): void {
    if (young.size >= GENERATION_SIZE) {
      old = young
      young = new Map()
    }
    young.set(prepared.record.id, prepared)
  }

  async function open(record: ConnectionRecord): Promise<PrepareResult> {
    const { transport, whole, secrets, connection, problem } = await assess(deps, record)
    if (problem?.code === 'secret_unreadable') return { kind: 'unreadable', reason: problem }
    const policy = transport && policies.get(transport)
    if (problem || !transport || !policy || !whole || !secrets || !connection) {
      return { kind: 'config_invalid', reason: problem ?? configInvalidReason('it cannot be read', record.updatedAt) }
    }
    const prepared: Prepared = {
      kind: 'ready',
      record,
      transport,
      connection,
      secrets,
      policy,
      timing: compileTiming(record, deps.digestKeys),
      variant: variantOf(transport, connection.config),
      redact: redactor(
        confidentialOf(
          transport,
          whole,
          secrets.map((one) => one.secret),
        ),
      ),
    }
    remember(prepared)
    return prepared
  }

  return {
    prepare(record) {
      const known = young.get(record.id) ?? old.get(record.id)
      const isCurrent = known?.record.version === record.version && known.record.orgId === record.orgId
      return known !== undefined && isCurrent ? known : open(record)
    },
  }
}

/** Sharing is an optimisation: a transport that fails at it builds each message anew. */
function variantOf(transport: Transport, config: unknown): string | undefined {
  try {
    return transport.variant?.(config)
  } catch {
    return undefined
  }
}
