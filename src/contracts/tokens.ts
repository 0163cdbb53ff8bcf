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

/** A source that also keeps the grants. Credentials belong to `{ orgId, provider, externalId }`, not to a connection. */
export interface CredentialSource extends TokenSource {
  /**
   * Keeps a grant for a connection (which need not exist yet), replacing the tokens of an earlier grant of the same
   * workspace or account. Answers the `credentialId`. @throws SignalboxError `invalid_input` (unknown provider)
   */
  save(connection: Ref, grant: OAuthGrant): Promise<string>
  /** The connection takes part in a credential that is there already. @throws SignalboxError `not_found` */
  hold(connection: Ref, credentialId: string): Promise<void>
  /** The connection has gone. With the last one the credential is erased, and then revoked at the provider (best effort). */
  release(connection: Ref, credentialId: string): Promise<void>
  /** Erases and revokes everything of an organisation. */
  releaseAll(orgId: string): Promise<void>
  /** Refreshes what has been idle, and drops what no connection holds. Ends early at `until` (epoch ms) or on `signal`. */
  upkeep(options: { readonly until: number; readonly signal: AbortSignal }): Promise<void>
  /** Seals up to `limit` credentials with the current key. `remaining` may count at most one page. */
  rekey(options: {
    readonly limit: number
  }): Promise<{ readonly rekeyed: number; readonly remaining: number; readonly unreadable: number }>
}
