import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  first,
  itemsOf,
  leave,
  NOWHERE,
  orderedQueue,
  place,
  type Queued,
  takeFirst,
} from '../../../src/stores/memory/ordered-queue.ts'

const items = (count: number): Queued[] => Array.from({ length: count }, (_, seq) => ({ seq, place: NOWHERE }))

describe('orderedQueue', () => {
  it('hands out by key, then by age, however items came, moved and left', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('place' as const), item: fc.nat(19), key: fc.nat(12) }),
      fc.record({ what: fc.constant('leave' as const), item: fc.nat(19), key: fc.constant(0) }),
      fc.record({ what: fc.constant('take' as const), item: fc.constant(0), key: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const all = items(20)
        const queue = orderedQueue<Queued>()
        const expected = new Map<Queued, number>()
        const lowest = () => [...expected].sort(([a, ka], [b, kb]) => ka - kb || a.seq - b.seq)[0]?.[0]
        for (const { what, item: index, key } of steps) {
          const item = all[index] ?? { seq: -1, place: NOWHERE }
          if (what === 'place') {
            place(queue, item, key)
            expected.set(item, key)
          } else if (what === 'leave') {
            leave(queue, item)
            expected.delete(item)
          } else {
            const next = lowest()
            expect(takeFirst(queue)).toBe(next)
            if (next !== undefined) expected.delete(next)
          }
          expect(first(queue)).toBe(lowest())
          expect(new Set(itemsOf(queue))).toEqual(new Set(expected.keys()))
          expect(itemsOf(queue)).toHaveLength(expected.size)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('keeps no more entries than twice its items, however often they move', () => {
    const all = items(1000)
    const queue = orderedQueue<Queued>()
    for (let round = 0; round < 50; round++) {
      for (const item of all) place(queue, item, ((item.seq * 7919 + round * 104_729) % 5000) + 1)
    }
    expect(queue.run.keys.length + queue.heap.keys.length).toBeLessThanOrEqual(2 * all.length + 1001)
    const keys: number[] = []
    for (let item = first(queue); item !== undefined; item = first(queue)) {
      keys.push(item.place)
      takeFirst(queue)
    }
    expect(keys).toHaveLength(1000)
    expect(keys).toEqual(keys.toSorted((a, b) => a - b))
  })

  it('lets go of what was taken', () => {
    const queue = orderedQueue<Queued>()
    for (const item of items(10_000)) {
      place(queue, item, 5)
      takeFirst(queue)
    }
    expect(queue.run.items.length).toBeLessThan(10)
  })
})
