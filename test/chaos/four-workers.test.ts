import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { postgresMissing } from '../support/postgres.ts'
import { inFlight, type Mark } from './journal.ts'
import type { Child } from './process.ts'
import { seededRandom } from './settings.ts'
import { summary } from './summary.ts'
import { createWorld, type World } from './world.ts'

const missing = await postgresMissing()
const PACE = { perSecond: 20, burst: 5 }
const PACED = '/0'
const EVENTS = 80

let world: World | undefined

afterEach(async () => {
  await world?.close()
  world = undefined
})

/** Works off {@link EVENTS} at four destinations by four processes that nothing happens to. */
async function peacefully() {
  const random = seededRandom(1)
  const opened = await createWorld({
    store: 'postgres',
    answers: { random, delayMs: () => 5 + random() * 10 },
    connections: [{ pace: PACE }, {}, {}, {}],
    // no lease ends only because the machine is busy
    worker: { leaseMs: 30_000, concurrency: 16, perConnection: 16 },
  })
  world = opened
  const names = Array.from({ length: EVENTS }, (_, n) => `case-${n}`)
  // a half waits for the workers, the other comes while they work
  await opened.dispatch(names.splice(0, EVENTS / 2))
  const workers = [1, 2, 3, 4].map(() => opened.start({ role: 'work' }))
  await Promise.all(workers.map((worker) => worker.ready))
  while (names.length > 0) {
    await opened.dispatch(names.splice(0, 4))
    await pause(20)
  }
  const arrivals = EVENTS * opened.paths.length
  while (workers.reduce((sum, worker) => sum + told(worker, 'settled').size, 0) < arrivals) await pause(50)
  const verdict = await opened.verdict()
  return { opened, workers, arrivals, verdict }
}

/** When, by id of the delivery. */
function told(worker: Child, mark: Mark): ReadonlyMap<string, number> {
  return new Map(worker.journal().flatMap((entry) => (entry.mark === mark ? [[entry.text, entry.at]] : [])))
}

describe.skipIf(missing !== undefined)('four worker processes on one Postgres', () => {
  it('share the work, each delivery once, and hold the pace of a connection between them', async () => {
    const { opened, workers, arrivals, verdict } = await peacefully()
    const report = summary(verdict)
    expect([verdict.problems, verdict.errors], report).toEqual([[], []])
    expect([verdict.arrivals, verdict.requests], report).toEqual([arrivals, arrivals])
    expect([verdict.duplicated, verdict.leasesLost, verdict.cutOff, verdict.timedOut], report).toEqual([0, 0, 0, 0])

    const claimed = workers.flatMap((worker) => [...told(worker, 'claimed')])
    const claimedAt = new Map(claimed)
    expect(claimed.length).toBe(arrivals)
    expect(claimedAt.size).toBe(arrivals)
    expect(workers.flatMap((worker) => inFlight(worker.journal()))).toEqual([])
    for (const worker of workers) expect(told(worker, 'settled').size).toBeGreaterThan(0)

    const deliveries = await opened.deliveries()
    expect(deliveries.filter(({ attemptCount }) => attemptCount !== 1)).toEqual([])

    const paced = new Map(deliveries.filter(({ path }) => path === PACED).map(({ eventId, id }) => [eventId, id]))
    const sends = opened.receiver.receipts
      .filter(({ path }) => path === PACED)
      .map(({ eventId, at }) => ({ at, claimedAt: claimedAt.get(paced.get(eventId) ?? '') ?? Number.NaN }))
      .sort((a, b) => a.at - b.at)
    expect(sends.length).toBe(EVENTS)
    // The store gives a send its turn by the claim's clock, the receiver counts it by its own, when it has arrived. It
    // is one machine and one clock: what arrives in a window was claimed between the oldest of their claims, which is
    // earlier than the window by what claim and request took, and the window's end.
    for (const [first, { at: from }] of sends.entries()) {
      let oldest = from
      for (const [n, { at: to, claimedAt }] of sends.slice(first).entries()) {
        oldest = Math.min(oldest, claimedAt)
        const allowed = PACE.burst + (PACE.perSecond * (to - oldest)) / 1000
        const window = `${to - from} ms, with a tolerance of ${from - oldest} ms`
        expect(n + 1, window).toBeLessThanOrEqual(allowed)
      }
    }
  }, 90_000)
})
