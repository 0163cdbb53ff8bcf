import type { Store } from 'signalbox'
import { engineContract, fakeClock, storeContract } from 'signalbox/testing'
import { describe, expect, it } from 'vitest'
import { intervalEngine } from '../../examples/support/interval-engine.ts'
import { type KeyValue, kvMap } from '../../examples/support/kv.ts'
import { kvStore } from '../../examples/support/kv-store.ts'
import { silentLogger } from '../../src/runtime/logger.ts'

interface ContractCase {
  readonly name: string
  readonly skip?: string
  run(): Promise<void>
}

function each(cases: readonly ContractCase[]): void {
  for (const { name, skip, run } of cases) {
    if (skip === undefined) it(name, run, 30_000)
    else {
      console.info(`skipped: ${name}: ${skip}`)
      it.skip(`${name} (${skip})`)
    }
  }
}

describe('the store of the examples, over a key-value interface', () => {
  const databases = new WeakMap<Store, KeyValue>()
  const over = (database: KeyValue): Store => {
    const store = kvStore(database)
    databases.set(store, database)
    return store
  }
  each(
    storeContract({
      create: async () => over(kvMap()),
      reopen: async (store) => {
        await store.close()
        return over(databases.get(store) ?? kvMap())
      },
    }),
  )

  it('begins a transaction again when what it read has changed', async () => {
    const database = kvMap()
    let lost = 0
    const store = over({
      ...database,
      async commit(checks, writes) {
        // another process is quicker, once
        if (lost === 0 && writes.size > 0) {
          for (const key of checks.keys()) await database.commit(new Map(), new Map([[key, '{"value":"theirs"}']]))
        }
        const isCommitted = await database.commit(checks, writes)
        if (!isCommitted) lost++
        return isCommitted
      },
    })
    await expect(store.keys.put('k', 'mine', { now: 0, absent: true })).rejects.toMatchObject({ code: 'conflict' })
    expect(lost).toBe(1)
    expect((await store.keys.get('k', { now: 0 }))?.value).toBe('theirs')
  })

  it('says store_failed, with the cause, where the database fails', async () => {
    const cause = new Error('connection refused')
    const store = kvStore({ ...kvMap(), get: () => Promise.reject(cause) })
    await expect(store.connections.get({ orgId: 'org_a', id: 'con_a' })).rejects.toMatchObject({
      code: 'store_failed',
      cause,
    })
  })
})

describe('the engine of the examples', () => {
  const clock = fakeClock()
  each(
    engineContract({
      shared: false,
      clock,
      open: async ({ sweepMs }) => ({
        engine: () => {
          const engine = intervalEngine({ everyMs: sweepMs })
          engine.attach?.({ clock, logger: silentLogger, random: () => 0 })
          return engine
        },
        close: async () => {},
      }),
    }),
  )
})
