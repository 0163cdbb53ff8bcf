import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hmacKey, hmacSha256 } from '../../src/signing/hmac.ts'

describe('HMAC-SHA256', () => {
  // RFC 4231, 4.2, 4.3, 4.4, 4.7 and 4.8: short keys, whole blocks, keys longer than a block.
  it.each([
    ['0b'.repeat(20), '4869205468657265', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      '4a656665',
      '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [
      'aa'.repeat(131),
      '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('gives the digests of RFC 4231 (key %s)', (key, data, expected) => {
    const digest = hmacSha256()(hmacKey(Buffer.from(key, 'hex')), '', Buffer.from(data, 'hex'), 'hex')
    expect(digest).toBe(expected)
  })

  it('equals createHmac for any key, prefix and body, whatever was hashed before', () => {
    const hmac = hmacSha256()
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
    )
    const body = fc.oneof(text, fc.uint8Array({ maxLength: 300 }))
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.string({ maxLength: 40 }),
        body,
        (key, prefix, body) => {
          const expected = createHmac('sha256', key).update(prefix).update(body)
          expect(hmac(hmacKey(key), prefix, body, 'base64')).toBe(expected.digest('base64'))
        },
      ),
      { seed: 20_261_121, numRuns: 1000 },
    )
  })

  it.each([0, 1, 63, 64, 2000, 2048, 21_000, 22_000, 65_472, 65_473, 300_000])(
    'equals createHmac for texts and bytes around the sizes where it changes its way: %i',
    (length) => {
      const hmac = hmacSha256()
      const key = Buffer.from('k'.repeat(32))
      for (const body of ['x'.repeat(length), '✓'.repeat(length), new Uint8Array(length).fill(255)]) {
        const expected = createHmac('sha256', key).update('id.1.').update(body).digest('hex')
        expect(hmac(hmacKey(key), 'id.1.', body, 'hex')).toBe(expected)
      }
    },
  )
})
