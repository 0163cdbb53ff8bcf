import type { Clock, Ids, Logger } from './clock.ts'
import type { Connection, Ref } from './connection.ts'
import type { Encryption } from './encryption.ts'
import type { HttpPort } from './http.ts'
import type { OAuthGrant } from './oauth.ts'
import type { FailedOutcome } from './outcome.ts'
import type { Store } from './store.ts'

export type TokenResult =
  | { readonly ok: true; readonly token: string; readonly expiresAt?: number }
  | { readonly ok: false; readonly outcome: FailedOutcome }

/** Gives the access token of a connection: the host's own, or `storedTokens` from `signalbox/oauth`. */
export interface TokenSource {
  /**
   * Asked for connections whose transport has a `provider`, and for those with a `credentialId`.
   * `rejectedToken`: the destination refused this one; answer another or a failure, never the same again.
   */
  get(
    connection: Connection,
    options: { readonly rejectedToken?: string; readonly signal: AbortSignal },
  ): Promise<TokenResult>
}

/** What a dispatcher lends to its source of tokens. */
export interface TokenSourceParts {
  readonly store: Store
  readonly encryption: Encryption | false
  readonly http: HttpPort
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
}

/** A source that the dispatcher completes with what it has: the same one may serve several dispatchers. */
export interface AttachableTokenSource {
  attach(parts: TokenSourceParts): CredentialSource
}

/**
 * A source that also keeps the grants. A credential belongs to `{ orgId, provider, externalId }`, not to a connection:
 * those that use it hold it, and it is erased and revoked when nobody does.
 */
export interface CredentialSource extends TokenSource {
  /**
   * The `credentialId` under which `save` keeps such a grant. Pure.
   * @throws SignalboxError `invalid_input` (`grant.…`: another provider than those at hand, or malformed)
   */
  idOf(grant: OAuthGrant): string
  /**
   * Keeps a grant for a connection, which need not exist yet but has to within the hour. Replaces the tokens of an
   * earlier grant of the same workspace or account, for all connections that hold it. Answers the `credentialId`.
   * @throws SignalboxError `invalid_input`, like `idOf`
   */
  save(connection: Ref, grant: OAuthGrant): Promise<string>
  /**
   * The connection takes part in a credential that is there already.
   * @throws SignalboxError `not_found` · `invalid_input` (`credentialId` is one of another provider)
   */
  hold(connection: Ref, credentialId: string, provider: string): Promise<void>
  /**
   * The connection has gone, or uses another credential now. With the last holder the credential is erased, and then
   * revoked at the provider (best effort). `keep`: it stays for an hour, so that it can be held again. Never rejects:
   * what fails is logged, and made up for by `upkeep`.
   */
  release(connection: Ref, credentialId: string, options?: { readonly keep?: boolean }): Promise<void>
  /** Erases and revokes everything of an organisation. */
  releaseAll(orgId: string): Promise<void>
  /**
   * Refreshes what has been idle, and erases what no connection uses; where another process does it, or has done it
   * within the hour, nothing. Begins nothing more at `until` (epoch ms) or on `signal`, and goes on there next time.
   */
  upkeep(options: { readonly until: number; readonly signal: AbortSignal }): Promise<void>
  /** Seals up to `limit` (0 or more) credentials with the current key. `remaining` may count at most one page. */
  rekey(options: {
    readonly limit: number
  }): Promise<{ readonly rekeyed: number; readonly remaining: number; readonly unreadable: number }>
  /** Resolves when no refresh is under way. One that has begun is never broken off: its answer could not be had twice. */
  idle(): Promise<void>
}
