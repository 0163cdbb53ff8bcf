import type { Clock, Logger } from '../../contracts/clock.ts'
import type { HttpPort } from '../../contracts/http.ts'
import type { OAuthProvider } from '../../contracts/oauth.ts'
import type { KeyRepository } from '../../contracts/store.ts'
import type { Credential } from './credential.ts'
import { CREDENTIALS, type CredentialName, isSameAccount, nameOfKey } from './name.ts'

const PAGE = 1000
const DEADLINE_MS = 5000

/**
 * Ends a grant at its provider. Not where another organisation has the same workspace or account: a provider may give
 * one token for both (Slack has one bot token for an app and workspace), and theirs would end too. Never rejects.
 */
export function createRevoke(deps: {
  readonly keys: KeyRepository
  readonly providers: ReadonlyMap<string, OAuthProvider>
  readonly http: HttpPort
  readonly clock: Clock
  readonly logger: Logger
}): (name: CredentialName, credential: Credential) => Promise<void> {
  const { keys, providers, http, clock, logger } = deps

  async function isShared(name: CredentialName): Promise<boolean> {
    let after: string | undefined
    do {
      const page = await keys.list(CREDENTIALS, { limit: PAGE, now: clock.now(), ...(after && { after }) })
      for (const { key } of page.items) {
        const other = nameOfKey(key)
        if (other !== undefined && isSameAccount(other, name)) return true
      }
      after = page.next
    } while (after !== undefined)
    return false
  }

  return async (name, { accessToken, refreshToken }) => {
    const about = { orgId: name.orgId, credentialId: name.id }
    const provider = providers.get(name.provider)
    if (provider?.revoke === undefined) return
    try {
      if (await isShared(name)) {
        logger.info(about, 'a grant was not revoked: the same account is in use elsewhere')
        return
      }
      const now = clock.now()
      const tokens = { accessToken, ...(refreshToken === undefined ? {} : { refreshToken }) }
      const done = await provider.revoke(tokens, { http, now, deadlineAt: now + DEADLINE_MS })
      if (!done) logger.warn(about, 'the provider did not confirm that a grant was revoked')
    } catch (error) {
      // its message may quote what it was given
      const kind = error instanceof Error ? error.name : typeof error
      logger.warn({ ...about, kind }, 'a grant could not be revoked at its provider')
    }
  }
}
