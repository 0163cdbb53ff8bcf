import { activeSecrets } from '../connections/vault.ts'
import type { Clock } from '../contracts/clock.ts'
import type { AttemptRecord } from '../contracts/delivery.ts'
import type { HttpPort } from '../contracts/http.ts'
import type { Message } from '../contracts/message.ts'
import type { FailedOutcome, Outcome } from '../contracts/outcome.ts'
import type { TokenResult, TokenSource } from '../contracts/tokens.ts'
import type { SendContext, Transport } from '../contracts/transport.ts'
import { redactor, truncateSnippet } from '../http/redact.ts'
import type { Prepared } from './prepare.ts'

/** One exchange with a destination, and its record. */
export interface Exchange {
  readonly outcome: Outcome
  readonly attempt: AttemptRecord
}

export interface ExchangeInput {
  readonly prepared: Prepared
  readonly message: Message
  readonly deliveryId: string
  /** 1 for the first of this delivery. */
  readonly number: number
  /** Shutdown. */
  readonly signal: AbortSignal
}

/** Builds, gets the token, signs, guards, sends, classifies, records. The one way out, for worker, `test` and `send`. */
export type ExchangeOnce = (input: ExchangeInput) => Promise<Exchange>

const DEFAULT_DEADLINE_MS = 10_000
const MAX_DETAIL_LENGTH = 500
const MAX_PROVIDER_CODE_LENGTH = 100
const MAX_RECEIPT_LENGTH = 1000

export function createExchange(deps: {
  readonly http: HttpPort
  readonly clock: Clock
  readonly tokens: TokenSource | undefined
}): ExchangeOnce {
  const shared = createSharedPayloads()
  const ofTokens = createRedactors()

  function payloadOf({ transport, connection, variant }: Prepared, message: Message): unknown {
    // a digest is one connection's own, and its events follow what that one wants when it goes out
    if (variant === undefined || message.kind !== 'event') return transport.build(message, connection)
    const eventId = message.event.id
    const known = shared.get(message.id)
    if (known?.transport === transport && known.variant === variant && known.eventId === eventId) return known.payload
    const payload = transport.build(message, connection)
    shared.set(message.id, { transport, variant, eventId, payload })
    return payload
  }

  async function sendWithToken(input: ExchangeInput, payload: unknown): Promise<[Outcome, string[]]> {
    const { prepared, signal } = input
    if (deps.tokens === undefined) return [tokenMissing, []]
    const first = await tokenOf(deps.tokens, prepared, { signal })
    if (!first.ok) return [first.outcome, []]
    // a refresh may have taken a while
    const outcome = await send(input, payload, deps.clock.now(), first.token)
    if (outcome.kind !== 'retry' || outcome.code !== 'token_expired') return [outcome, [first.token]]
    const second = await tokenOf(deps.tokens, prepared, { rejectedToken: first.token, signal })
    if (!second.ok) return [second.outcome, [first.token]]
    const again = await send(input, payload, deps.clock.now(), second.token)
    const used = [first.token, second.token]
    if (again.kind === 'retry' && again.code === 'token_expired') return [{ ...again, kind: 'reauthorize' }, used]
    return [again, used]
  }

  function send(input: ExchangeInput, payload: unknown, now: number, token: string | undefined): Promise<Outcome> {
    const { prepared, message, deliveryId, number, signal } = input
    const context: SendContext = {
      connection: prepared.connection,
      secrets: activeSecrets(prepared.secrets, now),
      http: deps.http,
      deliveryId,
      messageId: message.id,
      attempt: number,
      now,
      deadlineAt: now + (prepared.transport.deadlineMs ?? DEFAULT_DEADLINE_MS),
      signal,
    }
    return prepared.transport.send(payload, token === undefined ? context : { ...context, token })
  }

  return async (input) => {
    const startedAt = deps.clock.now()
    let outcome: Outcome
    let tokens: string[] = []
    let payload: unknown
    try {
      payload = payloadOf(input.prepared, input.message)
    } catch {
      // A builder is pure: the same message would fail for ever.
      outcome = { kind: 'rejected', code: 'transport_threw', detail: 'the transport could not build this message' }
      return { outcome, attempt: record(input, outcome, startedAt, deps.clock.now()) }
    }
    try {
      if (needsToken(input.prepared)) [outcome, tokens] = await sendWithToken(input, payload)
      else outcome = await send(input, payload, startedAt, undefined)
    } catch (error) {
      if (input.signal.aborted) throw error
      outcome = { kind: 'retry', code: 'transport_threw', ambiguous: true, detail: 'the transport threw an error' }
    }
    const { redact } = input.prepared
    outcome = clean(outcome, tokens.length === 0 ? redact : (text) => redact(ofTokens(tokens)(text)))
    return { outcome, attempt: record(input, outcome, startedAt, deps.clock.now()) }
  }
}

/** What a source throws may quote its tokens. Nothing was sent: not `ambiguous`. @throws `signal.reason` */
async function tokenOf(
  tokens: TokenSource,
  { connection }: Prepared,
  options: Parameters<TokenSource['get']>[1],
): Promise<TokenResult> {
  try {
    return await tokens.get(connection, options)
  } catch (error) {
    if (options.signal.aborted) throw error
    return {
      ok: false,
      outcome: { kind: 'retry', code: 'transport_threw', detail: 'the source of tokens threw an error' },
    }
  }
}

function needsToken({ transport, connection }: Pick<Prepared, 'transport' | 'connection'>): boolean {
  return transport.provider !== undefined || connection.credentialId !== undefined
}

interface SharedPayload {
  readonly transport: Transport
  readonly variant: string
  readonly eventId: string
  readonly payload: unknown
}

/**
 * The latest payload of each of the latest messages, for the other connections that want it. Two generations: the older
 * one is dropped when the younger is full.
 */
function createSharedPayloads() {
  let young = new Map<string, SharedPayload>()
  let old = new Map<string, SharedPayload>()
  return {
    get: (messageId: string): SharedPayload | undefined => young.get(messageId) ?? old.get(messageId),
    set(messageId: string, payload: SharedPayload): void {
      if (young.size === GENERATION_SIZE) {
        old = young
        young = new Map()
      }
      young.set(messageId, payload)
    },
  }
}

const GENERATION_SIZE = 32

const MAX_REDACTORS = 64

/** What takes tokens out of texts: to make it costs more than to use it, and a workspace's channels share a token. */
function createRedactors(): (tokens: readonly string[]) => (text: string) => string {
  const known = new Map<string, (text: string) => string>()
  return (tokens) => {
    const key = tokens.join('\n')
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size === MAX_REDACTORS) known.clear()
    const made = redactor(tokens)
    known.set(key, made)
    return made
  }
}

const tokenMissing: FailedOutcome = {
  kind: 'reauthorize',
  code: 'token_missing',
  detail: 'the dispatcher has no source of tokens',
}

/** Nothing of what came back is kept before known secrets and their usual shapes are taken out of it. */
function clean(outcome: Outcome, redact: (text: string) => string): Outcome {
  const text = (value: string, most: number): string => redact(value).slice(0, most).toWellFormed()
  const snippet = outcome.snippet === undefined ? {} : { snippet: truncateSnippet(redact(outcome.snippet)) }
  if (outcome.kind === 'delivered') {
    if (outcome.receipt === undefined) return { ...outcome, ...snippet }
    const receipt = Object.entries(outcome.receipt).map(([key, value]) => [key, text(value, MAX_RECEIPT_LENGTH)])
    return { ...outcome, ...snippet, receipt: Object.fromEntries(receipt) }
  }
  const { detail, providerCode } = outcome
  return {
    ...outcome,
    ...snippet,
    ...(detail === undefined ? {} : { detail: text(detail, MAX_DETAIL_LENGTH) }),
    ...(providerCode === undefined ? {} : { providerCode: text(providerCode, MAX_PROVIDER_CODE_LENGTH) }),
  }
}

/** Fields are added where they are known: spreading a dozen optional ones costs more than the rest of the record. */
function record(input: ExchangeInput, outcome: Outcome, startedAt: number, endedAt: number): AttemptRecord {
  const { id, orgId } = input.prepared.record
  const attempt: { -readonly [F in keyof AttemptRecord]: AttemptRecord[F] } = {
    deliveryId: input.deliveryId,
    orgId,
    connectionId: id,
    number: input.number,
    startedAt,
    durationMs: Math.max(0, endedAt - startedAt),
    outcome: outcome.kind,
  }
  if (outcome.status !== undefined) attempt.status = outcome.status
  if (outcome.snippet !== undefined) attempt.snippet = outcome.snippet
  if (outcome.kind === 'delivered') return attempt
  attempt.code = outcome.code
  if (outcome.providerCode !== undefined) attempt.providerCode = outcome.providerCode
  if (outcome.detail !== undefined) attempt.detail = outcome.detail
  if (outcome.kind === 'retry' && outcome.retryAfterMs !== undefined) attempt.retryAfterMs = outcome.retryAfterMs
  return attempt
}
