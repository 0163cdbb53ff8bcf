import type { Store } from '../contracts/store.ts'
import type { CredentialSource } from '../contracts/tokens.ts'
import { notePurge } from '../deliveries/purged.ts'
import { invalidInput } from '../errors.ts'

export interface PurgeOptions {
  /** Deliveries that ended longer ago go, with their attempts. In ms. @default `limits.retainEventsMs` */
  readonly olderThanMs?: number
  /** Alone: erases the organisation: connections, credentials, deliveries, events, digests. With `olderThanMs`: only its old records. */
  readonly orgId?: string
}

export interface PurgeResult {
  readonly removed: number
}

const PORTION = 1000

/** Removes what is past its retention, in portions, so that dispatch and delivery go on beside it. */
export async function runPurge(
  options: PurgeOptions,
  deps: {
    readonly store: Store
    readonly credentials: CredentialSource | undefined
    readonly now: number
    readonly retainEventsMs: number
  },
): Promise<PurgeResult> {
  const { orgId } = options
  const olderThanMs = options.olderThanMs ?? deps.retainEventsMs
  if (!(olderThanMs >= 0)) throw invalidInput('olderThanMs', 'must be 0 ms or more')
  const everything = orgId !== undefined && options.olderThanMs === undefined
  const before = deps.now - olderThanMs
  const eventsBefore = deps.now - Math.max(olderThanMs, deps.retainEventsMs)
  // first: a replay must not take for missed what goes now
  if (eventsBefore < before) await notePurge(deps.store.keys, { orgId, before, now: deps.now })
  let removed = 0
  for (;;) {
    const portion = await deps.store.deliveries.purge({
      before,
      eventsBefore,
      ...(orgId === undefined ? {} : { orgId }),
      ...(everything ? { everything } : {}),
      now: deps.now,
      limit: PORTION,
    })
    removed += portion.removed
    if (!portion.more) break
    await new Promise(setImmediate)
  }
  // when nothing is left that could ask for a token
  if (everything) await deps.credentials?.releaseAll(orgId)
  return { removed }
}
