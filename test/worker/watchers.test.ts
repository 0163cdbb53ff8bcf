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

it('tells all who wait for one delivery, and of those who gave up no one', async () => {
  const watchers = createWatchers()
  const first = watchers.watch(['a'])
  const second = watchers.watch(['a', 'b'])
  const third = watchers.watch(['a'])
  third.giveUp(new Set(['a']))
  await third.done
  watchers.sent('a', { kind: 'delivered' })
  expect(watchers.isSent('a')).toBe(true)
  watchers.settled('a', { status: 'delivered' })
  await first.done
  second.end()
  await second.done
  const told = { next: { status: 'delivered' }, outcome: { kind: 'delivered' } }
  expect([first, second, third].map(({ worked }) => [...worked])).toEqual([[['a', told]], [['a', told]], []])
})
