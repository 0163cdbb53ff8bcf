import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { postgresMissing } from '../support/postgres.ts'
import { inFlight } from './journal.ts'
import type { Child } from './process.ts'
import { ORG, seededRandom } from './settings.ts'
import { standStill } from './stand-still.ts'
import { summary } from './summary.ts'
import { createWorld, type World } from './world.ts'

const missing = { sqlite: undefined, postgres: await postgresMissing() }
const EVENTS = Array.from({ length: 8 }, (_, n) => `case-${n}`)
const CONNECTIONS = 4

let world: World | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

async function until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000
  while (!(await reached())) {
    if (Date.now() > end) throw new Error(`not in time: ${what}`)
    await pause(20)
  }
}

/** Everything that a settlement writes. */
async function written({ store }: World): Promise<unknown> {
  const { items } = await store.deliveries.list({ orgId: ORG, limit: 1000 })
  const attempts = await Promise.all(items.map(({ id }) => store.deliveries.attempts({ orgId: ORG, id })))
  return { items, attempts, connections: (await store.connections.list({ orgId: ORG, limit: 100 })).items }
}

const lostBy = (child: Child): readonly string[] =>
  child.journal().flatMap(({ mark, text }) => (mark === 'lost' ? [text] : []))

describe.each(['sqlite', 'postgres'] as const)(
  'a worker that stands still for longer than its leases, on %s',
  (store) => {
    it.skipIf(missing[store] !== undefined)(
      'finds what another one took over settled: its own results change nothing, and it is told',
      async () => {
        const random = seededRandom(1)
        const overtaken = Promise.withResolvers<void>()
        // a part of what the first one is about to write are failures
        const answers = { random, delayMs: () => 5, until: overtaken.promise, refuse: 0.3 }
        const opened = await createWorld({ store, answers, worker: { concurrency: 32, perConnection: 8 } })
        world = opened
        const { receiver } = opened
        const pending = async (): Promise<number> =>
          (await opened.store.deliveries.list({ orgId: ORG, status: ['pending', 'sending'], limit: 1000 })).items.length

        const first = opened.start({ role: 'work' })
        await first.ready
        await opened.dispatch(EVENTS)
        await until('all are under way', () => receiver.receipts.length >= EVENTS.length * CONNECTIONS)
        await standStill(first, opened.site.store)
        const held = inFlight(first.journal())

        receiver.answer({ until: Promise.resolve(), refuse: 0 })
        const second = opened.start({ role: 'work' })
        await until('the second one has settled all', async () => (await pending()) === 0)
        // now the first one gets its answers, though it does not read them yet
        overtaken.resolve()
        await until('everything is answered', () => receiver.open() === 0)
        const before = await written(opened)

        first.kill('SIGCONT')
        await until('the first one has nothing left', () => inFlight(first.journal()).length === 0)
        expect(held.length).toBeGreaterThan(0)
        expect([...lostBy(first)].sort()).toEqual([...held].sort())
        expect(lostBy(second)).toEqual([])
        expect(await written(opened)).toEqual(before)

        // both go on as if nothing had been
        await opened.dispatch(EVENTS.map((id) => `later-${id}`))
        await until('later ones are settled', async () => (await pending()) === 0)
        const verdict = await opened.verdict(30_000)
        const report = summary(verdict)
        expect([verdict.problems, verdict.errors], report).toEqual([[], []])
        expect(verdict.arrivals, report).toBe(2 * EVENTS.length * CONNECTIONS)
        expect(verdict.duplicated, report).toBeGreaterThan(0)
        expect(verdict.duplicated, report).toBeLessThanOrEqual(held.length)
      },
      60_000,
    )
  },
)
