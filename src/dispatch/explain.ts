import { type CatalogIndex, explainMatch } from '../catalog/index.ts'
import type { ConnectionRecord } from '../contracts/connection.ts'
import type { EventBase, StoredEvent } from '../contracts/event.ts'
import type { Store } from '../contracts/store.ts'
import { eventMessage } from '../worker/messages.ts'
import type { Preparer } from '../worker/prepare.ts'
import type { Explanation } from './types.ts'

export interface ExplainDeps {
  readonly store: Store
  readonly catalog: CatalogIndex | undefined
  readonly preparer: Preparer
  readonly complete: (event: EventBase) => Promise<StoredEvent>
}

const PAGE = 500

/** Tells for each connection of the organisation what it would do with an event. Sends and stores nothing. */
export async function explainEvent(input: EventBase, deps: ExplainDeps): Promise<readonly Explanation[]> {
  const event = await deps.complete(input)
  const explanations: Explanation[] = []
  let after: string | undefined
  do {
    const page = await deps.store.connections.list({
      orgId: event.orgId,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    for (const record of page.items) explanations.push(await explainOne(record, event, deps))
    after = page.next
  } while (after !== undefined)
  return explanations
}

async function explainOne(record: ConnectionRecord, event: StoredEvent, deps: ExplainDeps): Promise<Explanation> {
  const about = { connectionId: record.id, label: record.label, transport: record.transport }
  const skipped = (reason: string): Explanation => ({ ...about, decision: 'skipped', reason })
  if (record.status !== 'active') {
    return skipped(`the connection is ${record.status}${record.reason ? ` (${record.reason.text})` : ''}`)
  }
  const match = explainMatch(record, event, deps.catalog)
  if (!match.matches) return skipped(match.text)
  const prepared = await deps.preparer.prepare(record)
  if (prepared.kind !== 'ready') return skipped(prepared.reason.text)
  let payload: unknown
  try {
    payload = prepared.transport.build(eventMessage(event), prepared.connection)
  } catch {
    return skipped('the transport could not build this message')
  }
  const route = prepared.timing.route(event)
  if (route.kind === 'collect') {
    const closesAt = Math.min(route.closesAt, route.mustCloseAt)
    const first = route.leading ? ', or goes out at once as the first of its window' : ''
    const reason = `${match.text}; it joins a digest${first}`
    return { ...about, decision: 'digested', reason, digest: { key: route.key, closesAt }, payload }
  }
  const cooled = Math.max(event.acceptedAt, record.blockedUntil ?? 0)
  const dueAt = prepared.timing.allowedAt(Math.max(route.dueAt, cooled), event.importance)
  return { ...about, decision: 'sent', reason: match.text + whyLater(event.acceptedAt, cooled, dueAt), dueAt, payload }
}

function whyLater(now: number, cooledAt: number, dueAt: number): string {
  if (dueAt > cooledAt) return '; it waits for the end of the quiet hours'
  return cooledAt > now ? '; it waits for the end of a cooldown' : ''
}
