import assert from 'node:assert/strict'
import { isSignalboxError } from '../../errors.ts'
import { allPages, type Case, T0 } from './world.ts'

const conflict = (error: unknown) => isSignalboxError(error, 'conflict')
const now = T0

export const keyCases: readonly Case[] = [
  {
    name: 'keys: a value is read back exactly, under a version that changes with each write',
    async run({ store: { keys } }) {
      const value = '{"z":1,"a":"ü🦉\\n\\u0000"}'
      const first = await keys.put('k', value, { now })
      assert.deepEqual(await keys.get('k', { now }), { key: 'k', value, version: first })
      const second = await keys.put('k', value, { now })
      assert.notEqual(second, first)
      assert.equal((await keys.get('k', { now }))?.version, second)
      assert.equal(await keys.get('none', { now }), undefined)
      const large = 'x'.repeat(100_000)
      await keys.put('large', large, { now })
      assert.equal((await keys.get('large', { now }))?.value, large)
    },
  },
  {
    name: 'keys: absent writes only where there is none',
    async run({ store: { keys } }) {
      await keys.put('k', 'one', { now, absent: true })
      await assert.rejects(keys.put('k', 'two', { now, absent: true }), conflict)
      assert.equal((await keys.get('k', { now }))?.value, 'one')
      await keys.delete('k', { now })
      await keys.put('k', 'three', { now, absent: true })
      assert.equal((await keys.get('k', { now }))?.value, 'three')
    },
  },
  {
    name: 'keys: of many concurrent absent writes exactly one succeeds',
    async run({ store: { keys } }) {
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) => keys.put('k', `value ${n}`, { now, absent: true })),
      )
      const winners = results.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []))
      assert.equal(winners.length, 1)
      assert.equal((await keys.get('k', { now }))?.value, `value ${winners[0]}`)
      for (const result of results) if (result.status === 'rejected') assert.ok(conflict(result.reason))
    },
  },
  {
    name: 'keys: expectedVersion writes only over that version',
    async run({ store: { keys } }) {
      const first = await keys.put('k', 'one', { now })
      const second = await keys.put('k', 'two', { now, expectedVersion: first })
      await assert.rejects(keys.put('k', 'stale', { now, expectedVersion: first }), conflict)
      assert.deepEqual(await keys.get('k', { now }), { key: 'k', value: 'two', version: second })
      await assert.rejects(keys.put('none', 'x', { now, expectedVersion: first }), conflict)
      assert.equal(await keys.get('none', { now }), undefined)
    },
  },
  {
    name: 'keys: a version is never used again, not even after a delete',
    async run({ store: { keys } }) {
      const first = await keys.put('k', 'one', { now })
      await keys.delete('k', { now })
      const second = await keys.put('k', 'one', { now })
      assert.notEqual(second, first)
      await assert.rejects(keys.put('k', 'stale', { now, expectedVersion: first }), conflict)
    },
  },
  {
    name: 'keys: an expired entry is absent to every call',
    async run({ store: { keys } }) {
      const version = await keys.put('k', 'one', { now, expiresAt: now + 100 })
      assert.equal((await keys.get('k', { now: now + 99 }))?.value, 'one')
      await assert.rejects(keys.put('k', 'two', { now: now + 99, absent: true }), conflict)
      const late = { now: now + 100 }
      assert.equal(await keys.get('k', late), undefined)
      assert.deepEqual((await keys.list('k', { ...late, limit: 10 })).items, [])
      assert.equal(await keys.delete('k', late), false)
      await assert.rejects(keys.put('k', 'two', { ...late, expectedVersion: version }), conflict)
      await keys.put('k', 'three', { ...late, absent: true })
      assert.equal((await keys.get('k', { now: now + 1e9 }))?.value, 'three', 'the old end is gone with the old entry')
    },
  },
  {
    name: 'keys: delete answers whether there was one, and minds expectedVersion',
    async run({ store: { keys } }) {
      assert.equal(await keys.delete('k', { now }), false)
      const first = await keys.put('k', 'one', { now })
      const second = await keys.put('k', 'two', { now })
      await assert.rejects(keys.delete('k', { now, expectedVersion: first }), conflict)
      assert.equal((await keys.get('k', { now }))?.value, 'two')
      assert.equal(await keys.delete('k', { now, expectedVersion: second }), true)
      assert.equal(await keys.get('k', { now }), undefined)
    },
  },
  {
    name: 'keys: list takes the prefix literally, goes by key, and a cursor stays valid while rows are added',
    async run({ store: { keys } }) {
      for (const key of ['a%_/3', 'a%_/1', 'a%_/5', 'A%_/2', 'aXY/2', 'a%', 'b', 'a%_'])
        await keys.put(key, key, { now })
      await keys.put('a%_/4', 'expired', { now, expiresAt: now })
      const entries = await allPages(
        (query) => keys.list('a%_/', { ...query, now }),
        1,
        async (pages) => {
          if (pages === 2) for (const key of ['a%_/0', 'a%_/6']) await keys.put(key, key, { now })
        },
      )
      assert.deepEqual(
        entries.map((entry) => entry.key),
        ['a%_/1', 'a%_/3', 'a%_/5', 'a%_/6'],
      )
      assert.deepEqual(entries[0], { ...(await keys.get('a%_/1', { now })) })
      const everything = await keys.list('', { now, limit: 1000 })
      assert.equal(everything.items.length, 10)
      assert.equal(everything.next, undefined)
    },
  },
]
