import { expect, it } from 'vitest'
import type { Query } from '../../../src/stores/postgres/access.ts'
import { createWakes } from '../../../src/stores/postgres/wakes.ts'

const wanted = { now: 0, from: 0, transports: ['webhook'], most: 8, ahead: 9 }

/** Of each look: whether it looked at every wake, and, if not, from which transaction on. */
function looks() {
  const wakes = createWakes('signalbox')
  return {
    wakes,
    async look(snapshot: string) {
      let asked: readonly (string | null)[] = []
      const query: Query = async (_, values = []) => {
        asked = values
        return [{ mine: '1', turn: '1', snapshot, taken: '0', whole: '1', next: '[]' }]
      }
      const found = await wakes.look(query, wanted)
      found.committed()
      return asked[2] === null ? 'all' : `${asked[1]} ${asked[2]}`
    },
  }
}

it('looks at everything once, then at what has begun since or was running', async () => {
  const { look } = looks()
  expect(await look('90:100:93,97')).toBe('all')
  expect(await look('95:110:97')).toBe('100 {"93","97"}')
  expect(await look('111:111:')).toBe('110 {"97"}')
})

it('looks at everything again where the server gives out transaction ids for the second time', async () => {
  const { look } = looks()
  expect(await look('90:100:')).toBe('all')
  expect(await look('96:96:')).toBe('100 {}')
  expect(await look('97:97:')).toBe('all')
  expect(await look('98:98:')).toBe('97 {}')
})

it('looks at everything after a claim that failed', async () => {
  const { look, wakes } = looks()
  expect(await look('90:100:')).toBe('all')
  wakes.forget()
  expect(await look('101:101:')).toBe('all')
})
