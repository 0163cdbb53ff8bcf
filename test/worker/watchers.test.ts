import { expect, it } from 'vitest'
import { createWatchers } from '../../src/worker/watchers.ts'

it('tells what became of each delivery, with the outcome of its last exchange', async () => {
  const watchers = createWatchers()
  const watch = watchers.watch(['a', 'b', 'c'])
  watchers.sent('a', { kind: 'delivered', status: 200 })
  expect([watchers.isSent('a'), watchers.isSent('b')]).toEqual([true, false])
  watchers.settled('a', { status: 'delivered' })
  watchers.giveUp('b')
  watch.end()
  await watch.done
  expect([...watch.worked]).toEqual([
    ['a', { next: { status: 'delivered' }, outcome: { kind: 'delivered', status: 200 } }],
  ])
})

it('keeps nothing of deliveries that nobody watches', () => {
  const watchers = createWatchers()
  watchers.sent('a', { kind: 'delivered' })
  expect(watchers.isSent('a')).toBe(false)
})
