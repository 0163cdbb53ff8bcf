import type { Clock } from '../contracts/clock.ts'
import type { ConnectionRecord, LatestDelivery, StatusReason } from '../contracts/connection.ts'
import type { AttemptRecord, NextState, Settlement } from '../contracts/delivery.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, OutcomeCode } from '../contracts/outcome.ts'
import type { LeasedDelivery } from '../contracts/store.ts'
import { type Decision, decide } from '../delivery/decide.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { DispatcherEvents } from './events.ts'
import type { ExchangeOnce } from './exchange.ts'
import { type DigestContext, type EventLookup, messageOf } from './messages.ts'
import type { Prepared, Preparer } from './prepare.ts'
import { secondTry } from './second-try.ts'

export interface DeliverDeps {
  readonly preparer: Preparer
  readonly exchange: ExchangeOnce
  /** Which attempts are recorded. */
  readonly recordAttempts: 'all' | 'failures'
  /** What a digest of a connection is made with, read when it goes out. */
  readonly digestContext: (record: ConnectionRecord) => Promise<DigestContext>
  readonly clock: Clock
  readonly random: () => number
  readonly emitter: Emitter<DispatcherEvents>
  /** A stored config that no longer parses: makes the connection `incomplete`, with this reason. */
  readonly onConfigInvalid: (record: ConnectionRecord, reason: StatusReason) => Promise<void>
}

export interface Delivered {
  readonly settlement: Settlement
  /** Of the last exchange; absent where none was made. */
  readonly outcome?: Outcome
}

/** Works off one leased delivery. `undefined`: nothing was sent, the lease is to be given back. */
export type Deliver = (
  delivery: LeasedDelivery,
  record: ConnectionRecord,
  eventOf: EventLookup,
  signal: AbortSignal,
) => Promise<Delivered | undefined>

type Settle = Extract<Decision, { kind: 'settle' }>

/** Prepares, exchanges, decides: everything of one delivery between its claim and its settlement. */
export function createDeliver(deps: DeliverDeps): Deliver {
  const { clock, emitter } = deps

  return async (delivery, record, eventOf, signal) => {
    const preparing = deps.preparer.prepare(record)
    const prepared = preparing instanceof Promise ? await preparing : preparing
    if (prepared.kind === 'config_invalid') {
      await deps.onConfigInvalid(record, prepared.reason)
      return undefined
    }
    if (prepared.kind === 'unreadable') return unreadable(delivery)
    const context = delivery.kind === 'digest' ? await deps.digestContext(record) : NO_DIGEST
    const message = messageOf(delivery, (id) => eventOf(delivery.orgId, id), context)
    if (message === 'gone') return nothingLeft(delivery)
    if (message === 'unwanted') return { settlement: untried(delivery, { status: 'cancelled' }) }
    const importance = message.kind === 'event' ? message.event.importance : 'normal'
    const now = clock.now()
    const dueAt = prepared.timing.allowedAt(now, importance)
    if (dueAt > now) return { settlement: untried(delivery, { status: 'pending', dueAt }) }
    if (delivery.kind === 'digest' && delivery.attempts === 0) announceDigest(delivery)
    const attempts: AttemptRecord[] = []
    let outcome = await exchange(delivery, prepared, message, signal, attempts)
    let decision = judge(delivery, prepared, outcome, attempts.length, false)
    if (decision.kind === 'again') {
      const againAt = clock.now() + decision.waitMs
      // quiet hours that begin meanwhile hold for the second try too
      if (prepared.timing.allowedAt(againAt, importance) === againAt) {
        const once = () => exchange(delivery, prepared, message, signal, attempts)
        outcome = await secondTry(once, { waitMs: decision.waitMs, clock, signal }).catch((error: unknown) => {
          // the first exchange was made, and counts, though the second was broken off
          if (signal.aborted) return outcome
          throw error
        })
      }
      decision = judge(delivery, prepared, outcome, attempts.length, true)
    }
    if (decision.kind === 'again') throw new Error('decide asked for a third try in one claim')
    const { next } = decision
    if (next.status === 'pending') {
      const allowed = prepared.timing.allowedAt(next.dueAt, importance)
      if (allowed > next.dueAt) decision = { ...decision, next: { ...next, dueAt: allowed } }
    }
    return { settlement: settlementOf(delivery, outcome, decision, attempts), outcome }
  }

  function announceDigest({ id: deliveryId, orgId, connectionId, messageId, digest }: LeasedDelivery): void {
    if (digest === undefined || !emitter.has('digest.closed')) return
    const { key, total, closedAt, eventIds } = digest
    emitter.emit('digest.closed', {
      orgId,
      connectionId,
      deliveryId,
      messageId,
      key,
      total,
      kept: eventIds.length,
      closedAt,
    })
  }

  async function exchange(
    delivery: LeasedDelivery,
    prepared: Prepared,
    message: Message,
    signal: AbortSignal,
    attempts: AttemptRecord[],
  ): Promise<Outcome> {
    const number = delivery.attempts + attempts.length + 1
    const done = await deps.exchange({ prepared, message, deliveryId: delivery.id, number, signal })
    attempts.push(done.attempt)
    if (emitter.has('delivery.attempted')) {
      emitter.emit('delivery.attempted', {
        ...done.attempt,
        messageId: message.id,
        transport: prepared.transport.name,
        ...(delivery.eventId === undefined ? {} : { eventId: delivery.eventId }),
      })
    }
    return done.outcome
  }

  function judge(
    delivery: LeasedDelivery,
    prepared: Prepared,
    outcome: Outcome,
    exchanges: number,
    quickTried: boolean,
  ): Decision {
    return decide({
      outcome,
      attempts: delivery.attempts + exchanges,
      rounds: delivery.rounds,
      quickTried,
      policy: prepared.policy,
      now: clock.now(),
      random: deps.random,
    })
  }

  function settlementOf(
    delivery: LeasedDelivery,
    outcome: Outcome,
    decision: Settle,
    attempts: readonly AttemptRecord[],
  ): Settlement {
    const at = clock.now()
    const { next, health } = decision
    const settlement: { -readonly [F in keyof Settlement]: Settlement[F] } = {
      orgId: delivery.orgId,
      deliveryId: delivery.id,
      connectionId: delivery.connectionId,
      token: delivery.token,
      exchanges: attempts.length,
      attempts: deps.recordAttempts === 'all' ? attempts : attempts.filter((one) => one.outcome !== 'delivered'),
      next,
      at,
    }
    const latest: { -readonly [F in keyof LatestDelivery]: LatestDelivery[F] } = {
      deliveryId: delivery.id,
      status: next.status,
      at,
    }
    settlement.health = { kind: health, failures: health === 'failure' ? 1 : 0, at, latest }
    if (outcome.status !== undefined) {
      settlement.httpStatus = outcome.status
      latest.httpStatus = outcome.status
    }
    if (outcome.kind !== 'delivered') {
      settlement.code = outcome.code
      latest.code = outcome.code
    }
    if (decision.blockedUntil !== undefined) settlement.blockedUntil = decision.blockedUntil
    if (decision.suspend !== undefined) settlement.suspend = decision.suspend
    return settlement
  }

  /** What is sealed can't be opened here: no exchange, but visible, and tried again in a while. */
  function unreadable(delivery: LeasedDelivery): Delivered {
    const at = clock.now()
    const next = { status: 'pending', dueAt: at + UNREADABLE_PAUSE_MS } as const
    const code: OutcomeCode = 'secret_unreadable'
    const detail = 'the sealed settings or secrets of the connection could not be opened with the keys given'
    return {
      settlement: {
        ...idle(delivery, at, next, code),
        exchanges: 1,
        attempts: [
          {
            deliveryId: delivery.id,
            orgId: delivery.orgId,
            connectionId: delivery.connectionId,
            number: delivery.attempts + 1,
            startedAt: at,
            durationMs: 0,
            outcome: 'retry',
            code,
            detail,
          },
        ],
      },
      outcome: { kind: 'retry', code, detail },
    }
  }

  /** The events were purged while the delivery waited. */
  function nothingLeft(delivery: LeasedDelivery): Delivered {
    return { settlement: idle(delivery, clock.now(), { status: 'failed', failure: 'abandoned' }, 'abandoned') }
  }

  /** Nothing was sent and nothing went wrong: it is put off, or not wanted any more. */
  function untried(delivery: LeasedDelivery, next: NextState): Settlement {
    const { orgId, id, connectionId, token, code, httpStatus } = delivery
    return {
      orgId,
      deliveryId: id,
      connectionId,
      token,
      exchanges: 0,
      attempts: [],
      next,
      at: clock.now(),
      ...(code === undefined ? {} : { code }),
      ...(httpStatus === undefined ? {} : { httpStatus }),
    }
  }

  function idle(
    delivery: LeasedDelivery,
    at: number,
    next: Exclude<NextState, { status: 'cancelled' }>,
    code: OutcomeCode,
  ): Settlement {
    return {
      orgId: delivery.orgId,
      deliveryId: delivery.id,
      connectionId: delivery.connectionId,
      token: delivery.token,
      exchanges: 0,
      attempts: [],
      next,
      code,
      at,
      health: { kind: 'neutral', failures: 0, at, latest: { deliveryId: delivery.id, status: next.status, at, code } },
    }
  }
}

/** Events need nothing of it. */
const NO_DIGEST: DigestContext = { wants: () => true, single: 'event', subject: () => '' }

const UNREADABLE_PAUSE_MS = 60_000
