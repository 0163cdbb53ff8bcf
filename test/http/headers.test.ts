import { describe, expect, it } from 'vitest'
import { checkCustomHeaders } from '../../src/http/index.ts'

const refused = (headers: unknown, options = {}): unknown => {
  try {
    checkCustomHeaders(headers as Record<string, string>, options)
  } catch (error) {
    return error
  }
  throw new Error('was not refused')
}

describe('checkCustomHeaders', () => {
  it.each<[Record<string, string>]>([
    [{}],
    [{ authorization: 'Bearer abc', cookie: 'a=b', 'X-Api-Key': '1', accept: 'application/json', date: 'now' }],
    [{ 'x-latin': 'caf\xe9', 'x-tab': 'a\tb', 'x-empty': '', "x!#$%&'*+.^_`|~": '1' }],
    [Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x-${i}`, 'v']))],
  ])('accepts %j', (headers) => {
    expect(() => checkCustomHeaders(headers)).not.toThrow()
  })

  it.each([
    'host',
    'Connection',
    'content-length',
    'CONTENT-TYPE',
    'content-encoding',
    'transfer-encoding',
    'keep-alive',
    'te',
    'trailer',
    'upgrade',
    'expect',
    'accept-encoding',
    'User-Agent',
    'http2-settings',
    'proxy-authorization',
    'Proxy-Connection',
    'webhook-id',
    'Webhook-Signature',
    'x-ghost-signature',
    'X-Ghost-Anything',
    'x-signalbox-id',
  ])('keeps %s for the system', (name) => {
    const error = refused({ [name]: 'topsecret' })
    expect(error).toMatchObject({ code: 'invalid_input', field: `headers.${name}` })
    expect(String(error)).not.toMatch(/topsecret/)
  })

  it('keeps the names that a signature scheme writes', () => {
    const options = { field: 'config.headers', denied: ['X-Hub-Signature'] }
    expect(refused({ 'x-hub-signature': '1' }, options)).toMatchObject({ field: 'config.headers.x-hub-signature' })
  })

  it.each(['a\rb', 'a\nb', 'a\r\nx: y', 'a\0b', 'a\x7f', 'a\x1b', '€', '😀', 'a\u2028b'])(
    'refuses the value %j',
    (value) => {
      const error = refused({ 'x-a': `topsecret${value}` })
      expect(error).toMatchObject({ code: 'invalid_input', field: 'headers.x-a' })
      expect(String(error)).not.toMatch(/topsecret/)
    },
  )

  it.each(['', ' ', 'x a', 'x:a', 'x\r\na', 'é', 'x(a)', 'x"a', `x${'a'.repeat(300)}`])(
    'refuses the name %j',
    (name) => {
      expect(refused({ [name]: 'topsecret' })).toMatchObject({ code: 'invalid_input', field: 'headers' })
    },
  )

  it('shows no more of a bad name than its beginning: it may be a pasted secret', () => {
    const error = refused({ 'Authorization: Bearer topsecret': '' })
    expect(String(error)).toContain('"Authorization: B"…')
    expect(String(error)).not.toMatch(/topsecret/)
  })

  it('refuses one name twice, values that are no strings, too many, too much and no object', () => {
    expect(refused({ 'x-a': '1', 'X-A': '2' })).toMatchObject({ field: 'headers.X-A' })
    expect(refused({ 'x-a': 1 })).toMatchObject({ field: 'headers.x-a' })
    expect(refused(Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`x-${i}`, 'v'])))).toMatchObject({
      field: 'headers',
    })
    expect(refused({ 'x-a': 'a'.repeat(8_192) })).toMatchObject({ field: 'headers' })
    for (const value of [null, undefined, 'x-a: 1', [['x-a', '1']]])
      expect(refused(value)).toMatchObject({ code: 'invalid_input', field: 'headers' })
  })
})
