import { type Authorize, permit } from '../connections/authorize.ts'
import { checkCall, checkCursor, checkLimit, checkOrgId, checkString } from '../connections/check-input.ts'
import type { Clock } from '../contracts/clock.ts'
import type { OpenDigest, Store } from '../contracts/store.ts'
import { checkId } from '../dispatch/check-event.ts'
import type { DigestCall, Digests } from './types.ts'

export interface DigestsDeps {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly authorize?: Authorize | undefined
  /** Something may be claimable now: wakes the worker. */
  onChange?(orgId: string): void
}

const PAGE = 200
const MAX_KEY_LENGTH = 256

/** The open digests; what the calls promise is said in {@link Digests}. */
export function createDigests(deps: DigestsDeps): Digests {
  const { digests } = deps.store

  return {
    async list(query) {
      checkCall(query, ['orgId', 'connectionId', 'after', 'limit'])
      const after = checkCursor(query.after)
      return digests.list({
        orgId: checkOrgId(query.orgId),
        ...(query.connectionId === undefined ? {} : { connectionId: checkId(query.connectionId, 'connectionId') }),
        ...(after === undefined ? {} : { after }),
        limit: checkLimit(query.limit),
      })
    },

    async peek(call) {
      checkCall(call, ['orgId', 'connectionId', 'key'])
      return digests.peek({ ...checkNames(call), key: keyOf(call.key) ?? '' })
    },

    async flush(call) {
      checkCall(call, ['orgId', 'connectionId', 'key', 'actor'])
      const named = checkNames(call)
      const key = keyOf(call.key)
      await permit(deps.authorize, 'digests.flush', call)
      const open = key === undefined ? await openDigests(deps.store, named) : [{ ...named, key }]
      const deliveryIds = await sealAll(deps.store, open, deps.clock.now())
      if (deliveryIds.length > 0) deps.onChange?.(named.orgId)
      return { deliveryIds }
    },
  }
}

/** Closes every open digest of every organisation. Answers how many. */
export async function flushEverything(store: Store, now: number): Promise<number> {
  return (await sealAll(store, await openDigests(store, {}), now)).length
}

type Named = Pick<OpenDigest, 'orgId' | 'connectionId' | 'key'>

async function openDigests(
  store: Store,
  of: { readonly orgId?: string; readonly connectionId?: string },
): Promise<readonly Named[]> {
  const open: Named[] = []
  let after: string | undefined
  do {
    const page = await store.digests.list({ ...of, limit: PAGE, ...(after === undefined ? {} : { after }) })
    open.push(...page.items)
    after = page.next
  } while (after !== undefined)
  return open
}

async function sealAll(store: Store, open: readonly Named[], now: number): Promise<readonly string[]> {
  const ids: string[] = []
  for (const { orgId, connectionId, key } of open) {
    const id = await store.digests.seal({ orgId, connectionId, key, now })
    if (id !== undefined) ids.push(id)
  }
  return ids
}

function checkNames({ orgId, connectionId }: DigestCall): { readonly orgId: string; readonly connectionId: string } {
  return { orgId: checkOrgId(orgId), connectionId: checkId(connectionId, 'connectionId') }
}

function keyOf(key: string | undefined): string | undefined {
  return key === undefined || key === '' ? key : checkString(key, 'key', MAX_KEY_LENGTH)
}
