import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discordOutcome } from '../../src/delivery/discord-outcome.ts'
import { graphOutcome } from '../../src/delivery/graph-outcome.ts'

const NOW = 1_800_000_000_000

function refused(errors: unknown): string | undefined {
  const text = JSON.stringify({ code: 50035, message: 'Invalid Form Body', errors })
  const outcome = discordOutcome({ status: 400, headers: {}, text }, NOW)
  return outcome.kind === 'delivered' ? undefined : outcome.detail
}

describe('the tree of errors of a Discord answer', () => {
  it('is told up to ten leaves', () => {
    const leaf = { _errors: [{ message: 'no' }] }
    const tree = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, leaf]))
    expect(refused(tree)?.split('; ')).toHaveLength(11)
    expect(
      refused({ embeds: { _errors: Array.from({ length: 30 }, () => ({ message: 'no' })) } })?.split('; '),
    ).toHaveLength(11)
  })

  it('may be deep, and then says nothing', () => {
    let tree: object = { _errors: [{ message: 'deep' }] }
    for (let depth = 0; depth < 200; depth++) tree = { a: tree }
    expect(refused(tree)).toBe('Invalid Form Body')
  })

  it('gives the code of an error without words, and the message’s own without a path', () => {
    expect(refused({ _errors: [{ code: 'EMPTY' }, {}, null, 'x'] })).toBe('Invalid Form Body; EMPTY')
  })

  it.each([null, [], 'text', 5, { _errors: 'x' }, { a: { _errors: {} } }])('may be anything: %j', (errors) => {
    expect(refused(errors)).toBe('Invalid Form Body')
  })
})

describe.each([
  ['Discord', discordOutcome],
  ['Graph', graphOutcome],
])('an answer of %s', (_name, classify) => {
  it('is understood whatever it says', () => {
    const text = fc.oneof(fc.json(), fc.string(), fc.constantFrom('{"code":1e400}', '{"error":[]}', '{', '[]'))
    const headers = fc.dictionary(
      fc.constantFrom('retry-after', 'x-ratelimit-remaining', 'x-ratelimit-reset-after', '__proto__'),
      fc.oneof(fc.string(), fc.constantFrom('0', '1.5', '-1', '1e9')),
    )
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), headers, text, (status, received, body) => {
        const outcome = classify({ status, headers: received, text: body }, NOW)
        expect(outcome.status).toBe(status)
        expect(outcome.kind === 'delivered').toBe(status < 300)
        for (const ms of ['retryAfterMs', 'cooldownMs'] as const) {
          const value = (outcome as Partial<Record<typeof ms, number>>)[ms]
          expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true)
        }
      }),
    )
  })

  it('is not read through the prototypes of JSON', () => {
    const text = '{"__proto__":{"code":10015,"id":"1"},"constructor":{}}'
    expect(classify({ status: 400, headers: {}, text }, NOW)).toEqual({
      kind: 'rejected',
      code: 'invalid_payload',
      status: 400,
    })
    expect(classify({ status: 200, headers: {}, text }, NOW)).toEqual({ kind: 'delivered', status: 200 })
  })
})
