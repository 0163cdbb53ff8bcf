import type { Clock } from '../contracts/clock.ts'
import type { ConnectionRecord, LatestDelivery } from '../contracts/connection.ts'
import type { AttemptRecord, NextState, Settlement } from '../contracts/delivery.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, OutcomeCode } from '../contracts/outcome.ts'
import type { LeasedDelivery } from '../contracts/store.ts'
import { type Decision, decide } from '../delivery/decide.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { DispatcherEvents } from './events.ts'
import type { ExchangeOnce } from './exchange.ts'
import { eventKey, messageOf } from './messages.ts'
import type { Prepared, Preparer } from './prepare.ts'
import { secondTry } from './second-try.ts'

export interface DeliverDeps {
  readonly preparer: Preparer
  readonly exchange: ExchangeOnce
  /** Which attempts are recorded. */
  readonly recordAttempts: 'all' | 'failures'
  readonly organisation: (orgId: string) => Promise<{ readonly digestUrl?: string }>
  readonly clock: Clock
  readonly random: () => number
  readonly emitter: Emitter<DispatcherEvents>
  /** A stored config that no longer parses: makes the connection `incomplete`, with this reason. */
  readonly onConfigInvalid: (record: ConnectionRecord, text: string) => Promise<void>
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
  events: ReadonlyMap<string, StoredEvent>,
  signal: AbortSignal,
) => Promise<Delivered | undefined>

type Settle = Extract<Decision, { kind: 'settle' }>

/** Prepares, exchanges, decides: everything of one delivery between its claim and its settlement. */
export function createDeliver(deps: DeliverDeps): Deliver {
  const { clock, emitter } = deps

  return async (delivery, record, events, signal) => {
    const preparing = deps.preparer.prepare(record)
    const prepared = preparing instanceof Promise ? await preparing : preparing
    if (prepared.kind === 'config_invalid') {
      await deps.onConfigInvalid(record, prepared.text)
      return undefined
    }
    if (prepared.kind === 'unreadable') return unreadable(delivery)
    const links = delivery.kind === 'digest' ? await deps.organisation(delivery.orgId) : {}
    const message = messageOf(delivery, (id) => events.get(eventKey(delivery.orgId, id)), links)
    if (message === undefined) return nothingLeft(delivery)
    return attempt(delivery, prepared, message, signal)
  }

  async function attempt(
    delivery: LeasedDelivery,
    prepared: Prepared,
    message: Message,
    signal: AbortSignal,
  ): Promise<Delivered> {
    const attempts: AttemptRecord[] = []
    const once = async (): Promise<Outcome> => {
      const number = delivery.attempts + attempts.length + 1
      const exchange = await deps.exchange({ prepared, message, deliveryId: delivery.id, number, signal })
      attempts.push(exchange.attempt)
      if (emitter.has('delivery.attempted')) {
        emitter.emit('delivery.attempted', { ...exchange.attempt, messageId: message.id })
      }
      return exchange.outcome
    }
    const judge = (outcome: Outcome, quickTried: boolean): Decision =>
      decide({
        outcome,
        attempts: delivery.attempts + attempts.length,
        rounds: delivery.rounds,
        quickTried,
        policy: prepared.policy,
        now: clock.now(),
        random: deps.random,
      })

    let outcome = await once()
    let decision = judge(outcome, false)
    if (decision.kind === 'again') {
      outcome = await secondTry(once, { waitMs: decision.waitMs, clock, signal })
      decision = judge(outcome, true)
    }
    if (decision.kind === 'again') throw new Error('decide asked for a third try in one claim')
    return { settlement: settlementOf(delivery, outcome, decision, attempts), outcome }
  }

  function settlementOf(
    delivery: LeasedDelivery,
    outcome: Outcome,
    decision: Settle,
    attempts: readonly AttemptRecord[],
  ): Settlement {
    const at = clock.now()
    const code = outcome.kind === 'delivered' ? undefined : outcome.code
    const { next } = decision
    return {
      orgId: delivery.orgId,
      deliveryId: delivery.id,
      connectionId: delivery.connectionId,
      token: delivery.token,
      exchanges: attempts.length,
      attempts: deps.recordAttempts === 'all' ? attempts : attempts.filter((one) => one.outcome !== 'delivered'),
      next,
      ...(code === undefined ? {} : { code }),
      ...(outcome.status === undefined ? {} : { httpStatus: outcome.status }),
      at,
      health: {
        kind: decision.health,
        failures: decision.health === 'failure' ? 1 : 0,
        at,
        latest: latestOf(delivery.id, next, at, code, outcome.status),
      },
      ...(decision.blockedUntil === undefined ? {} : { blockedUntil: decision.blockedUntil }),
      ...(decision.suspend === undefined ? {} : { suspend: decision.suspend }),
    }
  }

  /** What is sealed can't be opened here: no exchange, but visible, and tried again in a while. */
  function unreadable(delivery: LeasedDelivery): Delivered {
    const at = clock.now()
    const next: NextState = { status: 'pending', dueAt: at + UNREADABLE_PAUSE_MS }
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

  function idle(delivery: LeasedDelivery, at: number, next: NextState, code: OutcomeCode): Settlement {
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
      health: { kind: 'neutral', failures: 0, at, latest: latestOf(delivery.id, next, at, code, undefined) },
    }
  }
}

const UNREADABLE_PAUSE_MS = 60_000

function latestOf(
  deliveryId: string,
  next: NextState,
  at: number,
  code: string | undefined,
  httpStatus: number | undefined,
): LatestDelivery {
  return {
    deliveryId,
    status: next.status,
    at,
    ...(code === undefined ? {} : { code }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  }
}
