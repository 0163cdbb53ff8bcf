import type { Clock, Logger } from '../contracts/clock.ts'
import type { ConnectionRecord, StatusReason } from '../contracts/connection.ts'
import type { Settlement } from '../contracts/delivery.ts'
import type { SettleResult, Store } from '../contracts/store.ts'
import { suspensionFor } from '../delivery/suspension.ts'
import { isSignalboxError } from '../errors.ts'
import type { Emitter } from '../runtime/emitter.ts'
import type { DispatcherEvents } from './events.ts'

export interface AfterSettleDeps {
  readonly store: Store
  readonly suspension: { readonly suspendAfterMs: number; readonly suspendAfterAttempts: number }
  readonly clock: Clock
  readonly logger: Logger
  readonly emitter: Emitter<DispatcherEvents>
}

/** Announces what was settled, and suspends connections that have failed for too long. */
export type AfterSettle = (batch: readonly Settlement[], result: SettleResult) => Promise<void>

export function createAfterSettle(deps: AfterSettleDeps): AfterSettle {
  const { emitter, clock, logger } = deps

  return async (batch, result) => {
    const stale = new Set(result.stale)
    announce(batch, stale)
    const failed = new Set(
      batch.flatMap((one) => (one.health?.kind === 'failure' && !stale.has(one.deliveryId) ? [one.connectionId] : [])),
    )
    for (const connection of result.connections) {
      const ref = { orgId: connection.orgId, connectionId: connection.id }
      if (connection.before.consecutiveFailures > 0 && connection.after.consecutiveFailures === 0) {
        emitter.emit('connection.recovered', { ...ref, failingSince: connection.before.firstFailureAt })
      }
      if (connection.suspended) {
        const reason = batch.find((one) => one.connectionId === connection.id && one.suspend)?.suspend
        if (reason) emitter.emit('connection.suspended', { ...ref, reason })
      } else if (connection.status === 'active' && failed.has(connection.id)) {
        // a delivery that was put off, or a 429, is no failure: a connection that was resumed gets its try
        const reason = suspensionFor(connection.after, deps.suspension, clock.now())
        if (reason && (await changeStatus(deps, connection, 'suspended', reason))) {
          emitter.emit('connection.suspended', { ...ref, reason })
        }
      }
    }
  }

  function announce(batch: readonly Settlement[], stale: ReadonlySet<string>): void {
    const listening = SETTLED_EVENTS.some((name) => emitter.has(name))
    if (stale.size > 0) logger.warn({ deliveries: [...stale] }, 'results came too late: their leases were lost')
    if (!listening) return
    for (const one of batch) {
      if (stale.has(one.deliveryId)) continue
      const event = {
        orgId: one.orgId,
        connectionId: one.connectionId,
        deliveryId: one.deliveryId,
        attempts: one.attempts.at(-1)?.number ?? one.exchanges,
        ...(one.code === undefined ? {} : { code: one.code }),
        ...(one.httpStatus === undefined ? {} : { httpStatus: one.httpStatus }),
      }
      if (one.next.status === 'delivered') emitter.emit('delivery.delivered', event)
      if (one.next.status !== 'failed') continue
      const name = one.next.failure === 'exhausted' ? 'delivery.exhausted' : 'delivery.failed'
      emitter.emit(name, { ...event, failure: one.next.failure })
    }
  }
}

const SETTLED_EVENTS = ['delivery.delivered', 'delivery.failed', 'delivery.exhausted'] as const

/** Takes an active connection out of service. Another change that came first wins; the next failure looks again. */
export async function changeStatus(
  deps: Pick<AfterSettleDeps, 'store' | 'logger'>,
  connection: Pick<ConnectionRecord, 'orgId' | 'id' | 'version'>,
  status: 'suspended' | 'incomplete',
  reason: StatusReason,
): Promise<boolean> {
  try {
    await deps.store.connections.update(connection, { status, reason }, connection.version)
    return true
  } catch (error) {
    if (!isSignalboxError(error, 'conflict') && !isSignalboxError(error, 'not_found')) {
      deps.logger.error({ error, connectionId: connection.id }, 'a connection could not be taken out of service')
    }
    return false
  }
}
