import { describe, expect, it } from 'vitest'
import type { Settlement } from '../../src/contracts/delivery.ts'
import type { DeliveryRepository, SettleResult } from '../../src/contracts/store.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { createSettler } from '../../src/worker/settler.ts'

const settlement = (deliveryId: string): Settlement => ({
  orgId: 'o',
  deliveryId,
  connectionId: 'c',
  token: 't',
  exchanges: 1,
  attempts: [],
  next: { status: 'delivered' },
  at: 0,
})

function settlerOver(
  settle: (batch: readonly Settlement[]) => Promise<SettleResult>,
  giveUpAfterMs = 5000,
  signal?: AbortSignal,
) {
  const settled: string[][] = []
  const lost: string[][] = []
  const settler = createSettler({
    deliveries: { settle } as DeliveryRepository,
    maxBatch: 3,
    maxWaitMs: 5,
    giveUpAfterMs,
    ...(signal === undefined ? {} : { signal }),
    logger: silentLogger,
    onSettled: (batch) => settled.push(batch.map((one) => one.deliveryId)),
    onLost: (batch) => lost.push(batch.map((one) => one.deliveryId)),
  })
  return { settler, settled, lost }
}

const nothing: SettleResult = { stale: [], connections: [] }

describe('the settler', () => {
  it('writes results that end together in one go', async () => {
    const { settler, settled } = settlerOver(async () => nothing)
    for (const id of ['a', 'b', 'c', 'd']) settler.add(settlement(id), true)
    await settler.flush()
    expect(settled).toEqual([['a', 'b', 'c', 'd']])
  })

  it('waits no longer than its bound for others', async () => {
    const { settler, settled } = settlerOver(async () => nothing)
    settler.add(settlement('a'), true)
    while (settled.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(settled).toEqual([['a']])
  })

  it('gathers what ends during a write', async () => {
    let release = (): void => {}
    let calls = 0
    const { settler, settled } = settlerOver(async () => {
      if (++calls === 1) await new Promise<void>((resolve) => (release = resolve))
      return nothing
    })
    settler.add(settlement('a'), false)
    while (calls === 0) await new Promise(setImmediate)
    settler.add(settlement('b'), false)
    settler.add(settlement('c'), false)
    release()
    await settler.flush()
    expect(settled).toEqual([['a'], ['b', 'c']])
  })

  it('writes two results of one delivery one after the other: the store tells by its id which came too late', async () => {
    const { settler, settled } = settlerOver(async () => nothing)
    for (const id of ['a', 'b', 'a', 'c']) settler.add(settlement(id), true)
    await settler.flush()
    expect(settled).toEqual([['a', 'b', 'c'], ['a']])
    expect(settler.size).toBe(0)
  })

  it('tries a write that fails again', async () => {
    let calls = 0
    const { settler, settled } = settlerOver(async () => {
      if (++calls < 3) throw new Error('busy')
      return nothing
    })
    settler.add(settlement('a'), false)
    await settler.flush()
    expect([calls, settled]).toEqual([3, [['a']]])
  })

  it('gives up when the leases must have run out, and says so', async () => {
    const { settler, settled, lost } = settlerOver(async () => {
      throw new Error('down')
    }, 30)
    settler.add(settlement('a'), false)
    await settler.flush()
    expect([settled, lost]).toEqual([[], [['a']]])
  })

  it('gives up after one last try once nobody waits any more', async () => {
    const stop = new AbortController()
    let calls = 0
    const failing = async (): Promise<SettleResult> => {
      calls++
      throw new Error('away')
    }
    const { settler, lost } = settlerOver(failing, 3_600_000, stop.signal)
    settler.add(settlement('a'), false)
    while (calls < 2) await new Promise(setImmediate)
    stop.abort()
    await settler.flush()
    expect(lost).toEqual([['a']])
    expect(calls).toBe(3)
  })
})
