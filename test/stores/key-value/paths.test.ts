import fc from 'fast-check'
import { expect, it } from 'vitest'
import { escaped, keyOf, under } from '../../../src/stores/key-value/paths.ts'

const part = fc.string({ unit: 'binary', maxLength: 12 })
const compare = (a: string | Buffer, b: string | Buffer) =>
  Math.sign(typeof a === 'string' ? (a < b ? -1 : Number(a > b)) : Buffer.compare(a, Buffer.from(b)))

it('keys have the order of their parts, by UTF-16 units and by bytes alike, and only printable ASCII', () => {
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      const [one, other] = [keyOf('k', a, b), keyOf('k', c, d)]
      expect(one).toMatch(/^[!-~]*$/)
      expect(compare(one, other)).toBe(compare(a, c) || compare(b, d))
      expect(compare(Buffer.from(one), Buffer.from(other))).toBe(compare(one, other))
    }),
  )
})

it('what begins with a text begins with its key, and no part reaches into the next', () => {
  fc.assert(
    fc.property(part, part, (a, b) => {
      expect(escaped(a + b).startsWith(escaped(a))).toBe(true)
      expect(keyOf('k', a + b).startsWith(under('k', a))).toBe(false)
      expect(keyOf('k', a, b).startsWith(under('k', a))).toBe(true)
    }),
  )
})

it('instants sort as numbers', () => {
  expect([keyOf(9), keyOf(10), keyOf(1_780_000_000_000)].toSorted()).toEqual([
    '0000000000000009',
    '0000000000000010',
    '0001780000000000',
  ])
})
