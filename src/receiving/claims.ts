import { createHash } from 'node:crypto'
import type { Clock } from '../contracts/clock.ts'
import { checkOptions, invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { refused } from './errors.ts'
import { processKeys } from './process-keys.ts'
import type { DedupeOptions } from './types.ts'

const WEEK_MS = 604_800_000
const CLAIM_MS = 60_000
const PROCESS_IDS = 10_000
/** Each further round needs an entry that vanished between two calls. */
const MAX_ROUNDS = 4

const CLAIMED = 'claimed'
const HANDLED = 'handled'

/** What is known of a message: handled, with another receiver at this moment, or the caller's to handle. */
export type Claim =
  | { readonly kind: 'handled' | 'in_progress' }
  | { readonly kind: 'fresh'; confirm(): Promise<void>; release(): Promise<void> }

export interface Claims {
  /** @throws ReceiveError `store_failed` */
  begin(id: string): Promise<Claim>
}

/**
 * At least once: a message counts as handled only when its handler is through. Until then it is claimed for a while, so
 * that of two requests at the same time one is handled, and a crash delays the next try but does not prevent it.
 */
export function createClaims(dedupe: DedupeOptions | false | undefined, clock: Pick<Clock, 'now'>): Claims {
  if (dedupe === false) return { begin: async () => ({ kind: 'fresh', confirm: nothing, release: nothing }) }
  const { store, ttlMs, claimMs, prefix } = checked(dedupe ?? { store: { keys: processKeys(PROCESS_IDS) } })
  const { keys } = store
  let ready: Promise<void> | undefined

  const setup = async (): Promise<void> => {
    ready ??= store.setup?.() ?? Promise.resolve()
    try {
      await ready
    } catch (error) {
      ready = undefined
      throw error
    }
  }

  const fresh = (key: string, version: string): Claim => ({
    kind: 'fresh',
    // In any case: when the claim has run out meanwhile, the message was handled all the same.
    confirm: () =>
      guarded(async () => {
        const now = clock.now()
        await keys.put(key, HANDLED, { now, expiresAt: now + ttlMs })
      }),
    release: () =>
      guarded(async () => {
        await unlessConflict(keys.delete(key, { now: clock.now(), expectedVersion: version }))
      }),
  })

  return {
    begin: (id) =>
      guarded(async () => {
        await setup()
        // Hashed: ids come from outside, of any length and in any characters.
        const key = prefix + createHash('sha256').update(id).digest('hex')
        for (let round = 0; round < MAX_ROUNDS; round++) {
          const now = clock.now()
          const version = await unlessConflict(keys.put(key, CLAIMED, { now, absent: true, expiresAt: now + claimMs }))
          if (version !== undefined) return fresh(key, version)
          const entry = await keys.get(key, { now: clock.now() })
          if (entry !== undefined) return { kind: entry.value === HANDLED ? 'handled' : 'in_progress' }
        }
        return { kind: 'in_progress' }
      }),
  }
}

async function nothing(): Promise<void> {}

async function unlessConflict<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isSignalboxError(error, 'conflict')) return undefined
    throw error
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw refused(503, new SignalboxError('store_failed', 'the store of handled messages failed', { cause }))
  }
}

function checked(dedupe: DedupeOptions): Required<DedupeOptions> {
  if (typeof dedupe !== 'object' || dedupe === null) throw invalidInput('dedupe', 'must be an object or false')
  checkOptions(dedupe, ['store', 'ttlMs', 'claimMs', 'prefix'], 'dedupe.')
  const { store, ttlMs = WEEK_MS, claimMs = CLAIM_MS, prefix = 'received/' } = dedupe
  const { get, put, delete: remove } = store?.keys ?? {}
  if (![get, put, remove].every((call) => typeof call === 'function')) {
    throw invalidInput('dedupe.store', 'must be a store: an object whose keys has get, put and delete')
  }
  if (!Number.isSafeInteger(claimMs) || claimMs < 1) throw invalidInput('dedupe.claimMs', 'must be at least 1 ms')
  if (!Number.isSafeInteger(ttlMs) || ttlMs < claimMs) throw invalidInput('dedupe.ttlMs', 'must be at least claimMs')
  if (typeof prefix !== 'string' || prefix === '' || prefix.length > 128) {
    throw invalidInput('dedupe.prefix', 'must have 1 to 128 characters')
  }
  return { store, ttlMs, claimMs, prefix }
}
