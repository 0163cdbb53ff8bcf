import type { Clock } from '../../contracts/clock.ts'
import type { KeyEntry, KeyRepository } from '../../contracts/store.ts'
import type { Sealer } from '../../encryption/sealer.ts'
import { isSignalboxError, SignalboxError } from '../../errors.ts'
import { type Credential, parseCredential } from './credential.ts'
import { type CredentialName, placeOf } from './name.ts'

/** What to do with an entry: write this, erase it, or leave it as it is. */
export type Change = Credential | 'erase' | 'leave'

export interface CredentialRepository {
  /** @throws SignalboxError `conflict` where it cannot be opened (see {@link isUnreadable}) · `store_failed` */
  read(name: CredentialName): Promise<Credential | undefined>
  /**
   * Reads the entry, asks `decide`, and writes what it says if the entry is still the same; else starts over. Answers
   * the last decision. `decide` may be called several times.
   * @param options `replace`: an entry that cannot be opened counts as none, and may be written over
   */
  change<C extends Change>(
    name: CredentialName,
    decide: (current: Credential | undefined) => C | Promise<C>,
    options?: { readonly replace?: boolean },
  ): Promise<C>
  open(name: CredentialName, entry: KeyEntry): Promise<Credential>
}

/** Each lost round is one that somebody else has won. */
const MAX_ROUNDS = 100

/** Credentials in the store: sealed as a whole, changed by compare-and-set only. */
export function createRepository(deps: {
  readonly keys: KeyRepository
  readonly sealer: Sealer
  readonly clock: Clock
}): CredentialRepository {
  const { keys, sealer, clock } = deps

  async function open(name: CredentialName, entry: KeyEntry): Promise<Credential> {
    let cause: unknown
    try {
      const credential = parseCredential(await sealer.open(placeOf(name), entry.value))
      if (credential !== undefined) return credential
    } catch (error) {
      cause = error
    }
    throw new SignalboxError('conflict', `the credential ${name.id} cannot be opened`, { field: UNREADABLE, cause })
  }

  async function openOrReplace(name: CredentialName, entry: KeyEntry): Promise<Credential | undefined> {
    try {
      return await open(name, entry)
    } catch (error) {
      if (isUnreadable(error)) return undefined
      throw error
    }
  }

  /** Answers whether it was done by this call; where somebody else was faster, it may also be a `conflict`. */
  async function write(name: CredentialName, change: Change, entry: KeyEntry | undefined): Promise<boolean> {
    const now = clock.now()
    if (change === 'leave') return true
    if (change === 'erase') {
      return entry === undefined || keys.delete(name.key, { now, expectedVersion: entry.version })
    }
    const value = await sealer.seal(placeOf(name), change)
    const condition = entry === undefined ? { absent: true as const } : { expectedVersion: entry.version }
    await keys.put(name.key, value, { now, ...condition })
    return true
  }

  return {
    open,
    async read(name) {
      const entry = await keys.get(name.key, { now: clock.now() })
      return entry && open(name, entry)
    },
    async change(name, decide, { replace = false } = {}) {
      for (let round = 1; ; round++) {
        const entry = await keys.get(name.key, { now: clock.now() })
        const current = entry && (await (replace ? openOrReplace(name, entry) : open(name, entry)))
        const change = await decide(current)
        try {
          if (await write(name, change, entry)) return change
        } catch (error) {
          if (!isSignalboxError(error, 'conflict') || round === MAX_ROUNDS) throw error
        }
      }
    },
  }
}

const UNREADABLE = 'credential'

/** Whether a credential is there and no key at hand opens it. */
export function isUnreadable(error: unknown): boolean {
  return isSignalboxError(error, 'conflict') && error.field === UNREADABLE
}
