import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createResolver, type Lookup } from '../../src/http/resolver.ts'

const ANSWER = [{ address: '8.8.8.8', family: 4 }]

function controlled() {
  const asked: string[] = []
  const ends = new Map<string, () => void>()
  let running = 0
  let most = 0
  return {
    asked,
    most: () => most,
    lookup: (hostname: string) => {
      asked.push(hostname)
      running += 1
      most = Math.max(most, running)
      return new Promise<typeof ANSWER>((resolve) => {
        ends.set(hostname, () => {
          running -= 1
          resolve(ANSWER)
        })
      })
    },
    async end(hostname: string) {
      ends.get(hostname)?.()
      await vi.advanceTimersByTimeAsync(0)
    },
  }
}

describe('createResolver', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each<[string, Lookup]>([
    ['calls back with all addresses', (_, __, callback) => callback(null, [{ address: '192.0.2.1', family: 4 }])],
    ['calls back with one', (_, __, callback) => callback(null, '192.0.2.1', 4)],
    ['returns a promise', async () => [{ address: '192.0.2.1', family: 4 }]],
  ])('takes a lookup that %s', async (_what, lookup) => {
    expect(await createResolver({ lookup })('a.example.com')).toEqual([{ address: '192.0.2.1', family: 4 }])
  })

  it('takes an error that a lookup calls back with as a DNS error, and one that it throws', async () => {
    const failing: Lookup = (_, __, callback) => callback(new Error('ENOTFOUND'), '')
    await expect(createResolver({ lookup: failing })('a.example.com')).rejects.toMatchObject({ code: 'dns_error' })
    const throwing: Lookup = () => {
      throw new Error('broken')
    }
    await expect(createResolver({ lookup: throwing })('a.example.com')).rejects.toMatchObject({ code: 'dns_error' })
  })

  it('runs as many lookups at once as it may, and the others in their order', async () => {
    const { lookup, asked, most, end } = controlled()
    const resolve = createResolver({ lookup, maxLookups: 2 })
    const names = Array.from({ length: 20 }, (_, i) => `host-${i}`)
    const all = Promise.all(names.map(resolve))
    await vi.advanceTimersByTimeAsync(0)
    expect(asked).toEqual(['host-0', 'host-1'])
    for (const name of names) await end(name)
    expect(await all).toHaveLength(20)
    expect(asked).toEqual(names)
    expect(most()).toBe(2)
  })

  it('asks once for connections to one name that wait together, and again later', async () => {
    const { lookup, asked, end } = controlled()
    const resolve = createResolver({ lookup })
    const both = Promise.all([resolve('one'), resolve('one')])
    await end('one')
    expect(await both).toEqual([ANSWER, ANSWER])
    const later = resolve('one')
    await end('one')
    await later
    expect(asked).toEqual(['one', 'one'])
  })

  it('gives up after its time, the wait for a place included, and does not ask for what nobody waits for', async () => {
    const { lookup, asked, end } = controlled()
    const resolve = createResolver({ lookup, maxLookups: 1, lookupTimeoutMs: 1_000 })
    const codes: unknown[] = []
    const note = (error: unknown): void => void codes.push((error as { code?: unknown }).code)
    resolve('slow').catch(note)
    resolve('queued').catch(note)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(codes).toEqual(['dns_error', 'dns_error'])
    // The first lookup holds its place as long as it runs.
    const next = resolve('next')
    await vi.advanceTimersByTimeAsync(10)
    expect(asked).toEqual(['slow'])
    await end('slow')
    expect(asked).toEqual(['slow', 'next'])
    await end('next')
    expect(await next).toEqual(ANSWER)
  })

  it('is not stopped for good by a lookup that never ends', async () => {
    const { lookup, end } = controlled()
    const resolve = createResolver({ lookup, maxLookups: 1, lookupTimeoutMs: 1_000 })
    resolve('never').catch(() => {})
    await vi.advanceTimersByTimeAsync(30_000)
    const next = resolve('next')
    await vi.advanceTimersByTimeAsync(0)
    await end('next')
    expect(await next).toEqual(ANSWER)
  })

  it('says nothing of what a failed lookup said', async () => {
    const lookup = async () => {
      throw new Error('getaddrinfo ENOTFOUND secret.example.com')
    }
    const failed = createResolver({ lookup })('secret.example.com')
    await expect(failed).rejects.toMatchObject({ code: 'dns_error', written: false })
    await expect(failed).rejects.not.toThrow(/secret/)
  })
})
