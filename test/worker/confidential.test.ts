import { expect, it } from 'vitest'
import { webhookTransport } from '../../src/transports/webhook.ts'
import { confidentialOf } from '../../src/worker/confidential.ts'

const transport = {
  ...webhookTransport(),
  fields: [
    { name: 'url', label: 'URL', kind: 'url', required: true, secret: true },
    { name: 'headers', label: 'Headers', kind: 'headers', required: false, secret: true },
    { name: 'note', label: 'Note', kind: 'text', required: false },
  ],
} as const

it('names secret fields, signing secrets, and the parts in which endpoints repeat them', () => {
  const config = {
    url: 'https://hooks.example.com/services/T00000%2F00/abcdefghi?key=querysecret',
    headers: { authorization: 'Bearer bearertoken', other: `Basic ${Buffer.from('user:password').toString('base64')}` },
    note: 'not secret',
  }
  const values = confidentialOf(transport, config, ['whsec_x'])
  for (const value of [
    'whsec_x',
    config.url,
    '/services/T00000%2F00/abcdefghi',
    'T00000%2F00',
    'T00000/00',
    'abcdefghi',
    'querysecret',
    'bearertoken',
    'user:password',
    'password',
  ]) {
    expect(values).toContain(value)
  }
  expect(values).not.toContain('not secret')
  expect(values).not.toContain('hooks.example.com')
})
