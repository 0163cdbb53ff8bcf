import type {
  ClaimRequest,
  ClaimResult,
  CollectEntry,
  ConnectionRecord,
  DeliveryRecord,
  EnqueueBatch,
  EnqueueResult,
  HealthDelta,
  LeasedDelivery,
  NewDelivery,
  NextState,
  Page,
  PageQuery,
  Settlement,
  Store,
  StoredEvent,
} from '../../contracts/index.ts'

/** The instant at which every case begins. Epoch ms. */
export const T0 = 1_780_000_000_000

/** The organisation of every record that does not say otherwise. */
export const ORG = 'org_a'

/** What a case is given: a fresh store and what the harness can do with it. */
export interface World {
  readonly store: Store
  /** Another fresh store. */
  another(): Promise<Store>
  /** Closes the store and opens what it kept. Only in cases that need `reopen`. */
  reopen(): Promise<Store>
  /** Opens a transaction of the host. Only in cases that need `tx`. */
  begin(): Promise<HostTransaction>
}

/** A transaction that the host has open in its own database. */
export interface HostTransaction {
  /** What `dispatch` is given as `tx`; where the store has `enqueueOn`, its `db`. */
  readonly handle: unknown
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** One statement of the contract. */
export interface Case {
  readonly name: string
  readonly needs?: 'reopen' | 'tx'
  run(world: World): Promise<void>
}

// ---------------------------------------------------------------------------------------------- records

export function anEvent(id: string, fields: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id,
    orgId: ORG,
    type: 'breach_logged',
    category: 'breach',
    title: `Title of ${id}`,
    body: 'Body',
    href: 'https://app.example.com/breaches/1',
    orgName: 'Acme',
    importance: 'normal',
    timestamp: T0,
    messageId: `msg_${id}`,
    acceptedAt: T0,
    ...fields,
  }
}

export function aConnection(id: string, fields: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id,
    orgId: ORG,
    transport: 'webhook',
    label: `Label of ${id}`,
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

/** A delivery of `eventId` to `connectionId`; its id derives from both, as the dispatcher's do. */
export function aDelivery(connectionId: string, eventId: string, fields: Partial<NewDelivery> = {}): NewDelivery {
  return {
    id: deliveryId(connectionId, eventId),
    orgId: ORG,
    connectionId,
    kind: 'event',
    messageId: `msg_${eventId}`,
    eventId,
    dueAt: T0,
    createdAt: T0,
    ...fields,
  }
}

export function deliveryId(connectionId: string, eventId: string): string {
  return `dlv_${connectionId}_${eventId}`
}

export function aMember(eventId: string, fields: Partial<CollectEntry> = {}): CollectEntry {
  return {
    orgId: ORG,
    connectionId: 'con_a',
    key: '',
    eventId,
    at: T0,
    closesAt: T0 + 60_000,
    mustCloseAt: T0 + 60_000,
    maxItems: 200,
    keep: 'first',
    ...fields,
  }
}

// ---------------------------------------------------------------------------------------------- calls

export function enqueue(store: Store, batch: Partial<EnqueueBatch>): Promise<EnqueueResult> {
  return store.deliveries.enqueue({ events: [], deliveries: [], collect: [], ...batch })
}

/** Stores `count` events and a delivery of each to `connectionId`, named `<prefix>0`, `<prefix>1` …, in portions. */
export async function fill(
  store: Store,
  connectionId: string,
  count: number,
  options: { readonly prefix?: string; readonly delivery?: (n: number) => Partial<NewDelivery> } = {},
): Promise<readonly string[]> {
  const prefix = options.prefix ?? `${connectionId}_e`
  const ids: string[] = []
  for (let from = 0; from < count; from += 500) {
    const events: StoredEvent[] = []
    const deliveries: NewDelivery[] = []
    for (let n = from; n < Math.min(count, from + 500); n++) {
      // padded: the order of ids is the order of enqueueing
      const eventId = `${prefix}${String(n).padStart(5, '0')}`
      const delivery = aDelivery(connectionId, eventId, options.delivery?.(n))
      events.push(anEvent(eventId, { orgId: delivery.orgId }))
      deliveries.push(delivery)
      ids.push(delivery.id)
    }
    await enqueue(store, { events, deliveries })
  }
  return ids
}

/** Claims with generous limits and a token of its own. */
export function claim(store: Store, request: Partial<ClaimRequest> & { readonly now: number }): Promise<ClaimResult> {
  return store.deliveries.claim({
    limit: 100,
    perConnection: 1000,
    leaseMs: 30_000,
    token: nextToken(),
    transports: ['webhook'],
    ...request,
  })
}

function nextToken(): string {
  return `tok_${crypto.randomUUID()}`
}

/** Claims, and answers the ids, sorted. */
export async function claimIds(
  store: Store,
  request: Partial<ClaimRequest> & { readonly now: number },
): Promise<readonly string[]> {
  return idsOf((await claim(store, request)).deliveries)
}

function idsOf(rows: readonly { readonly id: string }[]): readonly string[] {
  return rows.map((row) => row.id).sort()
}

/** A settlement of one exchange. */
export function settlement(
  delivery: LeasedDelivery,
  next: NextState = { status: 'delivered' },
  fields: Partial<Settlement> = {},
): Settlement {
  const at = fields.at ?? T0
  const failed = next.status !== 'delivered'
  return {
    orgId: delivery.orgId,
    deliveryId: delivery.id,
    connectionId: delivery.connectionId,
    token: delivery.token,
    exchanges: 1,
    attempts: [
      {
        deliveryId: delivery.id,
        orgId: delivery.orgId,
        connectionId: delivery.connectionId,
        number: delivery.attempts + 1,
        startedAt: at - 10,
        durationMs: 10,
        outcome: failed ? 'retry' : 'delivered',
        ...(failed ? { code: 'http_5xx', status: 503 } : { status: 200 }),
      },
    ],
    next,
    ...(failed ? { code: 'http_5xx', httpStatus: 503 } : { httpStatus: 200 }),
    at,
    health: healthDelta(delivery.id, next, at),
    ...fields,
  }
}

export function healthDelta(id: string, next: NextState, at: number): HealthDelta {
  const kind = next.status === 'delivered' ? 'success' : 'failure'
  const status = next.status === 'cancelled' ? 'failed' : next.status
  return { kind, failures: kind === 'failure' ? 1 : 0, at, latest: { deliveryId: id, status, at } }
}

/** The one element that the contract promises. */
export function only<T>(items: readonly T[], what: string): T {
  const [item, ...others] = items
  if (item === undefined || others.length > 0) throw new Error(`expected exactly one ${what}, got ${items.length}`)
  return item
}

export async function statusOf(store: Store, id: string, orgId: string = ORG): Promise<string> {
  return (await delivery(store, id, orgId)).status
}

export async function delivery(store: Store, id: string, orgId: string = ORG): Promise<DeliveryRecord> {
  const record = await store.deliveries.get({ orgId, id })
  if (record === undefined) throw new Error(`delivery ${id} of ${orgId} is not there`)
  return record
}

export async function connection(store: Store, id: string, orgId: string = ORG): Promise<ConnectionRecord> {
  const record = await store.connections.get({ orgId, id })
  if (record === undefined) throw new Error(`connection ${id} of ${orgId} is not there`)
  return record
}

/** Reads all pages. */
export async function allPages<T>(
  list: (query: PageQuery) => Promise<Page<T>>,
  limit: number,
  between?: (pages: number) => Promise<void>,
): Promise<readonly T[]> {
  const items: T[] = []
  let after: string | undefined
  for (let pages = 1; pages <= 1000; pages++) {
    const page: Page<T> = await list(after === undefined ? { limit } : { limit, after })
    if (page.items.length > limit) throw new Error(`a page of ${page.items.length} where the limit is ${limit}`)
    items.push(...page.items)
    if (page.next === undefined) return items
    after = page.next
    await between?.(pages)
  }
  throw new Error('the pages of a list never end')
}

/** The same numbers in each run (mulberry32): cases that mix calls stay reproducible. */
export function reproducible(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
