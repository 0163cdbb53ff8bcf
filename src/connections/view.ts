import type { ConnectionRecord, StatusReason } from '../contracts/connection.ts'
import { type Assessment, assess } from './assess.ts'
import type { ConnectionsDeps } from './deps.ts'
import type { ConnectionView } from './types.ts'

type ViewDeps = Pick<ConnectionsDeps, 'store' | 'transports' | 'vault' | 'clock'>

/** Pending deliveries looked at for the next attempt: the newest. */
const MAX_PENDING_SEEN = 100

/** The card of a connection. What is stored and can't be used any more is said in it; it never throws for that. */
export async function viewOf(
  deps: ViewDeps,
  record: ConnectionRecord,
  options: { readonly nextAttempt: 'always' | 'failing' },
): Promise<ConnectionView> {
  const assessment = await assess(deps, record)
  const wanted = options.nextAttempt === 'always' || isWaiting(record, deps.clock.now())
  const nextAttemptAt = wanted && record.status === 'active' ? await nextAttempt(deps, record) : undefined
  const { health } = record
  return {
    id: record.id,
    orgId: record.orgId,
    transport: record.transport,
    label: record.label,
    destination: destinationOf(assessment),
    config: record.config,
    secretFields: secretFieldsOf(deps, assessment),
    signed: record.sealedSecrets !== undefined,
    categories: record.categories,
    eventTypes: record.eventTypes,
    ...(record.minImportance === undefined ? {} : { minImportance: record.minImportance }),
    ...standing(record, assessment),
    health: healthOf(record),
    ...(health.firstFailureAt === undefined ? {} : { failingSince: health.firstFailureAt }),
    consecutiveFailures: health.consecutiveFailures,
    ...(health.lastSuccessAt === undefined ? {} : { lastSuccessAt: health.lastSuccessAt }),
    ...(health.latest === undefined ? {} : { latestDelivery: health.latest }),
    ...(nextAttemptAt === undefined ? {} : { nextAttemptAt }),
    ...(record.credentialId === undefined ? {} : { credentialId: record.credentialId }),
    ...(record.ordering === undefined ? {} : { ordering: record.ordering }),
    ...(record.pace === undefined ? {} : { pace: record.pace }),
    ...(record.maxInFlight === undefined ? {} : { maxInFlight: record.maxInFlight }),
    ...(record.digest === undefined ? {} : { digest: record.digest }),
    ...(record.quietHours === undefined ? {} : { quietHours: record.quietHours }),
    ...(record.metadata === undefined ? {} : { metadata: record.metadata }),
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    version: record.version,
  }
}

function healthOf(record: ConnectionRecord): ConnectionView['health'] {
  if (record.health.consecutiveFailures > 0 || record.status === 'suspended') return 'failing'
  return record.health.lastSuccessAt === undefined ? 'unknown' : 'ok'
}

/** An active connection that could send nothing is shown as what it will be once a worker has met it. */
function standing(
  record: ConnectionRecord,
  { problem }: Assessment,
): { readonly status: ConnectionView['status']; readonly reason?: StatusReason } {
  const { status, reason } = record
  if (status === 'paused' || status === 'suspended' || problem === undefined) {
    return { status, ...(reason === undefined ? {} : { reason }) }
  }
  const shown = reason?.code === problem.code ? { ...problem, since: reason.since } : problem
  return { status: problem.code === 'secret_unreadable' ? status : 'incomplete', reason: shown }
}

function destinationOf({ transport, connection }: Assessment): string {
  if (transport?.describe === undefined || connection === undefined) return ''
  try {
    return transport.describe(connection.config)
  } catch {
    return ''
  }
}

function secretFieldsOf({ vault }: ViewDeps, { transport, whole }: Assessment): readonly string[] {
  return transport === undefined || whole === undefined ? [] : Object.keys(vault.splitConfig(transport, whole).secret)
}

function isWaiting({ health, blockedUntil = 0 }: ConnectionRecord, now: number): boolean {
  return health.consecutiveFailures > 0 || health.latest?.status === 'pending' || blockedUntil > now
}

/**
 * When the next pending delivery is due. Looks at the newest ones: where there are more, the newest have only just come
 * in and are due already, so that the minimum over them is as good as that over all.
 */
async function nextAttempt({ store }: ViewDeps, record: ConnectionRecord): Promise<number | undefined> {
  const { orgId, id: connectionId, blockedUntil = 0 } = record
  const page = await store.deliveries.list({ orgId, connectionId, status: ['pending'], limit: MAX_PENDING_SEEN })
  if (page.items.length === 0) return undefined
  return Math.max(blockedUntil, Math.min(...page.items.map((delivery) => delivery.dueAt)))
}
