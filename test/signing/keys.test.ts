import { describe, expect, it } from 'vitest'
import { invalidInput } from '../../src/errors.ts'
import { keyCache } from '../../src/signing/keys.ts'

describe('prepared keys', () => {
  it('prepares a secret once', () => {
    const prepared: string[] = []
    const keys = keyCache((secret) => {
      prepared.push(secret)
      return { secret }
    })
    expect(keys.get('a')).toBe(keys.get('a'))
    expect(prepared).toEqual(['a'])
  })

  it('keeps 1,000 keys and drops the oldest for the next', () => {
    const prepared: string[] = []
    const keys = keyCache((secret) => {
      prepared.push(secret)
      return { secret }
    })
    for (let i = 0; i < 1001; i++) keys.get(`secret ${i}`)
    prepared.length = 0
    keys.get('secret 1')
    keys.get('secret 1000')
    expect(prepared).toEqual([])
    keys.get('secret 0')
    expect(prepared).toEqual(['secret 0'])
  })

  it('tells a secret that does not suit from one that does not match', () => {
    const keys = keyCache((secret) => {
      if (secret === 'bad') throw invalidInput('secret', 'must not be bad')
      return secret
    })
    expect(keys.match(['bad', 'good'], (key) => key === 'good')).toBeUndefined()
    expect(keys.match(['good'], () => false)).toBe('no_match')
    expect(keys.match(['good', 'bad'], () => false)).toBe('secret_invalid')
    expect(keys.match([], () => true)).toBe('secret_invalid')
  })
})
