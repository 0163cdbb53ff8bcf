import type {
  ClaimRequest,
  ConnectionRecord,
  LeasedDelivery,
  NewDelivery,
  Settlement,
  Store,
  StoredEvent,
} from '../../../src/contracts/index.ts'

export const T0 = 1_780_000_000_000
export const ORG = 'org_a'

export function aConnection(id: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id,
    orgId: ORG,
    transport: 'webhook',
    label: id,
    config: {},
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

export function anEvent(id: string, fields: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id,
    orgId: ORG,
    type: 'breach_logged',
    title: id,
    body: '',
    href: 'https://app.example.com/1',
    orgName: 'Acme',
    importance: 'normal',
    timestamp: T0,
    messageId: `msg_${id}`,
    acceptedAt: T0,
    ...fields,
  }
}

export function aDelivery(connectionId: string, eventId: string, fields: Partial<NewDelivery> = {}): NewDelivery {
  const of = { id: `dlv_${connectionId}_${eventId}`, orgId: ORG, connectionId, kind: 'event', eventId } as const
  return { ...of, messageId: `msg_${eventId}`, dueAt: T0, createdAt: T0, ...fields }
}

let tokens = 0

export function claim(store: Store, request: Partial<ClaimRequest> & { readonly now: number }) {
  const defaults = { limit: 100, perConnection: 1000, leaseMs: 30_000, transports: ['webhook'] }
  return store.deliveries.claim({ ...defaults, token: `tok_${++tokens}`, ...request })
}

export function settlement(
  row: LeasedDelivery,
  at: number,
  next: Settlement['next'] = { status: 'delivered' },
): Settlement {
  const { orgId, connectionId, token } = row
  return { orgId, connectionId, token, deliveryId: row.id, exchanges: 1, attempts: [], next, at }
}
