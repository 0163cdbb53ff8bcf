import { describe, expect, it } from 'vitest'
import { toJobs } from '../../src/jobs/group.ts'

const NOW = 1_780_000_000_003

const due = (dueInMs: number, ...ids: string[]) => ids.map((deliveryId) => ({ deliveryId, dueAt: NOW + dueInMs }))

describe('jobs for what is scheduled together', () => {
  it('puts all that is due into one job, whenever it became due', () => {
    expect(toJobs([...due(0, 'a'), ...due(-5000, 'b', 'a')], NOW, 100)).toEqual([
      { ids: ['a', 'b'], at: NOW, delayMs: 0 },
    ])
  })

  it('spreads many over jobs of maxIds', () => {
    const ids = Array.from({ length: 250 }, (_, n) => `d${n}`)
    const jobs = toJobs(due(0, ...ids), NOW, 100)
    expect(jobs.map((job) => job.ids.length)).toEqual([100, 100, 50])
    expect(jobs.flatMap((job) => job.ids)).toEqual(ids)
  })

  it('is never early, and later by at most a hundredth of the wait, or 10 ms', () => {
    for (const wait of [1, 9, 500, 5000, 9999, 10_000, 60_000, 99_999, 100_000, 3_600_000, 604_800_000]) {
      const [job] = toJobs(due(wait, 'a'), NOW, 100)
      expect(job?.at).toBeGreaterThanOrEqual(NOW + wait)
      expect(job?.at).toBeLessThanOrEqual(NOW + wait + Math.min(1000, Math.max(10, wait / 100)))
      expect(job?.delayMs).toBe((job?.at ?? 0) - NOW)
    }
  })

  it('puts retries that are a few ms apart, an hour from now, into one job', () => {
    const at = Math.ceil((NOW + 3_600_000) / 1000) * 1000 - NOW
    const jobs = toJobs([...due(at - 700, 'a'), ...due(at - 300, 'b'), ...due(at, 'c')], NOW, 100)
    expect(jobs.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']])
  })

  it('makes one wake-up of any number without an id, at one instant', () => {
    expect(toJobs([...due(0, '', '', ''), ...due(-1, '')], NOW, 100)).toEqual([
      { ids: [], at: NOW, delayMs: 0, key: 'wake-now' },
    ])
    const [later] = toJobs(due(7, '', ''), NOW, 100)
    expect(later).toEqual({ ids: [], at: NOW + 7, delayMs: 7, key: `wake-${NOW + 7}` })
  })

  it('keeps the look beside the deliveries: nobody looks where ids are all that is asked for', () => {
    expect(toJobs(due(0, 'a', ''), NOW, 100).map(({ ids }) => ids)).toEqual([['a'], []])
  })

  it('gives the same deliveries at the same later instant the same key, and others another', () => {
    const key = (...ids: string[]) => toJobs(due(5000, ...ids), NOW, 100)[0]?.key
    expect(key('a', 'b')).toBe(key('a', 'b'))
    expect(key('a', 'b')).not.toBe(key('a', 'c'))
    expect(key('a')).toMatch(/^[\w-]+$/)
    expect(toJobs(due(0, 'a'), NOW, 100)[0]?.key).toBeUndefined()
  })

  it('leaves out what has no instant', () => {
    const nowhere = [Number.NaN, Number.POSITIVE_INFINITY].map((dueAt) => ({ deliveryId: 'a', dueAt }))
    expect(toJobs(nowhere, NOW, 100)).toEqual([])
  })
})
