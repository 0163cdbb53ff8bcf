import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutText, defaultDigestSubject, wellFormed } from '../../src/payloads/index.ts'

describe('cutText', () => {
  it.each([
    ['', 0, ''],
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['longer', 1, '…'],
    ['longer', 0, ''],
    ['ab🎉cd', 4, 'ab…'],
    ['ab🎉cd', 5, 'ab🎉…'],
    ['🎉🎉', 2, '…'],
    ['\ud83d', 1, '\ufffd'],
  ])('cuts %j to %i as %j', (text, max, expected) => {
    expect(cutText(text, max)).toBe(expected)
  })

  it('never exceeds the limit, never splits a code point, and keeps the beginning', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 45 }), (text, max) => {
        const cut = cutText(text, max)
        expect(cut.length).toBeLessThanOrEqual(max)
        expect(cut.isWellFormed()).toBe(true)
        if (text.length <= max) expect(cut).toBe(text)
        else {
          expect(cut.endsWith('…')).toBe(true)
          expect(text.startsWith(cut.slice(0, -1))).toBe(true)
          expect(cut.length).toBeGreaterThanOrEqual(max - 1)
        }
      }),
      { seed: 20_261_121, numRuns: 1000 },
    )
  })
})

describe('wellFormed', () => {
  it('replaces halves of surrogate pairs only', () => {
    expect(wellFormed('a\ud800b🎉\udc00')).toBe('a\ufffdb🎉\ufffd')
  })
})

describe('defaultDigestSubject', () => {
  it('counts in words', () => {
    expect(defaultDigestSubject(1, 'Acme')).toBe('1 update from Acme')
    expect(defaultDigestSubject(240, 'Acme')).toBe('240 updates from Acme')
  })
})
