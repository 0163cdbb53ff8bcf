import type { Clock } from '../../contracts/clock.ts'
import type { KeyRepository } from '../../contracts/store.ts'
import type { CredentialSource } from '../../contracts/tokens.ts'
import type { Sealer } from '../../encryption/sealer.ts'
import { CREDENTIALS, nameOfKey } from './name.ts'
import { type CredentialRepository, isUnreadable } from './repository.ts'

const PAGE = 100

/** Seals credentials with the current key, a portion a call. */
export function createRekey(deps: {
  readonly keys: KeyRepository
  readonly repository: CredentialRepository
  readonly sealer: Sealer
  readonly clock: Clock
}): CredentialSource['rekey'] {
  const { keys, repository, sealer, clock } = deps
  return async ({ limit }) => {
    const count = { rekeyed: 0, remaining: 0, unreadable: 0 }
    let after: string | undefined
    do {
      const page = await keys.list(CREDENTIALS, { limit: PAGE, now: clock.now(), ...(after && { after }) })
      for (const { key, value } of page.items) {
        const name = nameOfKey(key)
        if (name === undefined || !sealer.isOutdated(value)) continue
        if (count.rekeyed === limit) {
          count.remaining += 1
          continue
        }
        try {
          await repository.change(name, (current) => current ?? 'leave')
          count.rekeyed += 1
        } catch (error) {
          if (!isUnreadable(error)) throw error
          count.unreadable += 1
        }
      }
      after = page.next
    } while (after !== undefined && count.remaining === 0)
    return count
  }
}
