import type { DigestRepository, StoredEvent } from '../../contracts/index.ts'
import { parse } from '../../records/codec.ts'
import type { Database } from './database.ts'
import { type DigestRow, digestKey, keptOf, membersOf, openDigestOf } from './digest-rows.ts'
import { each } from './each.ts'
import { under } from './paths.ts'
import { eventKey } from './rows.ts'
import type { Sealing } from './sealing.ts'

const AT_ONCE = 16

export function createDigests(db: Database, sealing: Sealing): DigestRepository {
  return {
    list: ({ orgId, connectionId, ...query }) =>
      db.page(
        connectionId === undefined ? under('digest') : under('digest', connectionId),
        query,
        async ({ value }) => {
          const row = parse<DigestRow>(value)
          if (orgId !== undefined && row.orgId !== orgId) return undefined
          const members = await membersOf(db, row.generation)
          return members.length === 0 ? undefined : openDigestOf(row, members)
        },
      ),
    async peek(of) {
      const row = await db.read<DigestRow>(digestKey(of))
      if (row === undefined) return undefined
      const members = await membersOf(db, row.generation)
      const events = await each(keptOf(members), AT_ONCE, (id) => db.read<StoredEvent>(eventKey(of.orgId, id)))
      return { ...openDigestOf(row, members), events: events.flatMap((event) => event ?? []) }
    },
    seal: ({ now, ...of }) => sealing.seal(of, now),
  }
}
