import type { Connection } from './connection.ts'
import type { FailedOutcome } from './outcome.ts'

export type TokenResult =
  | { readonly ok: true; readonly token: string; readonly expiresAt?: number }
  | { readonly ok: false; readonly outcome: FailedOutcome }

/** Gives the access token of a connection: the host's own, or `storedTokens` from `signalbox/oauth`. */
export interface TokenSource {
  /** `rejectedToken`: the destination refused this one; answer another or a failure, never the same again. */
  get(
    connection: Connection,
    options: { readonly rejectedToken?: string; readonly signal: AbortSignal },
  ): Promise<TokenResult>
}
