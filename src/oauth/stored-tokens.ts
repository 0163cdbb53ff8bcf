import type { OAuthProvider } from '../contracts/oauth.ts'
import type { AttachableTokenSource } from '../contracts/tokens.ts'
import { createSealer } from '../encryption/sealer.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { createAnswers } from './credentials/answer.ts'
import { createHolders } from './credentials/holders.ts'
import { PROVIDER_NAME } from './credentials/name.ts'
import { createRefresher } from './credentials/refresher.ts'
import { createRekey } from './credentials/rekey.ts'
import { createRepository } from './credentials/repository.ts'
import { createRevoke } from './credentials/revoke.ts'
import { createUpkeep } from './credentials/upkeep.ts'

export interface StoredTokensOptions {
  /** Whose grants are kept. Names are unique. */
  readonly providers: readonly OAuthProvider[]
  /**
   * How long before its end an access token is refreshed, in ms; at most half of its life. Meanwhile the old one is
   * still used. @default 300_000 (5 minutes)
   */
  readonly refreshBeforeMs?: number
  /**
   * A credential that was not refreshed for so long is refreshed by the worker or by `tick`, in ms, so that its refresh
   * token does not end for want of use: Microsoft's do after 90 days. @default 2_592_000_000 (30 days)
   */
  readonly idleRefreshMs?: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/**
 * Keeps OAuth grants in the dispatcher's store, sealed by its `encryption`, and gives connections their access tokens:
 * refreshed in time, once over all processes. A workspace or account is one credential of an organisation, `slack:T0123`,
 * whatever number of connections uses it.
 *
 * One process refreshes at a time, for 30 s at most: the clocks of workers must not differ by more than 20 s. One that
 * dies between the provider's answer and its writing loses a refresh token that works once: the credential then ends as
 * `reauthorize`, for all its connections, until someone connects again.
 *
 * @example
 * const slack = slackOAuth({ clientId, clientSecret, redirectUri })
 * const dispatcher = createDispatcher({ store, encryption, transports: [slackTransport()], tokens: storedTokens({ providers: [slack] }) })
 * await dispatcher.connections.connect({ orgId: 'org_1', transport: 'slack', grant: await slack.exchange(code) })
 * @throws SignalboxError `invalid_input` naming the option and the rule
 */
export function storedTokens(options: StoredTokensOptions): AttachableTokenSource {
  checkOptions(options, ['providers', 'refreshBeforeMs', 'idleRefreshMs'])
  const { refreshBeforeMs = 5 * MINUTE_MS, idleRefreshMs = 30 * DAY_MS } = options
  const providers = byName(options.providers)
  checkMs(refreshBeforeMs, 0, DAY_MS, 'refreshBeforeMs')
  checkMs(idleRefreshMs, MINUTE_MS, 365 * DAY_MS, 'idleRefreshMs')

  return {
    attach(parts) {
      const { store, clock, logger, http, ids } = parts
      const { keys } = store
      const sealer = createSealer(parts.encryption)
      const repository = createRepository({ keys, sealer, clock })
      const revoke = createRevoke({ keys, providers, http, clock, logger })
      const refresher = createRefresher({ repository, providers, revoke, http, clock, ids, logger })
      const { erase, ...holders } = createHolders({ store, repository, refresher, providers, revoke, clock, logger })
      return {
        ...holders,
        get: createAnswers({ refresher, refreshBeforeMs, clock, logger }),
        upkeep: createUpkeep({ store, refresher, open: repository.open, erase, idleRefreshMs, clock, logger }),
        rekey: createRekey({ keys, repository, sealer, clock }),
        idle: refresher.idle,
      }
    },
  }
}

function byName(providers: readonly OAuthProvider[]): ReadonlyMap<string, OAuthProvider> {
  if (!Array.isArray(providers) || providers.length === 0) {
    throw invalidInput('providers', 'must name at least one provider, e.g. slackOAuth({ … })')
  }
  const map = new Map<string, OAuthProvider>()
  providers.forEach((provider: OAuthProvider, index) => {
    const field = `providers[${index}]`
    if (typeof provider?.name !== 'string' || typeof provider.refresh !== 'function') {
      throw invalidInput(field, 'must be a provider, e.g. slackOAuth({ … })')
    }
    if (!PROVIDER_NAME.test(provider.name)) {
      throw invalidInput(`${field}.name`, 'must be 1 to 64 characters of A-Z a-z 0-9 . _ -')
    }
    if (map.has(provider.name)) throw invalidInput(field, `the name "${provider.name}" is taken`)
    map.set(provider.name, provider)
  })
  return map
}

function checkMs(value: number, least: number, most: number, field: string): void {
  if (typeof value === 'number' && value >= least && value <= most) return
  throw invalidInput(field, `must be a number of ms from ${least} to ${most}`)
}
