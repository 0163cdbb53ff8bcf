import { describe, expect, it } from 'vitest'
import { readHeader } from '../../src/signing/headers.ts'

describe('reading a header', () => {
  it.each([
    ['an object with lower-case names', { 'x-name': 'value' }],
    ['an object with names as they are written', { Other: 'no', 'X-Name': 'value' }],
    ['a list of one value', { 'X-NAME': ['value'] }],
    ['Fetch Headers', new Headers({ 'X-Name': 'value' })],
  ])('finds it in %s', (_, headers) => {
    expect(readHeader(headers, 'x-name')).toBe('value')
  })

  it('joins repeated values as Fetch does', () => {
    const fetched = new Headers()
    fetched.append('x-name', 'a')
    fetched.append('x-name', 'b')
    expect(readHeader(fetched, 'x-name')).toBe('a, b')
    expect(readHeader({ 'x-name': ['a', 'b'] }, 'x-name')).toBe('a, b')
  })

  it.each([[{}], [{ 'x-name': undefined }], [{ 'x-name': [] }], [{ 'x-names': 'value' }], [new Headers()]])(
    'tells that it is missing: %j',
    (headers) => {
      expect(readHeader(headers, 'x-name')).toBeUndefined()
    },
  )

  it('takes a header called "get" for a header', () => {
    expect(readHeader({ get: 'a', 'x-name': 'value' }, 'x-name')).toBe('value')
  })
})
