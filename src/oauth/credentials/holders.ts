import type { Clock, Logger } from '../../contracts/clock.ts'
import type { OAuthProvider } from '../../contracts/oauth.ts'
import type { Store } from '../../contracts/store.ts'
import type { CredentialSource } from '../../contracts/tokens.ts'
import { invalidInput, SignalboxError } from '../../errors.ts'
import { checkGrant } from './check-grant.ts'
import { type Credential, heldBy, renewed } from './credential.ts'
import { type CredentialName, credentialName, credentialsOf, nameOfId, nameOfKey } from './name.ts'
import type { Refresher } from './refresher.ts'
import type { CredentialRepository } from './repository.ts'
import { connectionsWith } from './users.ts'

const PAGE = 100

export interface HoldersDeps {
  readonly store: Store
  readonly repository: CredentialRepository
  readonly refresher: Refresher
  readonly providers: ReadonlyMap<string, OAuthProvider>
  readonly revoke: (name: CredentialName, credential: Credential) => Promise<void>
  readonly clock: Clock
  readonly logger: Logger
}

type Holders = Pick<CredentialSource, 'idOf' | 'save' | 'hold' | 'release' | 'releaseAll'> & {
  /** Erases it unless `stays` says no to what is stored, and then revokes it. */
  erase(name: CredentialName, stays: (current: Credential) => Promise<Credential | 'leave' | undefined>): Promise<void>
}

/** Who uses a credential, from its grant to its end. */
export function createHolders(deps: HoldersDeps): Holders {
  const { store, repository, refresher, providers, clock, logger } = deps

  async function erase(
    name: CredentialName,
    stays: (current: Credential) => Promise<Credential | 'leave' | undefined>,
    options: { readonly replace?: boolean } = {},
  ): Promise<void> {
    let erased: Credential | undefined
    await repository.change(
      name,
      async (current) => {
        const kept = current && (await stays(current))
        erased = kept === undefined ? current : undefined
        return kept ?? 'erase'
      },
      options,
    )
    // the entry goes first: what is revoked must not be handed out any more
    if (erased !== undefined) await deps.revoke(name, refresher.forget(name) ?? erased)
  }

  return {
    idOf(grant) {
      checkGrant(grant, providers)
      return `${grant.provider}:${grant.externalId}`
    },

    async save({ orgId, id }, grant) {
      checkGrant(grant, providers)
      const name = credentialName(orgId, grant.provider, grant.externalId)
      const { accountName } = grant
      // one that no key opens is of no use to anybody
      await repository.change(
        name,
        (current) => {
          const now = clock.now()
          const before = current ?? { generation: 0, holders: [], heldAt: now }
          const named = accountName === undefined ? before : { ...before, accountName }
          return heldBy(renewed(named, grant, now), id, now)
        },
        { replace: true },
      )
      return name.id
    },

    async hold({ orgId, id }, credentialId, provider) {
      const name = nameOfId(orgId, credentialId)
      if (name !== undefined && name.provider !== provider) {
        throw invalidInput('credentialId', `must be a credential of the provider ${provider}`)
      }
      const held =
        name && (await repository.change(name, (current) => (current ? heldBy(current, id, clock.now()) : 'leave')))
      if (held === undefined || held === 'leave') {
        throw new SignalboxError('not_found', 'credentialId: the organisation has no such credential', {
          field: 'credentialId',
        })
      }
    },

    async release({ orgId, id }, credentialId, { keep = false } = {}) {
      const name = nameOfId(orgId, credentialId)
      if (name === undefined) return
      try {
        await erase(name, async (current) => {
          const holders = current.holders.filter((holder) => holder.id !== id)
          const now = clock.now()
          if (holders.length > 0 || keep) return { ...current, holders, heldAt: now }
          // what is erased can't be had back: the connections themselves have the last word
          const users = await connectionsWith(store, name)
          if (users.length === 0) return undefined
          return { ...current, holders: users.map((user) => ({ id: user, since: now })), heldAt: now }
        })
      } catch (error) {
        logger.error({ orgId, credentialId, error }, 'a credential could not be released; upkeep tries again')
      }
    },

    async releaseAll(orgId) {
      const prefix = credentialsOf(orgId)
      let after: string | undefined
      do {
        const page = await store.keys.list(prefix, { limit: PAGE, now: clock.now(), ...(after && { after }) })
        for (const { key } of page.items) {
          const name = nameOfKey(key)
          if (name !== undefined) await erase(name, async () => undefined, { replace: true })
        }
        after = page.next
      } while (after !== undefined)
    },

    erase,
  }
}
