import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { check } from './check.ts'
import { inFlight } from './journal.ts'
import { CONCURRENCY, ORG, seededRandom } from './settings.ts'
import { createWorld, type World } from './world.ts'

let world: World

afterEach(() => world.close())

/** Starts a process, lets it fill all its places, and asks it to end. */
async function terminate(options: { readonly answerMs: number; readonly graceMs: number }) {
  world = await createWorld({ random: seededRandom(1), delayMs: () => options.answerMs })
  const child = world.start({ role: 'dispatch', graceMs: options.graceMs })
  while (world.receiver.open() < CONCURRENCY) await pause(5)
  child.kill('SIGTERM')
  const exit = await child.exited
  const { items: sending } = await world.store.deliveries.list({ orgId: ORG, status: ['sending'], limit: 100 })
  return { exit, sending, held: inFlight(child.journal()), stderr: child.stderr() }
}

async function verdict() {
  const { paths, receiver } = world
  const processes = await world.histories()
  return check({ paths, processes, receipts: receiver.receipts, deliveries: await world.deliveries() })
}

it('finishes what is in flight at SIGTERM where the grace suffices: nothing arrives twice', async () => {
  const { exit, sending, held, stderr } = await terminate({ answerMs: 700, graceMs: 20_000 })
  expect(exit, stderr).toEqual({ code: 0, signal: null })
  expect(sending).toEqual([])
  expect(held).toEqual([])
  const settled = (await world.deliveries()).filter((delivery) => delivery.status === 'delivered')
  expect(settled.length).toBe(world.receiver.receipts.length)
  expect(settled.length).toBeGreaterThanOrEqual(CONCURRENCY)

  await world.drain(30_000)
  const { problems, duplicated, errors } = await verdict()
  expect({ problems, duplicated, errors }).toEqual({ problems: [], duplicated: 0, errors: [] })
}, 60_000)

it('gives back at SIGTERM what the grace did not suffice for: due at once, no lease is left to run out', async () => {
  const { exit, sending, held, stderr } = await terminate({ answerMs: 3000, graceMs: 50 })
  expect(exit, stderr).toEqual({ code: 0, signal: null })
  expect(sending).toEqual([])
  expect(held).toEqual([])
  const now = Date.now()
  const { items: pending } = await world.store.deliveries.list({ orgId: ORG, status: ['pending'], limit: 1000 })
  expect(pending.length).toBeGreaterThanOrEqual(CONCURRENCY)
  expect(pending.filter((delivery) => delivery.dueAt > now)).toEqual([])

  // slow sends make way for others: on a busy machine more than the places are under way
  const cutOff = world.receiver.receipts.length
  world.receiver.answerAfter(() => 1)
  await world.drain(30_000)
  const deliveries = await world.deliveries()
  expect(deliveries.filter((delivery) => delivery.status !== 'delivered')).toEqual([])
  // what was cut off in flight may come twice, never more often
  const arrivals = Map.groupBy(world.receiver.receipts, (receipt) => `${receipt.eventId} at ${receipt.path}`)
  const again = [...arrivals.values()].filter((receipts) => receipts.length > 1)
  expect(again.filter((receipts) => receipts.length > 2)).toEqual([])
  expect(again.length).toBeLessThanOrEqual(cutOff)
}, 60_000)
