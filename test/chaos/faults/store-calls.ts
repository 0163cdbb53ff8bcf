import { setTimeout as pause } from 'node:timers/promises'
import type { CollectEntry, LeasedDelivery, Store } from '../../../src/contracts/index.ts'
import { aBatch, aConnection, claim, delivered, ORG, T0 } from '../../stores/postgres/records.ts'

/** One way to call a method of a store. */
export interface StoreCall {
  /** `deliveries.claim`; behind a space, which of several ways. */
  readonly name: string
  /** What is there before, by a store that nothing disturbs. Answers what the call needs to know of it. */
  prepare?(store: Store): Promise<readonly LeasedDelivery[]>
  call(store: Store, leased: readonly LeasedDelivery[]): Promise<unknown>
  /** Several transactions, and between them states of their own: what is left is done when it is asked for again. */
  readonly inPortions?: true
  /** What a caller does that does not know whether it went through. @default the same call */
  again?(store: Store, leased: readonly LeasedDelivery[]): Promise<unknown>
}

const LATER = T0 + 3_600_000
const CONNECTION = { orgId: ORG, id: 'con_a' }
const DELIVERY = { orgId: ORG, id: 'dlv_a0' }
/** Events in the open digest. */
const DIGESTED = 2
const LIMIT = { orgId: ORG, limit: 100 }

const member = (eventId: string): CollectEntry => ({
  orgId: ORG,
  connectionId: CONNECTION.id,
  key: 'k',
  eventId,
  at: T0,
  closesAt: T0 + 1000,
  mustCloseAt: T0 + 5000,
  maxItems: 10,
  keep: 'first',
})

/** A connection, three due deliveries, an open digest and an entry. */
async function world(store: Store): Promise<readonly LeasedDelivery[]> {
  await store.connections.insert(aConnection(CONNECTION.id))
  await store.deliveries.enqueue(aBatch(CONNECTION.id, 'a', 3))
  const digest = aBatch(CONNECTION.id, 'm', DIGESTED)
  await store.deliveries.enqueue({ ...digest, deliveries: [], collect: digest.events.map(({ id }) => member(id)) })
  await store.keys.put('key_a', 'value', { now: T0 })
  return []
}

async function leasedWorld(store: Store): Promise<readonly LeasedDelivery[]> {
  await world(store)
  return (await claim(store, T0)).deliveries
}

async function endedWorld(store: Store): Promise<readonly LeasedDelivery[]> {
  const leased = await leasedWorld(store)
  await store.deliveries.settle(leased.map((row) => failed(row)))
  return leased
}

function failed(row: LeasedDelivery) {
  const settlement = delivered(row)
  return {
    ...settlement,
    attempts: settlement.attempts.map((one) => ({ ...one, outcome: 'gone' as const, status: 410 })),
    next: { status: 'failed', failure: 'rejected' } as const,
    health: {
      kind: 'failure',
      failures: 1,
      at: T0,
      latest: { deliveryId: row.id, status: 'failed', at: T0 },
    } as const,
    suspend: { code: 'gone', text: 'The destination is gone', since: T0 },
  }
}

const leasesOf = (leased: readonly LeasedDelivery[]) =>
  leased.map(({ id, connectionId, token }) => ({ deliveryId: id, connectionId, token }))

/**
 * What is leased and not known comes back when the leases have run out. As a worker does: until nothing is due now or in
 * a moment, when another claim has it in hand.
 */
async function claimLater(store: Store, now: number = LATER): Promise<void> {
  for (let more = true; more; ) {
    const { nextAt } = await claim(store, now)
    more = nextAt !== null && nextAt < now + 1000
    if (more) await pause(20)
  }
}

const purge = (store: Store) =>
  store.deliveries.purge({ before: LATER, eventsBefore: LATER, orgId: ORG, now: LATER, limit: 100 })

const test = aBatch(CONNECTION.id, 'test', 1).deliveries.map((one) => ({
  ...one,
  kind: 'test' as const,
  status: 'delivered' as const,
  attempts: 2,
  rounds: 0,
  finishedAt: T0,
}))

export const storeCalls: readonly StoreCall[] = [
  { name: 'setup', call: (store) => store.setup() },
  { name: 'connections.insert', call: (store) => store.connections.insert(aConnection('con_new')) },
  { name: 'connections.get', prepare: world, call: (store) => store.connections.get(CONNECTION) },
  { name: 'connections.list', prepare: world, call: (store) => store.connections.list(LIMIT) },
  {
    name: 'connections.update',
    prepare: world,
    call: (store) => store.connections.update(CONNECTION, { status: 'paused', label: 'new' }, 1),
  },
  {
    name: 'connections.delete',
    prepare: world,
    inPortions: true,
    call: (store) => store.connections.delete(CONNECTION, { now: T0 }),
    // what was not cancelled is when a claim meets it
    again: async (store) => {
      await store.connections.delete(CONNECTION, { now: T0 })
      await claimLater(store, T0)
    },
  },
  { name: 'connections.subscribed', prepare: world, call: (store) => store.connections.subscribed(ORG) },
  { name: 'events.get', prepare: world, call: (store) => store.events.get({ orgId: ORG, id: 'a0' }) },
  { name: 'events.list', prepare: world, call: (store) => store.events.list(LIMIT) },
  {
    name: 'deliveries.enqueue',
    prepare: world,
    call: (store) => {
      const batch = aBatch(CONNECTION.id, 'n', 3)
      return store.deliveries.enqueue({ ...batch, collect: batch.events.map(({ id }) => member(id)) })
    },
  },
  {
    name: 'deliveries.record',
    prepare: world,
    call: async (store) => {
      for (const one of test) {
        const attempts = [1, 2].map((number) => {
          const { id: deliveryId, connectionId } = one
          return {
            deliveryId,
            orgId: ORG,
            connectionId,
            number,
            startedAt: T0,
            durationMs: 1,
            outcome: 'retry' as const,
          }
        })
        await store.deliveries.record(one, attempts, { deliveryId: one.id, status: 'delivered', at: T0 })
      }
    },
  },
  { name: 'deliveries.claim', prepare: world, call: (store) => claim(store, T0), again: (store) => claimLater(store) },
  {
    name: 'deliveries.claim (sealing a digest)',
    prepare: world,
    call: (store) => claim(store, T0 + 6000),
    again: async (store) => {
      await claimLater(store, T0 + 6000)
      await claimLater(store)
    },
  },
  {
    name: 'deliveries.claim (ids)',
    prepare: world,
    call: (store) =>
      store.deliveries.claim({
        now: T0,
        limit: 2,
        perConnection: 10,
        leaseMs: 60_000,
        token: 'lse_ids',
        transports: ['webhook'],
        ids: ['dlv_a0', 'dlv_a1'],
      }),
    again: (store) => claimLater(store),
  },
  {
    name: 'deliveries.settle',
    prepare: leasedWorld,
    call: (store, leased) => store.deliveries.settle(leased.map((row) => delivered(row))),
  },
  {
    name: 'deliveries.settle (suspending)',
    prepare: leasedWorld,
    call: (store, leased) => store.deliveries.settle(leased.map((row) => failed(row))),
  },
  {
    name: 'deliveries.renew',
    prepare: leasedWorld,
    call: (store, leased) => store.deliveries.renew(leasesOf(leased), LATER),
  },
  {
    name: 'deliveries.release',
    prepare: leasedWorld,
    call: (store, leased) => store.deliveries.release(leasesOf(leased)),
  },
  { name: 'deliveries.get', prepare: world, call: (store) => store.deliveries.get(DELIVERY) },
  { name: 'deliveries.list', prepare: world, call: (store) => store.deliveries.list(LIMIT) },
  { name: 'deliveries.attempts', prepare: endedWorld, call: (store) => store.deliveries.attempts(DELIVERY) },
  {
    name: 'deliveries.reschedule',
    prepare: endedWorld,
    call: (store) =>
      store.deliveries.reschedule({
        orgId: ORG,
        filter: { connectionId: CONNECTION.id, failedSince: 0 },
        to: { status: 'pending', dueAt: LATER },
        now: T0,
        limit: 100,
      }),
  },
  {
    name: 'deliveries.purge',
    prepare: endedWorld,
    inPortions: true,
    call: purge,
    // what others have in hand is left to the next time
    again: async (store) => {
      for (let left = true; left; await pause(20)) {
        await purge(store)
        const events = await store.events.list(LIMIT)
        left = (await store.deliveries.list(LIMIT)).items.length > 0 || events.items.length > DIGESTED
      }
    },
  },
  {
    name: 'deliveries.purge (everything)',
    prepare: endedWorld,
    inPortions: true,
    call: (store) =>
      store.deliveries.purge({ before: 0, eventsBefore: 0, orgId: ORG, everything: true, now: T0, limit: 100 }),
  },
  { name: 'deliveries.nextDueAt', prepare: world, call: (store) => store.deliveries.nextDueAt(['webhook']) },
  { name: 'digests.list', prepare: world, call: (store) => store.digests.list(LIMIT) },
  {
    name: 'digests.peek',
    prepare: world,
    call: (store) => store.digests.peek({ orgId: ORG, connectionId: CONNECTION.id, key: 'k' }),
  },
  {
    name: 'digests.seal',
    prepare: world,
    call: (store) => store.digests.seal({ orgId: ORG, connectionId: CONNECTION.id, key: 'k', now: T0 }),
  },
  { name: 'keys.get', prepare: world, call: (store) => store.keys.get('key_a', { now: T0 }) },
  { name: 'keys.put', prepare: world, call: (store) => store.keys.put('key_a', 'other', { now: T0 }) },
  {
    name: 'keys.put (absent)',
    call: (store) => store.keys.put('key_a', 'value', { now: T0, absent: true }),
  },
  { name: 'keys.delete', prepare: world, call: (store) => store.keys.delete('key_a', { now: T0 }) },
  { name: 'keys.list', prepare: world, call: (store) => store.keys.list('key', { now: T0, limit: 10 }) },
]

/** The methods of a store, as `storeCalls` names them. */
export function methodsOf(store: object, prefix = ''): readonly string[] {
  return Object.entries(store).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'function') return [`${prefix}${name}`]
    const isRepository = typeof value === 'object' && value !== null && name !== 'capabilities'
    return isRepository ? methodsOf(value, `${name}.`) : []
  })
}

/** All that callers can see of a store, but for tokens and versions, which are new each time. */
export async function viewOf(store: Store): Promise<string> {
  const { items: deliveries } = await store.deliveries.list(LIMIT)
  const { items: connections } = await store.connections.list(LIMIT)
  const { items: digests } = await store.digests.list(LIMIT)
  const { items: events } = await store.events.list(LIMIT)
  const { items: entries } = await store.keys.list('', { now: T0, limit: 100 })
  const set = await store.connections.subscribed(ORG)
  const view = {
    connections,
    subscribed: set === 'unchanged' ? set : set.connections,
    deliveries: await Promise.all(
      deliveries.map(async (one) => [one, await store.deliveries.attempts({ orgId: ORG, id: one.id })]),
    ),
    digests,
    events: events.map(({ id }) => id),
    entries: entries.map(({ key, value }) => [key, value]),
  }
  return JSON.stringify(view, null, 1)
}
