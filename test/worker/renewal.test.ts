import { expect, it } from 'vitest'
import type { Lease } from '../../src/contracts/store.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { createPlaces } from '../../src/worker/places.ts'
import { createRenewal } from '../../src/worker/renewal.ts'

it('renews what runs three times a lease, soon after a failure, until nothing runs', async () => {
  const clock = fakeClock({ now: 0 })
  const places = createPlaces(2)
  const calls: [number, readonly string[], number][] = []
  const deliveries = {
    async renew(leases: readonly Lease[], until: number) {
      calls.push([clock.now(), leases.map((lease) => lease.deliveryId), until])
      if (calls.length === 1) throw new Error('busy')
      return []
    },
  }
  const renewal = createRenewal({ deliveries, places, leaseMs: 3000, clock, logger: silentLogger })
  const lease = { deliveryId: 'a', connectionId: 'c', token: 't' }
  renewal.begin()
  await clock.advance(5000)
  expect(calls).toEqual([])
  places.begin(lease, clock.now())
  renewal.begin()
  await clock.advance(2500)
  expect(calls).toEqual([
    [6000, ['a'], 9000],
    [6300, ['a'], 9300],
    [7300, ['a'], 10_300],
  ])
  places.end(lease)
  await clock.advance(5000)
  expect(calls).toHaveLength(3)
})

it('renews again in time while a renewal hangs, and not after the end', async () => {
  const clock = fakeClock({ now: 0 })
  const places = createPlaces(2)
  const at: number[] = []
  let fail = (): void => undefined
  const deliveries = {
    renew: () =>
      new Promise<readonly string[]>((_, reject) => {
        at.push(clock.now())
        fail = () => reject(new Error('no answer'))
      }),
  }
  const renewal = createRenewal({ deliveries, places, leaseMs: 3000, clock, logger: silentLogger })
  places.begin({ deliveryId: 'a', connectionId: 'c', token: 't' }, clock.now())
  renewal.begin()
  await clock.advance(2500)
  expect(at).toEqual([1000, 2000])
  renewal.stop()
  fail()
  await clock.advance(5000)
  expect(at).toEqual([1000, 2000])
})
