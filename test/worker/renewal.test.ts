import { expect, it } from 'vitest'
import type { Lease } from '../../src/contracts/store.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { createPlaces } from '../../src/worker/places.ts'
import { createRenewal } from '../../src/worker/renewal.ts'

it('renews what runs three times a lease, also after a failure, until nothing runs', async () => {
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
    [7000, ['a'], 10_000],
  ])
  places.end(lease)
  await clock.advance(5000)
  expect(calls).toHaveLength(2)
})
