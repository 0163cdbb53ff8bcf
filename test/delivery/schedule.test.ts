import { describe, expect, it } from 'vitest'
import { DEFAULT_DELAYS_MS, exponentialDelays } from '../../src/delivery/schedule.ts'

describe('schedules', () => {
  it('is the one that Standard Webhooks recommends by default', () => {
    const minutes = DEFAULT_DELAYS_MS.map((ms) => ms / 60_000)
    expect(minutes).toEqual([5 / 60, 5, 30, 120, 300, 600, 840, 1200, 1440])
  })

  it('grows by a factor up to a longest wait, one wait fewer than attempts', () => {
    expect(exponentialDelays({ firstMs: 1_000, attempts: 5 })).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(exponentialDelays({ firstMs: 100, factor: 10, maxMs: 5_000, attempts: 5 })).toEqual([
      100, 1_000, 5_000, 5_000,
    ])
    expect(exponentialDelays({ firstMs: 1_000, attempts: 1 })).toEqual([])
    expect(exponentialDelays({ firstMs: 0, factor: 1e300, attempts: 4 })).toEqual([0, 0, 0])
  })

  it.each([
    [{ firstMs: -1, attempts: 3 }, 'firstMs'],
    [{ firstMs: Number.NaN, attempts: 3 }, 'firstMs'],
    [{ firstMs: 1, factor: 0.5, attempts: 3 }, 'factor'],
    [{ firstMs: 1, maxMs: Number.POSITIVE_INFINITY, attempts: 3 }, 'maxMs'],
    [{ firstMs: 1, attempts: 0 }, 'attempts'],
    [{ firstMs: 1, attempts: 2.5 }, 'attempts'],
  ])('refuses %j, naming %s', (options, field) => {
    expect(() => exponentialDelays(options)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
