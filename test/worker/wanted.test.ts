import { expect, it } from 'vitest'
import { silentLogger } from '../../src/runtime/logger.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { createPlaces } from '../../src/worker/places.ts'
import { createSignal } from '../../src/worker/signal.ts'
import { createWanted } from '../../src/worker/wanted.ts'

const FAR = Number.MAX_SAFE_INTEGER

function harness(concurrency: number) {
  const clock = fakeClock({ now: 0 })
  const places = createPlaces(concurrency)
  const room = createSignal()
  const claims: { readonly ids: readonly string[]; end(error?: Error): void }[] = []
  const wanted = createWanted({
    claim: (ids) =>
      new Promise<void>((resolve, reject) => {
        claims.push({ ids, end: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
    places,
    room,
    isStopping: () => false,
    clock,
    logger: silentLogger,
  })
  const turn = () => new Promise(setImmediate)
  return { clock, places, room, claims, wanted, turn, asked: () => claims.map(({ ids }) => ids) }
}

it('asks for what several want with one claim, while another one is under way', async () => {
  const { claims, wanted, turn, asked } = harness(10)
  const first = wanted.claim(['a'], FAR)
  const second = wanted.claim(['b', 'c'], FAR)
  const third = wanted.claim(['c', 'd'], FAR)
  await turn()
  expect(asked()).toEqual([['a']])
  claims[0]?.end()
  await first
  await turn()
  expect(asked()).toEqual([['a'], ['b', 'c', 'd']])
  claims[1]?.end()
  await Promise.all([second, third])
})

it('asks for no more than there is room for, and for the rest when there is', async () => {
  const { claims, places, room, wanted, turn, asked } = harness(2)
  const lease = { deliveryId: 'x', connectionId: 'c', token: 't' }
  places.begin(lease, 0)
  const done = wanted.claim(['a', 'b'], FAR)
  places.begin({ ...lease, deliveryId: 'a' }, 0)
  claims[0]?.end()
  await turn()
  expect(asked()).toEqual([['a']])
  places.end(lease)
  room.raise()
  await turn()
  expect(asked()).toEqual([['a'], ['b']])
  claims[1]?.end()
  await done
})

it('ends at the time given, without room', async () => {
  const { clock, places, wanted, asked } = harness(1)
  places.begin({ deliveryId: 'x', connectionId: 'c', token: 't' }, 0)
  const done = wanted.claim(['a'], 100)
  await clock.advance(100)
  await done
  expect(asked()).toEqual([])
})

it('goes on after a claim that failed', async () => {
  const { claims, wanted, turn, asked } = harness(10)
  const first = wanted.claim(['a'], FAR)
  const second = wanted.claim(['b'], FAR)
  claims[0]?.end(new Error('busy'))
  await first
  await turn()
  expect(asked()).toEqual([['a'], ['b']])
  claims[1]?.end()
  await second
})
