import type { Clock, Logger } from '../../contracts/clock.ts'
import type { KeyEntry, Store } from '../../contracts/store.ts'
import type { CredentialSource } from '../../contracts/tokens.ts'
import { isSignalboxError } from '../../errors.ts'
import { untilAborted } from '../../runtime/pause.ts'
import type { Credential } from './credential.ts'
import { CREDENTIALS, type CredentialName, nameOfKey } from './name.ts'
import type { Refresher } from './refresher.ts'
import { connectionsWith } from './users.ts'

/** When the next pass is due, and where the last one ended early. Not under the prefix of the credentials. */
const PASS_KEY = 'credential-upkeep'
const EVERY_MS = 3_600_000
/** A pass that ended early is continued after so long, in ms; so is that of a process which died. */
const CONTINUE_MS = 60_000
/** A connection that holds a credential exists by then. */
const GRACE_MS = 3_600_000
const PAGE = 100

export interface UpkeepDeps {
  readonly store: Store
  readonly refresher: Refresher
  readonly open: (name: CredentialName, entry: KeyEntry) => Promise<Credential>
  readonly erase: (
    name: CredentialName,
    stays: (current: Credential) => Promise<Credential | 'leave' | undefined>,
  ) => Promise<void>
  readonly idleRefreshMs: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Keeps what is idle alive, and drops what nobody uses: one pass an hour over all processes. */
export function createUpkeep(deps: UpkeepDeps): CredentialSource['upkeep'] {
  const { store, refresher, idleRefreshMs, clock, logger } = deps

  /** Where to begin, if the pass is due and nobody else took it. */
  async function take(until: number): Promise<Pass | undefined> {
    const now = clock.now()
    const entry = await store.keys.get(PASS_KEY, { now })
    const pass = entry && parsePass(entry.value)
    if (pass !== undefined && now < pass.dueAt) return undefined
    const taken: Pass = { dueAt: until + CONTINUE_MS, ...(pass?.after === undefined ? {} : { after: pass.after }) }
    try {
      const condition = entry === undefined ? { absent: true as const } : { expectedVersion: entry.version }
      await store.keys.put(PASS_KEY, JSON.stringify(taken), { now, ...condition })
      return taken
    } catch (error) {
      if (isSignalboxError(error, 'conflict')) return undefined
      throw error
    }
  }

  async function look(name: CredentialName, entry: KeyEntry, signal: AbortSignal): Promise<void> {
    const seen = await deps.open(name, entry)
    const now = clock.now()
    const isOrphan = seen.holders.every((holder) => holder.since <= now - GRACE_MS) && seen.heldAt <= now - GRACE_MS
    if (isOrphan && !(await isUsed(name, seen))) {
      await deps.erase(name, async (current) => {
        if (current.heldAt !== seen.heldAt || current.generation !== seen.generation) return 'leave'
        const users = await connectionsWith(store, name)
        if (users.length === 0) return undefined
        // the connections themselves have the last word
        return { ...current, holders: users.map((id) => ({ id, since: now })), heldAt: now }
      })
      return
    }
    const isIdle = now - seen.refreshedAt >= idleRefreshMs
    if (!isIdle || seen.refreshToken === undefined || seen.dead !== undefined) return
    await untilAborted(refresher.refresh(name, seen), signal)
  }

  async function isUsed(name: CredentialName, { holders }: Credential): Promise<boolean> {
    for (const { id } of holders) {
      const record = await store.connections.get({ orgId: name.orgId, id })
      if (record?.credentialId === name.id) return true
    }
    return false
  }

  return async ({ until, signal }) => {
    try {
      const pass = await take(until)
      if (pass === undefined) return
      let { after } = pass
      let isOver = false
      const isLate = (): boolean => signal.aborted || clock.now() >= until
      while (!isOver && !isLate()) {
        const page = await store.keys.list(CREDENTIALS, { limit: PAGE, now: clock.now(), ...(after && { after }) })
        for (const entry of page.items) {
          if (isLate()) break
          const name = nameOfKey(entry.key)
          try {
            if (name !== undefined) await look(name, entry, signal)
          } catch (error) {
            if (signal.aborted) break
            logger.error({ orgId: name?.orgId, credentialId: name?.id, error }, 'the upkeep of a credential failed')
          }
        }
        if (isLate()) break
        after = page.next
        isOver = after === undefined
      }
      const now = clock.now()
      const next: Pass = isOver ? { dueAt: now + EVERY_MS } : { dueAt: now + CONTINUE_MS, ...(after && { after }) }
      await store.keys.put(PASS_KEY, JSON.stringify(next), { now })
    } catch (error) {
      logger.error({ error }, 'the upkeep of credentials failed')
    }
  }
}

interface Pass {
  /** Epoch ms. */
  readonly dueAt: number
  /** A cursor of the store's. */
  readonly after?: string
}

/** What can't be read is a pass that is due. */
function parsePass(value: string): Pass | undefined {
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed !== 'object' || parsed === null || !('dueAt' in parsed)) return undefined
    if (typeof parsed.dueAt !== 'number') return undefined
    const after = 'after' in parsed && typeof parsed.after === 'string' ? { after: parsed.after } : {}
    return { dueAt: parsed.dueAt, ...after }
  } catch {
    return undefined
  }
}
