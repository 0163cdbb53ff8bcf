import { describe, expect, it } from 'vitest'
import { ghostCms } from '../../src/presets/ghost-cms.ts'
import { ghostCmsSignature } from '../../src/signing/index.ts'
import { deliveries } from '../support/ghost-cms.ts'

const secret = 'whsec_test_0123456789abcdef'
const published = {
  event: 'post.published',
  current: { id: '6682b8a8e10cc04306284330', title: 'Héllo ✓' },
  previous: { status: 'draft' },
  secret,
  sentAt: 1719842984367,
} as const

describe('the request of one delivery', () => {
  it.each(deliveries)('is that of the real $event, byte for byte', (delivery) => {
    const { event, metadata, sentAt, contentVersion } = delivery
    const request = ghostCms.request({ event, ...metadata, secret: delivery.secret, sentAt, contentVersion })
    expect(request).toEqual({
      headers: {
        'Content-Type': 'application/json',
        'Content-Version': delivery.contentVersion,
        'X-Ghost-Signature': delivery.signature,
      },
      body: delivery.body,
    })
  })

  it('is in the form of today', () => {
    expect(ghostCms.request(published)).toEqual({
      headers: {
        'Content-Type': 'application/json',
        'Content-Version': 'v6.65',
        'X-Ghost-Signature': 'sha256=d8db4c6d422501565daf4c7138c4ca41dc02e8ba068f44319f483e72ca2a918d, t=1719842984367',
      },
      body: '{"event":"post.published","post":{"current":{"id":"6682b8a8e10cc04306284330","title":"Héllo ✓"},"previous":{"status":"draft"}}}',
    })
  })

  it('can be in the older form', () => {
    const request = ghostCms.request({ ...published, body: 'without-event', signs: 'body', contentVersion: false })
    expect(request).toEqual({
      headers: {
        'Content-Type': 'application/json',
        'X-Ghost-Signature': 'sha256=81f195afa0c01fb25f66c9a1fe9489ab374201b59d29f9ff0062784ca954fc10, t=1719842984367',
      },
      body: '{"post":{"current":{"id":"6682b8a8e10cc04306284330","title":"Héllo ✓"},"previous":{"status":"draft"}}}',
    })
  })

  it('is not signed without a secret, and has empty versions where none are given', () => {
    expect(ghostCms.request({ event: 'tag.added' })).toEqual({
      headers: { 'Content-Type': 'application/json', 'Content-Version': 'v6.65' },
      body: '{"event":"tag.added","tag":{"current":{},"previous":{}}}',
    })
  })

  it('is signed now where no time is given', () => {
    const { headers, body } = ghostCms.request({ event: 'site.changed', secret })
    expect(ghostCmsSignature().verify({ headers, body, secrets: [secret] }).ok).toBe(true)
  })

  it('is a test of a receiver: it is verified like the real ones', () => {
    const { headers, body } = ghostCms.request(published)
    const input = { headers, body, secrets: [secret], now: published.sentAt }
    expect(ghostCmsSignature().verify(input)).toEqual({ ok: true, timestamp: published.sentAt })
    expect(ghostCmsSignature().verify({ ...input, body: `${body} ` })).toEqual({ ok: false, code: 'no_match' })
  })

  it.each([
    ['event', { event: 'post.imagined' }],
    ['body', { event: 'post.added', body: 'documented' }],
    ['contentVersion', { event: 'post.added', contentVersion: 'ü' }],
    ['secret', { event: 'post.added', secret: '' }],
    ['sentAt', { event: 'post.added', secret, sentAt: Number.NaN }],
    ['previuos', { event: 'post.added', previuos: {} }],
  ])('refuses what %s cannot be', (field, input) => {
    expect(() => ghostCms.request(input as Parameters<typeof ghostCms.request>[0])).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })
})
