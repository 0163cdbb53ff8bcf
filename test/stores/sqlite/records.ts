import type { ConnectionRecord, EnqueueBatch, LeasedDelivery, Settlement, Store } from '../../../src/contracts/index.ts'

export const T0 = 1_780_000_000_000
export const ORG = 'org_a'

export function aConnection(id: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id,
    orgId: ORG,
    transport: 'webhook',
    label: id,
    config: { url: `https://hooks.example.com/${id}` },
    categories: [],
    eventTypes: [],
    status: 'active',
    health: { consecutiveFailures: 0 },
    createdAt: T0,
    updatedAt: T0,
    version: 1,
    ...fields,
  }
}

/** Events `<prefix>0` … and a delivery of each to `connectionId`. */
export function aBatch(connectionId: string, prefix: string, count: number, dueAt: number = T0): EnqueueBatch {
  const numbers = Array.from({ length: count }, (_, n) => n)
  return {
    events: numbers.map((n) => ({
      id: `${prefix}${n}`,
      orgId: ORG,
      type: 'breach_logged',
      title: 'Title',
      body: 'Body',
      href: 'https://app.example.com/1',
      orgName: 'Acme',
      importance: 'normal',
      timestamp: T0,
      messageId: `msg_${prefix}${n}`,
      acceptedAt: T0,
    })),
    deliveries: numbers.map((n) => ({
      id: `dlv_${prefix}${n}`,
      orgId: ORG,
      connectionId,
      kind: 'event',
      messageId: `msg_${prefix}${n}`,
      eventId: `${prefix}${n}`,
      dueAt,
      createdAt: T0,
    })),
    collect: [],
  }
}

export function claim(store: Store, now: number, limit = 100) {
  return store.deliveries.claim({
    now,
    limit,
    perConnection: 10_000,
    leaseMs: 60_000,
    token: `lse_${crypto.randomUUID()}`,
    transports: ['webhook'],
  })
}

export function delivered({ id, orgId, connectionId, token, attempts }: LeasedDelivery, at: number = T0): Settlement {
  return {
    orgId,
    deliveryId: id,
    connectionId,
    token,
    exchanges: 1,
    attempts: [
      {
        deliveryId: id,
        orgId,
        connectionId,
        number: attempts + 1,
        startedAt: at,
        durationMs: 1,
        outcome: 'delivered',
        status: 200,
      },
    ],
    next: { status: 'delivered' },
    httpStatus: 200,
    at,
    health: { kind: 'success', failures: 0, at, latest: { deliveryId: id, status: 'delivered', at } },
  }
}
