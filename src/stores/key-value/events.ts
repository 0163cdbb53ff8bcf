import type { EventRepository, StoredEvent } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { keyOf, under } from './paths.ts'
import { eventKey } from './rows.ts'

export function createEvents(db: Database): EventRepository {
  return {
    get: ({ orgId, id }) => db.read<StoredEvent>(eventKey(orgId, id)),
    list: ({ orgId, since, until, ...query }) => {
      const range = {
        ...(since === undefined ? {} : { from: keyOf(since) }),
        ...(until === undefined ? {} : { until: keyOf(until) }),
      }
      return db.page(under('event-at', orgId), { ...query, ...range }, ({ value }) =>
        db.read<StoredEvent>(eventKey(orgId, parse<string>(value))),
      )
    },
  }
}
