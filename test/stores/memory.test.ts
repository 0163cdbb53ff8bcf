import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { storeContract } from '../../src/testing/index.ts'

describe('memoryStore', () => {
  for (const { name, skip, run } of storeContract({ create: async () => memoryStore() })) {
    if (skip === undefined) it(name, run)
    else it.skip(`${name} (${skip})`)
  }

  it('has no transactions and outlives nothing, and says so', () => {
    expect(memoryStore().capabilities).toEqual({ tx: false, durable: false })
  })
})
