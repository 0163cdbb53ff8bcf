import { expect, it } from 'vitest'
import { createIds } from '../../src/runtime/ids.ts'

it('makes ids that are unique, of one alphabet, and sort in the order of their making', () => {
  let now = 1_700_000_000_000
  const ids = createIds({ now: () => now })
  const made: string[] = []
  for (let i = 0; i < 50_000; i++) {
    if (i % 997 === 0) now++
    made.push(ids('msg'))
  }
  expect(new Set(made).size).toBe(made.length)
  expect([...made].sort()).toEqual(made)
  for (const id of made.slice(0, 100)) expect(id).toMatch(/^msg_[0-9A-HJKMNP-TV-Z]{26}$/)
})

it('does not repeat itself within one millisecond, nor after the clock steps back', () => {
  let now = 5
  const ids = createIds({ now: () => now })
  const first = Array.from({ length: 1000 }, () => ids('a'))
  now = 4
  const earlier = ids('a')
  now = 5
  expect(new Set([...first, earlier, ids('a')]).size).toBe(1002)
})

it('goes on past a million ids in one millisecond', () => {
  const ids = createIds({ now: () => 9 })
  let last = ''
  for (let i = 0; i < 1_048_577; i++) last = ids('x')
  expect(last).toMatch(/^x_.{26}$/)
})
