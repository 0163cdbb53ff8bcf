import { expect, it } from 'vitest'
import type { Engine, EngineHandler } from '../../src/contracts/engine.ts'
import type { Store } from '../../src/contracts/store.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { createRecorder, fakeClock } from '../../src/testing/index.ts'

const event = { orgId: 'org_1', type: 'case_assigned', title: 'A case', body: '', href: 'https://app.example.com/1' }

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
  await dispatcher.dispatchMany(Array.from({ length: 20 }, () => event))
  const { delivered, nextDueAt } = await dispatcher.tick()
  expect({ delivered, nextDueAt }).toEqual({ delivered: 20, nextDueAt: null })
  await dispatcher.close()
})

it('a job begins at once when a look at the store ends that held all places and found nothing', async () => {
  const clock = fakeClock()
  const store = memoryStore()
  const looked = Promise.withResolvers<void>()
  const held = Promise.withResolvers<void>()
  let handler: EngineHandler | undefined
  const engine: Engine = {
    name: 'by hand',
    start: (given) => {
      handler = given
    },
    schedule() {},
    stop: async () => {},
  }
  const dispatcher = createDispatcher({
    store: {
      ...store,
      deliveries: {
        ...store.deliveries,
        async claim(request) {
          const result = await store.deliveries.claim(request)
          if (request.ids !== undefined) return result
          looked.resolve()
          await held.promise
          return result
        },
      },
    },
    engine,
    clock,
    transports: [createRecorder().transport()],
  })
  await dispatcher.connections.create({ orgId: 'org_1', transport: 'recorder', config: {} })
  await dispatcher.start()
  const working = handler?.work()
  await looked.promise
  const { deliveries } = await dispatcher.dispatch(event)
  const attempted = handler?.attempt(
    deliveries.map(({ id }) => id),
    clock.now() + 250,
  )
  held.resolve()
  // the clock stands still: at `until` it would never arrive
  expect(await attempted).toEqual({ left: [] })
  await working
  await dispatcher.close()
})
