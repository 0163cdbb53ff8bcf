import type { Clock, Logger } from '../../contracts/clock.ts'
import type { FailedOutcome } from '../../contracts/outcome.ts'
import type { TokenResult, TokenSource } from '../../contracts/tokens.ts'
import { pause, untilAborted } from '../../runtime/pause.ts'
import { type Credential, EXPIRED, judge, MISSING } from './credential.ts'
import { type CredentialName, nameOfId } from './name.ts'
import type { Refresher } from './refresher.ts'

/** How long one call waits for another process's refresh, in ms. */
const PATIENCE_MS = 12_000
/** How soon it looks again, in ms: doubled each time. A refresh takes a tenth of a second or two. */
const FIRST_POLL_MS = 25
const MAX_POLL_MS = 400

/** The tokens of connections: the current one, a new one, or why there is none. */
export function createAnswers(deps: {
  readonly refresher: Refresher
  readonly refreshBeforeMs: number
  readonly clock: Clock
  readonly logger: Logger
}): TokenSource['get'] {
  const { refresher, refreshBeforeMs, clock, logger } = deps

  async function answer(
    name: CredentialName,
    rejectedToken: string | undefined,
    signal: AbortSignal,
  ): Promise<TokenResult> {
    const patientUntil = clock.now() + PATIENCE_MS
    for (let pollMs = FIRST_POLL_MS; ; ) {
      const credential = await refresher.read(name)
      if (credential === undefined) return failed(MISSING)
      const judgement = judge(credential, { now: clock.now(), rejectedToken, refreshBeforeMs })
      if (judgement.kind === 'token') return token(credential)
      if (judgement.kind === 'failed') return failed(judgement.outcome)
      if (judgement.kind === 'refresh') {
        if (judgement.valid && refresher.isRefreshing(name)) return token(credential)
        const end = await untilAborted(refresher.refresh(name, credential), signal)
        if (end.kind === 'refreshed') {
          // a token that is given again is refused again
          return end.credential.accessToken === rejectedToken ? failed(EXPIRED) : token(end.credential)
        }
        if (end.kind === 'failed') {
          return judgement.valid && end.outcome.kind === 'retry' ? token(credential) : failed(end.outcome)
        }
      }
      const now = clock.now()
      if (now >= patientUntil) return failed(stillRefreshing(judgement.kind === 'wait' ? judgement.until - now : 0))
      if (judgement.kind === 'wait') {
        await pause(clock, pollMs, signal)
        pollMs = Math.min(MAX_POLL_MS, 2 * pollMs)
      }
    }
  }

  return async (connection, { rejectedToken, signal }) => {
    signal.throwIfAborted()
    const { orgId, credentialId } = connection
    const name = credentialId === undefined ? undefined : nameOfId(orgId, credentialId)
    if (name === undefined) return failed(MISSING)
    try {
      return await answer(name, rejectedToken, signal)
    } catch (error) {
      signal.throwIfAborted()
      logger.error({ orgId, credentialId, error }, 'a credential could not be read')
      return failed(UNREADABLE)
    }
  }
}

function token({ accessToken, expiresAt }: Credential): TokenResult {
  return { ok: true, token: accessToken, ...(expiresAt === undefined ? {} : { expiresAt }) }
}

function failed(outcome: FailedOutcome): TokenResult & { readonly ok: false } {
  return { ok: false, outcome }
}

const UNREADABLE: FailedOutcome = {
  kind: 'retry',
  code: 'secret_unreadable',
  detail: 'the stored authorisation could not be read',
}

function stillRefreshing(leftMs: number): FailedOutcome {
  const detail = 'the access token is being refreshed'
  return { kind: 'retry', code: 'timeout', detail, ...(leftMs > 0 ? { retryAfterMs: leftMs } : {}) }
}
