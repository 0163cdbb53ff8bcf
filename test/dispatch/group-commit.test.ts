import { describe, expect, it } from 'vitest'
import { groupCommit } from '../../src/dispatch/group-commit.ts'

describe('group commit', () => {
  it('writes what arrives together at once, and answers each its own result', async () => {
    const batches: number[][] = []
    const group = groupCommit(
      async (items: readonly number[]) => {
        batches.push([...items])
        return items.map((item) => item * 10)
      },
      { maxItems: 3 },
    )
    expect(await Promise.all([1, 2, 3, 4].map(group.add))).toEqual([10, 20, 30, 40])
    expect(batches).toEqual([[1, 2, 3], [4]])
  })

  it('gathers what arrives during a write into the next one', async () => {
    const batches: number[][] = []
    let release = (): void => {}
    const group = groupCommit(
      async (items: readonly number[]) => {
        batches.push([...items])
        if (batches.length === 1) await new Promise<void>((resolve) => (release = resolve))
        return items
      },
      { maxItems: 10 },
    )
    const first = group.add(1)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const rest = [group.add(2), group.add(3)]
    release()
    await Promise.all([first, ...rest])
    expect(batches).toEqual([[1], [2, 3]])
  })

  it('writes a batch that fails item by item, so that one poisoned item harms no other', async () => {
    const group = groupCommit(
      async (items: readonly string[]) => {
        if (items.includes('poison')) throw new Error('no')
        return items
      },
      { maxItems: 10 },
    )
    const settled = await Promise.allSettled(['a', 'poison', 'b'].map(group.add))
    expect(settled.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('does not let the waits of single writes add up', async () => {
    let under = 0
    let most = 0
    const group = groupCommit(
      async (items: readonly number[]) => {
        if (items.length > 1) throw new Error('locked')
        most = Math.max(most, ++under)
        await new Promise(setImmediate)
        under--
        return items
      },
      { maxItems: 10 },
    )
    await Promise.all([1, 2, 3].map(group.add))
    expect(most).toBe(3)
  })

  it('does not keep later items waiting for one that is written alone and takes long', async () => {
    let release = (): void => {}
    const group = groupCommit(
      async (items: readonly string[]) => {
        if (items.includes('slow') && items.length > 1) throw new Error('locked')
        if (items.includes('slow')) await new Promise<void>((resolve) => (release = resolve))
        return items
      },
      { maxItems: 10 },
    )
    const slow = group.add('slow')
    expect(await group.add('beside')).toBe('beside')
    expect(await group.add('later')).toBe('later')
    let idle = false
    const whole = group.idle().then(() => (idle = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(idle).toBe(false)
    release()
    expect(await slow).toBe('slow')
    await whole
  })

  it('is idle when everything handed in was written or refused', async () => {
    let written = 0
    const group = groupCommit(
      async (items: readonly number[]) => {
        written += items.length
        return items
      },
      { maxItems: 1 },
    )
    void group.add(1)
    void group.add(2)
    await group.idle()
    expect(written).toBe(2)
  })
})
