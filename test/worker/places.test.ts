import { describe, expect, it } from 'vitest'
import { createPlaces } from '../../src/worker/places.ts'

const lease = (deliveryId: string, token = 't') => ({ deliveryId, connectionId: 'c', token })

describe('the places of a worker', () => {
  it('are taken by what runs, and free again when it ends', () => {
    const places = createPlaces(2)
    const [a, b] = [lease('a'), lease('b')]
    places.begin(a, 0)
    places.begin(b, 0)
    expect([places.free(0), places.running, places.has('a')]).toEqual([0, 2, true])
    places.end(a)
    expect([places.free(0), places.running, places.has('a')]).toEqual([1, 1, false])
  })

  it('are given up by sends that take long, and say when', () => {
    const places = createPlaces(2)
    places.begin(lease('a'), 0)
    places.begin(lease('b'), 100)
    expect([places.free(200), places.nextFreeAt()]).toEqual([0, 250])
    expect(places.free(250)).toBe(1)
    expect(places.nextFreeAt()).toBe(350)
    expect(places.free(350)).toBe(2)
  })

  it('are never more than four times as many, however slow the sends', () => {
    const places = createPlaces(2)
    const leases = Array.from({ length: 8 }, (_, n) => lease(`d${n}`))
    for (const one of leases) places.begin(one, 0)
    expect([places.free(10_000), places.nextFreeAt()]).toEqual([0, undefined])
    for (const one of leases.slice(0, 3)) places.end(one)
    expect(places.free(10_000)).toBe(2)
  })

  it('are held while they are being claimed for', () => {
    const places = createPlaces(4)
    const giveBack = places.reserve(3)
    expect(places.free(0)).toBe(1)
    giveBack()
    expect(places.free(0)).toBe(4)
  })

  it('keep the newer lease of a delivery that was claimed again while it ran', () => {
    const places = createPlaces(1)
    const [first, second] = [lease('a', 'one'), lease('a', 'two')]
    places.begin(first, 0)
    places.free(1000)
    places.begin(second, 1000)
    places.end(first)
    expect([places.running, places.leases(), places.free(1000)]).toEqual([1, [second], 0])
    places.end(second)
    expect([places.running, places.free(1000)]).toEqual([0, 1])
  })
})
