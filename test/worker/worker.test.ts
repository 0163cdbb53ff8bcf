import { expect, it } from 'vitest'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createRecorder } from '../../src/testing/index.ts'

/** A claim that begins beside a settle looks before the settle's changes are there, and answers after them. */
function looksTooEarly(store: Store): Store {
  let settling: Promise<unknown> | undefined
  return {
    ...store,
    deliveries: {
      ...store.deliveries,
      settle(settlements) {
        const done = new Promise((resolve) => setTimeout(resolve, 2)).then(() => store.deliveries.settle(settlements))
        settling = done
        return done
      },
      async claim(request) {
        const result = await store.deliveries.claim(request)
        await settling
        await new Promise(setImmediate)
        return result
      },
    },
  }
}

it('works on where a claim overlooked what a settle beside it made room for', async () => {
  const dispatcher = createDispatcher({
    store: looksTooEarly(memoryStore()),
    transports: [createRecorder().transport()],
    worker: { perConnection: 1 },
  })
  await dispatcher.connections.create({ orgId: 'org_1', transport: 'recorder', config: {} })
  const event = { orgId: 'org_1', type: 'case_assigned', title: 'A case', body: '', href: 'https://app.example.com/1' }
  await dispatcher.dispatchMany(Array.from({ length: 20 }, () => event))
  const { delivered, nextDueAt } = await dispatcher.tick()
  expect({ delivered, nextDueAt }).toEqual({ delivered: 20, nextDueAt: null })
  await dispatcher.close()
})
