import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutGraphemes, httpsUrl, multiLine, oneLine } from '../../src/payloads/display-text.ts'

describe('oneLine', () => {
  it.each([
    ['  two\r\n\twords\u2028 ', 20, 'two words'],
    ['a\u0000\u001b[0m\u0085b\u009f', 20, 'a[0m b'],
    ['', 5, ''],
    ['\u200b\u2060\ufe0f\u3164', 9, ''],
    ['12345', 5, '12345'],
    ['123456', 5, '1234…'],
    ['123  456', 5, '123…'],
    ['123456', 1, '…'],
    ['123456', 0, ''],
    ['\ud83dx', 5, '\ufffdx'],
  ])('writes %j in %i as %j', (text, max, expected) => {
    expect(oneLine(text, max)).toBe(expected)
  })
})

describe('multiLine', () => {
  it.each([
    ['\n a\r\nb\rc\vd\fe\u0085f\u2028g\u2029\n', 40, 'a\nb\nc\nd\ne\nf\ng'],
    ['a  b\tc\u0007', 40, 'a  b\tc'],
    ['a\r\n'.repeat(10), 19, 'a\n'.repeat(10).trim()],
    ['a\r\n'.repeat(20), 19, `${'a\n'.repeat(9).trim()}…`],
    ['\r\n\r\n', 3, ''],
  ])('writes %j in %i as %j', (text, max, expected) => {
    expect(multiLine(text, max)).toBe(expected)
  })

  it('stays within the limit, well-formed, without control characters, whatever it is given', () => {
    const text = fc.string({
      unit: fc.oneof(fc.string({ unit: 'binary', maxLength: 3 }), fc.constantFrom('\ud83d', '👨‍👩‍👧')),
    })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (raw, max) => {
        for (const tidy of [multiLine(raw, max), oneLine(raw, max)]) {
          expect(tidy.length).toBeLessThanOrEqual(max)
          expect(tidy.isWellFormed()).toBe(true)
          expect(tidy).not.toMatch(/(?![\n\t])\p{Cc}|^\s|\s$/u)
        }
        expect(oneLine(raw, max)).not.toMatch(/[\n\t]/)
      }),
      { seed: 20_261_121, numRuns: 2000 },
    )
  })
})

describe('cutGraphemes', () => {
  it('keeps whole graphemes of the beginning', () => {
    const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
    const grapheme = fc.constantFrom('a', '日', '🎉', '👍🏽', '👨‍👩‍👧‍👦', 'e\u0301\u0323', '🇮🇪', '각', 'क्षि', '\r\n')
    fc.assert(
      fc.property(
        fc.array(grapheme, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 80 }),
        (parts, max) => {
          const text = parts.join('')
          const kept = cutGraphemes(text, max).slice(0, -1)
          const starts = [...segmenter.segment(text)].map(({ index }) => index)
          const end = [...starts, text.length].findLast((index) => index < max) ?? 0
          expect(kept).toBe(text.slice(0, end).trimEnd())
        },
      ),
      { seed: 20_261_121, numRuns: 2000 },
    )
  })
})

describe('httpsUrl', () => {
  it.each([
    ['https://app.example.com', 'https://app.example.com/'],
    ['https://app.example.com/ä?q="<\\>"#\\', 'https://app.example.com/%C3%A4?q=%22%3C%5C%3E%22#%5C'],
    [' https://app.example.com/\n ', 'https://app.example.com/'],
    ['http://app.example.com/', undefined],
    ['javascript:alert(1)//https://x', undefined],
    ['//app.example.com/', undefined],
    ['https://admin:hunter2@app.example.com/', undefined],
    ['', undefined],
  ])('reads %j as %j', (href, expected) => {
    expect(httpsUrl(href, 100)).toBe(expected)
  })

  it('refuses what is longer than the limit, as written or as sent', () => {
    expect(httpsUrl('https://a.example/12', 20)).toBe('https://a.example/12')
    expect(httpsUrl('https://a.example/123', 20)).toBeUndefined()
    expect(httpsUrl('https://a.example/é', 20)).toBeUndefined()
  })
})
