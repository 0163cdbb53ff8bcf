import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { postgresMissing } from '../support/postgres.ts'
import { inFlight } from './journal.ts'
import { ORG, seededRandom } from './settings.ts'
import { summary } from './summary.ts'
import { createWorld, type World } from './world.ts'

const CONCURRENCY = 100
const missing = { sqlite: undefined, postgres: await postgresMissing() }

let world: World | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

/** Starts a process, lets it fill all its places, and asks it to end; `answered`: within its grace. */
async function terminate(store: 'sqlite' | 'postgres', { answered }: { readonly answered: boolean }) {
  const end = Promise.withResolvers<void>()
  const answers = { random: seededRandom(1), delayMs: () => 100, until: end.promise }
  // sends that take long make way for others: the connections keep them from being many times as many
  const worker = { concurrency: CONCURRENCY, perConnection: 32 }
  const opened = await createWorld({ store, answers, worker })
  world = opened
  await opened.dispatch(Array.from({ length: 40 }, (_, n) => `case-${n}`))
  const child = opened.start({ role: 'dispatch', pauseMs: 50, graceMs: answered ? 20_000 : 50 })
  while (opened.receiver.open() < CONCURRENCY) await pause(5)
  child.kill('SIGTERM')
  if (answered) end.resolve()
  const exit = await child.exited
  end.resolve()
  expect(exit, child.stderr()).toEqual({ code: 0, signal: null })
  expect(inFlight(child.journal())).toEqual([])
  const { items: sending } = await opened.store.deliveries.list({ orgId: ORG, status: ['sending'], limit: 100 })
  expect(sending).toEqual([])
  return opened
}

describe.each(['sqlite', 'postgres'] as const)('at SIGTERM with a hundred in flight, on %s, a process', (store) => {
  it.skipIf(missing[store] !== undefined)(
    'finishes them where the grace suffices: nothing arrives twice',
    async () => {
      const { receiver, deliveries, verdict } = await terminate(store, { answered: true })
      const settled = (await deliveries()).filter((delivery) => delivery.status === 'delivered')
      expect(settled.length).toBe(receiver.receipts.length)
      expect(settled.length).toBeGreaterThanOrEqual(CONCURRENCY)

      const { problems, duplicated, cutOff, errors } = await verdict(30_000)
      expect({ problems, duplicated, cutOff, errors }).toEqual({ problems: [], duplicated: 0, cutOff: 0, errors: [] })
    },
    60_000,
  )

  it.skipIf(missing[store] !== undefined)(
    'gives them back where it does not: due at once, no lease is left to run out',
    async () => {
      const opened = await terminate(store, { answered: false })
      const now = Date.now()
      const pending = await opened.store.deliveries.list({ orgId: ORG, status: ['pending'], limit: 1000 })
      expect(pending.items.length).toBeGreaterThanOrEqual(CONCURRENCY)
      expect(pending.items.filter((delivery) => delivery.dueAt > now)).toEqual([])

      // what was cut off in flight may come twice, never more often
      const verdict = await opened.verdict(30_000)
      expect(verdict.problems, summary(verdict)).toEqual([])
      expect(verdict.cutOff, summary(verdict)).toBeGreaterThanOrEqual(CONCURRENCY)
      expect(verdict.duplicated, summary(verdict)).toBeLessThanOrEqual(verdict.cutOff)
    },
    60_000,
  )
})
