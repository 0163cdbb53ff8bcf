import type {
  ConnectionRecord,
  LeasedDelivery,
  NewDelivery,
  Settlement,
  Store,
  StoredEvent,
} from '../../src/contracts/index.ts'
import { createIds } from '../../src/runtime/ids.ts'

const ORG = 'org_1'
export const T0: number = Date.now()
const FILL = 1000
export const ids: ReturnType<typeof createIds> = createIds({ now: Date.now })

const connectionId = (n: number): string => `con_${String(n).padStart(26, '0')}`

export function connection(n: number): ConnectionRecord {
  return {
    id: connectionId(n),
    orgId: ORG,
    transport: 'webhook',
    label: `hooks.example.com ${n}`,
    config: { url: `https://hooks.example.com/in/${n}`, headers: {} },
    sealedSecrets: 'k1.'.padEnd(120, 'x'),
    categories: ['breach'],
    eventTypes: [],
    status: 'active',
    health: { consecutiveFailures: 0 },
    createdAt: T0,
    updatedAt: T0,
    version: 1,
  }
}

function event(n: number): StoredEvent {
  const acceptedAt = T0 - 600_000 + Math.floor(n / 10)
  return {
    id: ids('evt'),
    orgId: ORG,
    type: 'breach_logged',
    category: 'breach',
    title: 'Breach logged: credentials of three staff accounts',
    body: 'A set of credentials was found in a public dump. Three accounts of the finance team are affected.',
    href: 'https://app.example.com/breaches/4711',
    orgName: 'Acme',
    importance: 'high',
    metadata: { severity: 'high', accounts: 3, source: 'dump', ticket: 'SEC-4711' },
    timestamp: acceptedAt,
    messageId: ids('msg'),
    acceptedAt,
  }
}

function delivery(of: StoredEvent, to: string): NewDelivery {
  return {
    id: `dlv_${of.messageId.slice(4)}_${to.slice(-11)}`,
    orgId: ORG,
    connectionId: to,
    kind: 'event',
    messageId: of.messageId,
    eventId: of.id,
    dueAt: of.acceptedAt,
    createdAt: of.acceptedAt,
  }
}

/** Events with a delivery each, to the connection that `of` names; `perCall` of them a call. */
export async function fill(
  store: Pick<Store, 'deliveries'>,
  from: number,
  count: number,
  of: (n: number) => number,
  perCall: number = FILL,
): Promise<void> {
  for (let n = from; n < from + count; n += perCall) {
    const events: StoredEvent[] = []
    const deliveries: NewDelivery[] = []
    for (let k = n; k < Math.min(from + count, n + perCall); k++) {
      const one = event(k)
      events.push(one)
      deliveries.push(delivery(one, connectionId(of(k))))
    }
    await store.deliveries.enqueue({ events, deliveries, collect: [] })
  }
}

export function settlements(
  claimed: readonly Pick<LeasedDelivery, 'id' | 'connectionId' | 'token'>[],
  now: number,
): Settlement[] {
  return claimed.map(({ id, connectionId, token }): Settlement => {
    const ref = { deliveryId: id, orgId: ORG, connectionId }
    return {
      ...ref,
      token,
      exchanges: 1,
      attempts: [{ ...ref, number: 1, startedAt: now, durationMs: 12, outcome: 'delivered', status: 200 }],
      next: { status: 'delivered' },
      httpStatus: 200,
      at: now,
      health: { kind: 'success', failures: 0, at: now, latest: { deliveryId: id, status: 'delivered', at: now } },
    }
  })
}
