import type { KeyRepository } from '../contracts/store.ts'
import { isSignalboxError } from '../errors.ts'

/**
 * How far deliveries were purged while their events stayed: of an event from before that, nobody can tell any more
 * whether a connection has had it.
 */
export async function purgedBefore(keys: KeyRepository, orgId: string, now: number): Promise<number> {
  const found = await Promise.all([keys.get(EVERYWHERE, { now }), keys.get(keyOf(orgId), { now })])
  return Math.max(0, ...found.map((entry) => Number(entry?.value ?? 0)))
}

/** `orgId`: of one organisation only. `before`: epoch ms. */
export async function notePurge(
  keys: KeyRepository,
  { orgId, before, now }: { readonly orgId: string | undefined; readonly before: number; readonly now: number },
): Promise<void> {
  const key = orgId === undefined ? EVERYWHERE : keyOf(orgId)
  for (;;) {
    const noted = await keys.get(key, { now })
    if (noted !== undefined && Number(noted.value) >= before) return
    const first = noted === undefined ? ({ absent: true } as const) : { expectedVersion: noted.version }
    try {
      await keys.put(key, String(before), { now, ...first })
      return
    } catch (error) {
      // another purge was faster: it may have gone less far
      if (!isSignalboxError(error, 'conflict')) throw error
    }
  }
}

const EVERYWHERE = 'purged'
const keyOf = (orgId: string): string => `purged/${orgId}`
