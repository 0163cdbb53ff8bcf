import type { DigestRepository } from '../../contracts/index.ts'
import { keptEvents, openDigestOf, seal } from './digests.ts'
import type { Digest, State } from './state.ts'

export function digestRepository(state: State): DigestRepository {
  const find = (orgId: string, connectionId: string, key: string): Digest | undefined =>
    state.orgs.get(orgId)?.lanes.get(connectionId)?.digests?.get(key)
  return {
    list: async ({ orgId, connectionId, after, limit }) => {
      const orgs = orgId === undefined ? [...state.orgs.values()] : [state.orgs.get(orgId)]
      const lanes = orgs.flatMap((org) => [...(org?.lanes.values() ?? [])])
      const rows = lanes
        .flatMap((lane) =>
          connectionId === undefined || lane.id === connectionId ? [...(lane.digests?.values() ?? [])] : [],
        )
        .sort((a, b) => compare(a.lane.id, b.lane.id) || compare(a.key, b.key))
      const [lastId = '', lastKey = ''] = after === undefined ? [] : parseCursor(after)
      const rest =
        after === undefined
          ? rows
          : rows.filter(({ lane, key }) => (compare(lane.id, lastId) || compare(key, lastKey)) > 0)
      const page = rest.slice(0, limit)
      const last = page.at(-1)
      const items = page.map(openDigestOf)
      if (rest.length <= limit || last === undefined) return { items }
      return { items, next: JSON.stringify([last.lane.id, last.key]) }
    },
    peek: async ({ orgId, connectionId, key }) => {
      const digest = find(orgId, connectionId, key)
      return digest && { ...openDigestOf(digest), events: keptEvents(digest) }
    },
    seal: async ({ orgId, connectionId, key, now }) => {
      const digest = find(orgId, connectionId, key)
      return digest && seal(state, digest, now, now).id
    },
  }
}

function parseCursor(after: string): readonly string[] {
  const parts: unknown = JSON.parse(after)
  return Array.isArray(parts) ? parts.map(String) : []
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
