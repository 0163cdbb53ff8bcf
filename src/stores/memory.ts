import type { Store } from '../contracts/index.ts'
import { connectionRepository } from './memory/connections.ts'
import { deliveryRepository } from './memory/deliveries.ts'
import { digestRepository } from './memory/digest-repository.ts'
import { eventRepository } from './memory/events.ts'
import { keyRepository } from './memory/keys.ts'
import { createState } from './memory/state.ts'

/**
 * A {@link Store} that lives and ends with the process: for tests, scripts, and hosts that can afford to lose what was
 * not delivered yet. It keeps the whole contract, fairness, pace and fencing included, for any number of dispatchers
 * that share it. About 0.3 KB for each delivery, and what its event is; `purge` takes back what has ended.
 *
 * @example
 * ```ts
 * const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()] })
 * ```
 */
export function memoryStore(): Store {
  const state = createState()
  return {
    name: 'memory',
    capabilities: { tx: false, durable: false },
    connections: connectionRepository(state),
    events: eventRepository(state),
    deliveries: deliveryRepository(state),
    digests: digestRepository(state),
    keys: keyRepository(state),
    setup: async () => {},
    close: async () => {},
  }
}
