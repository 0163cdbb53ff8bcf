import type { Clock } from '../contracts/clock.ts'
import type { EventBase } from '../contracts/event.ts'
import { invalidInput } from '../errors.ts'
import type { Worker } from '../worker/worker.ts'
import type { Acceptor } from './accept.ts'
import type { DispatchedDelivery, DispatchOptions, DispatchResult } from './types.ts'

const DEFAULT_WAIT_MS = 10_000
const MAX_WAIT_MS = 600_000

/** Accepts an event and makes the first attempts of its deliveries; what has not ended in time stays durable. */
export async function dispatchAndWait(
  event: EventBase,
  options: DispatchOptions,
  deps: {
    readonly acceptor: Acceptor
    readonly worker: Worker
    readonly clock: Clock
    /** For what was not attempted here: someone else is to. */
    readonly onLeft: (left: readonly { readonly deliveryId: string; readonly dueAt: number }[]) => void
  },
): Promise<DispatchResult> {
  if (options.tx !== undefined)
    throw invalidInput('wait', 'is not possible with `tx`: nothing is sent before the commit')
  const waitMs = options.waitMs ?? DEFAULT_WAIT_MS
  if (!(waitMs >= 0 && waitMs <= MAX_WAIT_MS)) throw invalidInput('waitMs', `must be from 0 to ${MAX_WAIT_MS} ms`)
  const until = deps.clock.now() + waitMs
  const result = await deps.acceptor.accept(event, { ...options, quiet: true })
  const { worked } = await deps.worker.attempt(
    result.deliveries.map((one) => one.id),
    until,
  )
  const left: { deliveryId: string; dueAt: number }[] = []
  const deliveries = result.deliveries.map((delivery): DispatchedDelivery => {
    const done = worked.get(delivery.id)
    if (done === undefined) {
      left.push({ deliveryId: delivery.id, dueAt: delivery.dueAt })
      return delivery
    }
    return {
      ...delivery,
      status: done.next.status,
      dueAt: done.next.status === 'pending' ? done.next.dueAt : delivery.dueAt,
      ...(done.outcome === undefined ? {} : { outcome: done.outcome }),
    }
  })
  if (left.length > 0) deps.onLeft(left)
  return { ...result, deliveries }
}
