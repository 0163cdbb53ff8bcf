import type { HttpPort } from './http.ts'
import type { FailedOutcome } from './outcome.ts'

/** What an OAuth grant gave: one workspace or account, with its tokens. */
export interface OAuthGrant {
  /** The provider's `name`. */
  readonly provider: string
  /** Stable at the provider: a Slack team's id, a Microsoft tenant and user. With `provider` and `orgId` it names the credential. */
  readonly externalId: string
  /** For people: the workspace's or account's name. */
  readonly accountName?: string
  readonly accessToken: string
  readonly refreshToken?: string
  /** Epoch ms; absent: the access token does not expire. */
  readonly expiresAt?: number
  readonly scopes: readonly string[]
  /** What the grant itself chose of a connection's config: Slack's workspace, channel and its webhook's URL, a secret. */
  readonly config?: Readonly<Record<string, string>>
}

export type RefreshResult =
  | {
      readonly ok: true
      readonly accessToken: string
      /** Absent: the one that was used stays. */
      readonly refreshToken?: string
      /** Epoch ms. */
      readonly expiresAt?: number
      readonly scopes?: readonly string[]
    }
  /** `reauthorize`: the grant is dead. `retry`: try later; `ambiguous`: the provider may have used the refresh token up. */
  | { readonly ok: false; readonly outcome: FailedOutcome }

/** What calls of a provider need from around them. */
export interface OAuthCallOptions {
  /** @default the provider's own `undiciHttp()` */
  readonly http?: HttpPort
  /** Epoch ms. @default the present */
  readonly now?: number
  /** Epoch ms, on the port's clock, by which each exchange has ended. @default `now` + 10 s */
  readonly deadlineAt?: number
  /** Shutdown. */
  readonly signal?: AbortSignal
}

export interface AuthorizeUrlOptions {
  /** From `oauthStates().issue`, or the host's own. Comes back with the code. */
  readonly state: string
  /** PKCE (RFC 7636, S256). Microsoft requires it; Slack, where a server proves itself by its secret, is not sent it. */
  readonly codeChallenge?: string
  /**
   * Ignored, so that what `oauthStates().issue` answers can be given as it is. It stays with this browser, in its cookie:
   * in a URL it would prove nothing.
   */
  readonly nonce?: string
  /** Asked for instead of the provider's. */
  readonly scopes?: readonly string[]
  /** Further query parameters, e.g. Slack's `team`, Microsoft's `login_hint` and `prompt`. */
  readonly parameters?: Readonly<Record<string, string>>
}

/** One kind of OAuth: where people approve, and how codes and refresh tokens become tokens. */
export interface OAuthProvider {
  /** `slack`, `microsoft`, …: the `provider` of its grants, and of the transports that use them. */
  readonly name: string
  /** Where to send the browser. */
  authorizeUrl(options: AuthorizeUrlOptions): string
  /**
   * Turns the code of the redirect into a grant. A code works once.
   * @throws SignalboxError `invalid_input` where the provider refuses the code or the client, naming its word ·
   * HttpError where no usable answer came: not reached, not in time, 429, 5xx, unreadable · `signal.reason`
   */
  exchange(code: string, options?: OAuthCallOptions & { readonly codeVerifier?: string }): Promise<OAuthGrant>
  /**
   * An expected failure is data, `retry` or `reauthorize`; throws only `signal.reason`.
   * `scopes`: those of the grant, for providers that want to be told again; absent: the grant's, as they know them.
   */
  refresh(
    refreshToken: string,
    options?: OAuthCallOptions & { readonly scopes?: readonly string[] },
  ): Promise<RefreshResult>
  /**
   * Ends the grant at the provider. Best effort: answers whether the provider confirmed it; throws only
   * `signal.reason`. Absent where the provider has no such call.
   */
  revoke?(tokens: Pick<OAuthGrant, 'accessToken' | 'refreshToken'>, options?: OAuthCallOptions): Promise<boolean>
}
