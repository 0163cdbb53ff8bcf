import { writeSync } from 'node:fs'
import type { Store } from '../../src/contracts/index.ts'
import { aBatch, claim, delivered, T0 } from '../stores/sqlite/records.ts'

const SIZE = 10

/** At once, whatever happens to this process afterwards. */
function say(what: string, ids: readonly string[]): void {
  if (ids.length > 0) writeSync(1, `${what} ${ids.join(' ')}\n`)
}

/**
 * What a process of `store-processes.ts` does: enqueues so many batches of its own, to `con_0`, `con_1` and `con_2`, and
 * works off whatever is due, its own or not, until nothing has been for a while.
 */
export async function workOn(store: Store, name: string, batches: number): Promise<void> {
  for (let n = 0, idle = 0; n < batches || idle < 20; n++) {
    if (n < batches) {
      const batch = aBatch(`con_${n % 3}`, `${name}_${n}_`, SIZE)
      await store.deliveries.enqueue(batch)
      say(
        'accepted',
        batch.deliveries.map(({ id }) => id),
      )
    }
    const { deliveries } = await claim(store, T0, 7)
    say(
      'leased',
      deliveries.map(({ id }) => id),
    )
    const { stale } = await store.deliveries.settle(deliveries.map((row) => delivered(row)))
    say('stale', stale)
    idle = deliveries.length === 0 ? idle + 1 : 0
    await new Promise(setImmediate)
  }
}
