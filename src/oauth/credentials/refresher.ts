import type { Clock, Ids, Logger } from '../../contracts/clock.ts'
import type { HttpPort } from '../../contracts/http.ts'
import type { OAuthProvider, RefreshResult } from '../../contracts/oauth.ts'
import type { FailedOutcome } from '../../contracts/outcome.ts'
import { redactor } from '../../http/redact.ts'
import { pause } from '../../runtime/pause.ts'
import {
  backedOff,
  begun,
  type Credential,
  deadOutcome,
  died,
  isSameGrant,
  isTaken,
  type KeptOutcome,
  type RefreshState,
  renewed,
  retryOutcome,
} from './credential.ts'
import type { CredentialName } from './name.ts'
import type { CredentialRepository } from './repository.ts'

export type RefreshEnd =
  | { readonly kind: 'refreshed'; readonly credential: Credential }
  /** `retry`: for now. `reauthorize`: the credential is dead. */
  | { readonly kind: 'failed'; readonly outcome: FailedOutcome }
  /** Somebody else got there first: look again. */
  | { readonly kind: 'changed' }

export interface Refresher {
  /** The credential with the newest tokens that this process knows of. */
  read(name: CredentialName): Promise<Credential | undefined>
  /** Exchanges the refresh token of `seen`, once over all processes. Calls for the same one share the answer. */
  refresh(name: CredentialName, seen: Credential): Promise<RefreshEnd>
  /** Whether this process is about it. */
  isRefreshing(name: CredentialName): boolean
  /** Gives up what could not be written yet, and answers it. */
  forget(name: CredentialName): Credential | undefined
  /** Resolves when nothing is under way. */
  idle(): Promise<void>
}

/** How long the provider may take, in ms. */
const ANSWER_MS = 10_000
/** … and how long its answer may take to be written: another process takes over after both. */
const WRITE_MS = 20_000
/** Waits between the tries to write new tokens, in ms. */
const WRITE_PAUSES_MS = [100, 400, 1500, 5000]
/** After the first failed refresh; doubled by each further one. */
const FIRST_BACK_OFF_MS = 5000
const MAX_BACK_OFF_MS = 300_000
/** A longer `Retry-After` is cut to this. */
const MAX_RETRY_AFTER_MS = 3_600_000
const MAX_DETAIL_LENGTH = 500
const MAX_PROVIDER_CODE_LENGTH = 100

export interface RefresherDeps {
  readonly repository: CredentialRepository
  readonly providers: ReadonlyMap<string, OAuthProvider>
  /** Ends tokens that nobody will use, at the provider. */
  readonly revoke: (name: CredentialName, credential: Credential) => Promise<void>
  readonly http: HttpPort
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
}

/**
 * One refresh of each generation, over all processes. A lease in the entry is written before the provider is asked, and
 * taken away with the answer; where its holder dies in between, it runs out, and the next one asks once more: a provider
 * that revokes used refresh tokens then says so, and the credential is dead.
 */
export function createRefresher(deps: RefresherDeps): Refresher {
  const { repository, clock, logger } = deps
  const flights = new Map<string, { readonly generation: number; readonly end: Promise<RefreshEnd> }>()
  /** Answers that could not be written: the only copies of tokens whose predecessors may be revoked. */
  const unwritten = new Map<
    string,
    { readonly name: CredentialName; readonly from: Credential; readonly to: Credential }
  >()

  async function run(name: CredentialName, generation: number): Promise<RefreshEnd> {
    const provider = deps.providers.get(name.provider)
    if (provider === undefined) {
      const detail = `the dispatcher's tokens have no provider named ${name.provider}`
      return { kind: 'failed', outcome: { kind: 'retry', code: 'provider_error', detail } }
    }
    let deadlineAt = 0
    const leased = await repository.change(name, (current) => {
      const now = clock.now()
      const isMine = current?.generation === generation && current.dead === undefined && !isTaken(current.refresh, now)
      if (!isMine || current.refreshToken === undefined) return 'leave'
      // fixed here: where the write takes too long, the request is late, and is never sent
      deadlineAt = now + ANSWER_MS
      return begun(current, deps.ids('lse'), deadlineAt + WRITE_MS)
    })
    if (leased === 'leave') return { kind: 'changed' }
    const result = await ask(provider, name, leased, deadlineAt)
    return result.ok ? keep(name, leased, result) : fail(name, leased, result.outcome)
  }

  async function ask(
    provider: OAuthProvider,
    name: CredentialName,
    { refreshToken = '', scopes }: Credential,
    deadlineAt: number,
  ): Promise<RefreshResult> {
    try {
      const { http } = deps
      const result = await provider.refresh(refreshToken, { http, now: clock.now(), deadlineAt, scopes })
      if (!result.ok || (typeof result.accessToken === 'string' && result.accessToken !== '')) return result
    } catch (error) {
      // its message may quote what it was given
      const kind = error instanceof Error ? error.name : typeof error
      logger.error({ ...about(name), kind }, 'a provider threw instead of answering a refresh')
    }
    const detail = 'the provider gave no usable answer'
    return { ok: false, outcome: { kind: 'retry', code: 'provider_error', ambiguous: true, detail } }
  }

  async function keep(
    name: CredentialName,
    from: Credential,
    result: Extract<RefreshResult, { ok: true }>,
  ): Promise<RefreshEnd> {
    // only the expiry is always the new one's: without one, the new token has none
    const { accessToken, refreshToken = from.refreshToken, expiresAt, scopes = from.scopes } = result
    const to = renewed(from, { accessToken, refreshToken, expiresAt, scopes }, clock.now())
    unwritten.set(name.key, { name, from, to })
    for (const waitMs of [...WRITE_PAUSES_MS, undefined]) {
      try {
        return await write(name)
      } catch (error) {
        if (waitMs === undefined) {
          logger.error({ ...about(name), error }, 'new tokens could not be stored; this process alone has them')
          break
        }
        await pause(clock, waitMs)
      }
    }
    return { kind: 'refreshed', credential: to }
  }

  /** Writes what is unwritten of a credential, unless the entry has newer tokens or is gone. */
  async function write(name: CredentialName): Promise<RefreshEnd> {
    const mine = unwritten.get(name.key)
    if (mine === undefined) return { kind: 'changed' }
    const { from, to } = mine
    let isGone = false
    const written = await repository.change(name, (current) => {
      isGone = current === undefined
      // over a later lease, back-off or death too: whoever wrote those did not have these tokens
      if (current === undefined || !isSameGrant(current, from)) return 'leave'
      return { ...to, holders: current.holders, heldAt: current.heldAt }
    })
    if (unwritten.get(name.key) === mine) unwritten.delete(name.key)
    if (written !== 'leave') return { kind: 'refreshed', credential: written }
    if (isGone) await deps.revoke(name, to)
    return { kind: 'changed' }
  }

  async function fail(name: CredentialName, leased: Credential, outcome: FailedOutcome): Promise<RefreshEnd> {
    const kept = keepable(outcome, leased)
    const isDead = outcome.kind === 'reauthorize' || outcome.kind === 'gone'
    const waitMs = backOffMs(leased.refresh, outcome)
    const interrupted = outcome.kind === 'retry' && outcome.ambiguous === true
    const now = clock.now()
    let end: FailedOutcome = isDead ? deadOutcome(kept) : retryOutcome(kept, waitMs)
    try {
      const changed = await repository.change(name, (current) => {
        // another lease came after ours: the verdict on the token is its holder's, who asked later
        const isOurs =
          current !== undefined && isSameGrant(current, leased) && current.refresh?.by === leased.refresh?.by
        if (!isOurs) return 'leave'
        return isDead ? died(current, kept, now) : backedOff(current, now + waitMs, kept, { interrupted })
      })
      if (changed === 'leave') return { kind: 'changed' }
      if (changed.dead !== undefined) end = deadOutcome(changed.dead)
    } catch (error) {
      // the lease runs out, and the provider is asked again
      logger.error({ ...about(name), error }, 'a failed refresh could not be stored')
    }
    const { code, providerCode, status } = kept
    logger.warn(
      { ...about(name), code, providerCode, status },
      isDead ? 'the provider refused a refresh token: connect again' : 'a token could not be refreshed for now',
    )
    return { kind: 'failed', outcome: end }
  }

  return {
    async read(name) {
      const mine = unwritten.get(name.key)
      if (mine !== undefined && !flights.has(name.key)) {
        try {
          await write(name)
        } catch {
          return mine.to
        }
      }
      return repository.read(name)
    },
    refresh(name, seen) {
      const running = flights.get(name.key)
      if (running?.generation === seen.generation) return running.end
      if (running !== undefined) {
        const changed = { kind: 'changed' } as const
        return running.end.then(
          () => changed,
          () => changed,
        )
      }
      const end = run(name, seen.generation).finally(() => flights.delete(name.key))
      flights.set(name.key, { generation: seen.generation, end })
      return end
    },
    isRefreshing: (name) => flights.has(name.key),
    forget(name) {
      const mine = unwritten.get(name.key)
      unwritten.delete(name.key)
      return mine?.to
    },
    async idle() {
      while (flights.size > 0) await Promise.allSettled([...flights.values()].map(({ end }) => end))
      for (const { name } of unwritten.values()) {
        try {
          await write(name)
        } catch (error) {
          logger.error({ ...about(name), error }, 'new tokens are lost: they could not be stored')
        }
      }
    },
  }
}

function backOffMs(refresh: RefreshState | undefined, outcome: FailedOutcome): number {
  const grown = Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(20, (refresh?.attempts ?? 1) - 1))
  const asked = outcome.kind === 'retry' ? (outcome.retryAfterMs ?? 0) : 0
  return Math.max(grown, Math.min(MAX_RETRY_AFTER_MS, asked))
}

/** What may be kept and shown of a provider's outcome. */
function keepable(outcome: FailedOutcome, { accessToken, refreshToken = '' }: Credential): KeptOutcome {
  const redact = redactor([accessToken, refreshToken])
  const text = (value: string, most: number): string => redact(value).slice(0, most).toWellFormed()
  const { code, status, providerCode, detail } = outcome
  return {
    code,
    ...(status === undefined ? {} : { status }),
    ...(providerCode === undefined ? {} : { providerCode: text(providerCode, MAX_PROVIDER_CODE_LENGTH) }),
    ...(detail === undefined ? {} : { detail: text(detail, MAX_DETAIL_LENGTH) }),
  }
}

function about({ orgId, id }: CredentialName): { readonly orgId: string; readonly credentialId: string } {
  return { orgId, credentialId: id }
}
