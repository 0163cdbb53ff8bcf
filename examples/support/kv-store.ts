// A store over any database that can `get`, `list` in order, and `commit` conditionally. Simple before fast: a claim looks
// at every connection that has something waiting, and what happens to one connection happens one after the other.
import type { Store } from 'signalbox'
import type { KeyValue } from './kv.ts'
import { connectionRepository } from './kv-store/connections.ts'
import { deliveryRepository } from './kv-store/deliveries.ts'
import { digestRepository } from './kv-store/digests.ts'
import { keyRepository } from './kv-store/keys.ts'
import { type EventRow, eventKey } from './kv-store/rows.ts'
import { databaseOf, indexed, path } from './kv-store/transaction.ts'

export function kvStore(kv: KeyValue): Store {
  const db = databaseOf(kv)
  const { sealDue, ...digests } = digestRepository(db)
  return {
    name: 'key-value',
    // joins no transaction of the host; and nothing is kept but in the database
    capabilities: { tx: false, durable: true },
    connections: connectionRepository(db),
    deliveries: deliveryRepository(db, sealDue),
    digests,
    keys: keyRepository(db),
    events: {
      get: async ({ orgId, id }) => (await db.read<EventRow>(eventKey(orgId, id)))?.event,
      list: ({ orgId, since = 0, until = Number.POSITIVE_INFINITY, ...query }) =>
        db.page(path('event-at', orgId), query, async (entry) => {
          const event = (await db.read<EventRow>(indexed(entry)))?.event
          return event && event.acceptedAt >= since && event.acceptedAt < until ? event : undefined
        }),
    },
    setup: async () => {},
    close: async () => {},
  }
}
