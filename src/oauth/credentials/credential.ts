import type { OAuthGrant } from '../../contracts/oauth.ts'
import type { FailedOutcome } from '../../contracts/outcome.ts'

/** A failure as it is kept: no snippet, nothing secret. */
export type KeptOutcome = Pick<FailedOutcome, 'code' | 'status' | 'providerCode' | 'detail'>

/** Tokens as providers give them. */
export type Tokens = Pick<OAuthGrant, 'accessToken' | 'refreshToken' | 'expiresAt' | 'scopes'>

type GivenTokens = { readonly [F in keyof Tokens]: Tokens[F] | undefined } & Pick<Tokens, 'accessToken' | 'scopes'>

/**
 * How far the refresh of the current generation has got. Written before the provider is asked, so that whoever finds it
 * knows that the refresh token may be used up.
 */
export interface RefreshState {
  /** Refreshes begun of this generation. */
  readonly attempts: number
  /** Epoch ms until which nobody begins another one: the end of a lease, or of a back-off. */
  readonly until: number
  /** Whose lease it is. Absent: nobody's, it failed and backs off. */
  readonly by?: string
  /** Why it backs off. */
  readonly outcome?: KeptOutcome
  /** One ended without an answer: its process died, or the answer did not come. */
  readonly interrupted?: true
}

/** A connection that uses the credential. */
export interface Holder {
  readonly id: string
  /** Epoch ms at which it last said so. */
  readonly since: number
}

/** What one entry of the store holds, sealed as a whole. */
export interface Credential extends Tokens {
  readonly v: 1
  readonly accountName?: string
  /** One higher with each new set of tokens. */
  readonly generation: number
  /** Epoch ms at which these tokens were given. */
  readonly refreshedAt: number
  readonly holders: readonly Holder[]
  /** Epoch ms of the last change of holders. */
  readonly heldAt: number
  readonly refresh?: RefreshState
  /** The provider refused the refresh token: dead until it is granted again. */
  readonly dead?: KeptOutcome & { readonly since: number }
}

/** What a connection that asks for a token is to get. `valid`: the current token works for the time being. */
export type Judgement =
  | { readonly kind: 'token' }
  | { readonly kind: 'failed'; readonly outcome: FailedOutcome }
  | { readonly kind: 'refresh'; readonly valid: boolean }
  /** Someone else is refreshing, and the current token is of no use. `until`: the end of that lease, epoch ms. */
  | { readonly kind: 'wait'; readonly until: number }

/** @param options `now`: epoch ms; `rejectedToken`: the destination refused it. */
export function judge(
  credential: Credential,
  options: { readonly now: number; readonly rejectedToken?: string | undefined; readonly refreshBeforeMs: number },
): Judgement {
  const { now, rejectedToken, refreshBeforeMs } = options
  const { accessToken, refreshToken, expiresAt, refreshedAt, refresh, dead } = credential
  if (dead !== undefined) return { kind: 'failed', outcome: deadOutcome(dead) }
  const valid = accessToken !== rejectedToken && (expiresAt === undefined || now < expiresAt)
  if (valid) {
    if (expiresAt === undefined || refreshToken === undefined) return { kind: 'token' }
    // a token that is given for less than that would be refreshed at each call
    const ahead = Math.min(refreshBeforeMs, (expiresAt - refreshedAt) / 2)
    if (now < expiresAt - ahead) return { kind: 'token' }
  }
  if (refreshToken === undefined) return { kind: 'failed', outcome: EXPIRED }
  if (!isTaken(refresh, now)) return { kind: 'refresh', valid }
  if (valid) return { kind: 'token' }
  if (refresh.by !== undefined) return { kind: 'wait', until: refresh.until }
  return { kind: 'failed', outcome: retryOutcome(refresh.outcome, refresh.until - now) }
}

/** Whether nobody may begin a refresh now. */
export function isTaken(refresh: RefreshState | undefined, now: number): refresh is RefreshState {
  return refresh !== undefined && now < refresh.until
}

/** With the mark that a refresh has begun. */
export function begun(credential: Credential, by: string, until: number): Credential {
  const { attempts = 0, by: lost, interrupted } = credential.refresh ?? {}
  const mark = interrupted === true || lost !== undefined ? { interrupted: true as const } : {}
  return { ...credential, refresh: { attempts: attempts + 1, until, by, ...mark } }
}

/** With new tokens: alive, and with nothing under way. */
export function renewed(
  credential: Pick<Credential, 'generation' | 'holders' | 'heldAt' | 'accountName'>,
  tokens: GivenTokens,
  now: number,
): Credential {
  const { accessToken, refreshToken, expiresAt, scopes } = tokens
  const { generation, holders, heldAt, accountName } = credential
  return {
    v: 1,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    scopes,
    ...(accountName === undefined ? {} : { accountName }),
    generation: generation + 1,
    refreshedAt: now,
    holders,
    heldAt,
  }
}

/** After a refresh that failed for now: nobody tries before `until`. */
export function backedOff(
  credential: Credential,
  until: number,
  outcome: KeptOutcome,
  options: { readonly interrupted: boolean },
): Credential {
  const { attempts = 1, interrupted } = credential.refresh ?? {}
  const mark = interrupted === true || options.interrupted ? { interrupted: true as const } : {}
  return { ...credential, refresh: { attempts, until, outcome, ...mark } }
}

/** After the provider refused the refresh token. */
export function died(credential: Credential, outcome: KeptOutcome, now: number): Credential {
  const { refresh, ...rest } = credential
  const detail = refresh?.interrupted === true ? { detail: INTERRUPTED } : {}
  return { ...rest, dead: { ...outcome, ...detail, since: now } }
}

/** What a refresh of `before` may write on: newer tokens are never replaced by those of an older generation. */
export function isSameGrant(a: Credential, b: Credential): boolean {
  return a.generation === b.generation && a.refreshToken === b.refreshToken
}

/** With `id` among the holders as of `now`. */
export function heldBy(credential: Credential, id: string, now: number): Credential {
  const others = credential.holders.filter((holder) => holder.id !== id)
  return { ...credential, holders: [...others, { id, since: now }], heldAt: now }
}

export function deadOutcome({ since: _, ...outcome }: KeptOutcome & { readonly since?: number }): FailedOutcome {
  return { kind: 'reauthorize', ...outcome }
}

/** Never `ambiguous`: it is the refresh that is uncertain; no message was sent. */
export function retryOutcome(outcome: KeptOutcome | undefined, retryAfterMs: number): FailedOutcome {
  return { kind: 'retry', code: 'provider_error', ...outcome, retryAfterMs }
}

/** The connection has no credential, or one that was erased. */
export const MISSING: FailedOutcome = {
  kind: 'reauthorize',
  code: 'token_missing',
  detail: 'There is no authorisation for this connection; connect again',
}

/** It ended, and there is nothing to refresh it with. */
export const EXPIRED: FailedOutcome = {
  kind: 'reauthorize',
  code: 'token_expired',
  detail: 'The authorisation has expired; connect again',
}

const INTERRUPTED = 'The authorisation was lost when its renewal was interrupted; connect again'

/** What was opened, if it is a credential. */
export function parseCredential(value: unknown): Credential | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { v, accessToken, scopes, generation, holders } = value as Partial<Record<keyof Credential, unknown>>
  const isOne =
    v === 1 &&
    typeof accessToken === 'string' &&
    typeof generation === 'number' &&
    Array.isArray(scopes) &&
    Array.isArray(holders)
  // sealed by this module, or refused by its seal
  return isOne ? (value as Credential) : undefined
}
