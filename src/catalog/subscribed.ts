import type { SubscribedConnection } from '../contracts/store.ts'

/** What matching needs of a connection: for stores to answer `subscribed` with. */
export function subscribedOf(record: SubscribedConnection): SubscribedConnection {
  const { id, orgId, transport, categories, eventTypes, minImportance, digest, quietHours } = record
  return {
    id,
    orgId,
    transport,
    categories,
    eventTypes,
    ...(minImportance === undefined ? {} : { minImportance }),
    ...(digest === undefined ? {} : { digest }),
    ...(quietHours === undefined ? {} : { quietHours }),
  }
}
