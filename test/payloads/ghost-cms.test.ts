import { describe, expect, it } from 'vitest'
import { ghostCmsFormat } from '../../src/payloads/ghost-cms.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'

const metadata = { current: { title: 'Hé', id: '1' }, previous: { title: 'He' } }
const edited = eventMessage({ type: 'post.edited', metadata })
const siteChanged = eventMessage({ type: 'site.changed' })
const body = (message: Parameters<ReturnType<typeof ghostCmsFormat>['build']>[0], form?: 'without-event') =>
  ghostCmsFormat(form === undefined ? {} : { body: form }).build(message).body

describe('ghostCmsFormat', () => {
  it('names the event, and keeps the metadata under their resource as they are', () => {
    expect(ghostCmsFormat().build(edited)).toEqual({
      contentType: 'application/json',
      headers: { 'content-version': 'v6.65' },
      body: '{"event":"post.edited","post":{"current":{"title":"Hé","id":"1"},"previous":{"title":"He"}}}',
    })
    expect(body(siteChanged)).toBe('{"event":"site.changed"}')
    expect(body(eventMessage({ type: 'member.added' }))).toBe(
      '{"event":"member.added","member":{"current":{},"previous":{}}}',
    )
  })

  it('leaves the event out, as before 6.45', () => {
    expect(body(edited, 'without-event')).toBe('{"post":{"current":{"title":"Hé","id":"1"},"previous":{"title":"He"}}}')
    expect(body(siteChanged, 'without-event')).toBe('{}')
  })

  it('sends events of the documented catalog as they are', () => {
    const documented = ghostCmsFormat({ body: 'documented' })
    const attached = eventMessage({ type: 'post.tag.attached', metadata: { tag: { current: { name: 'News' } } } })
    expect(documented.build(attached).body).toBe('{"tag":{"current":{"name":"News"}}}')
    expect(documented.build(siteChanged).body).toBe('{}')
  })

  it('sends another content version, or none', () => {
    expect(ghostCmsFormat({ contentVersion: 'v5.87' }).build(edited).headers).toEqual({ 'content-version': 'v5.87' })
    expect(ghostCmsFormat({ contentVersion: false }).build(edited).headers).toBeUndefined()
  })

  it('has a name for each body, so that connections can choose', () => {
    const names = (['with-event', 'without-event', 'documented'] as const).map(
      (one) => ghostCmsFormat({ body: one }).name,
    )
    expect(names).toEqual(['ghost-cms', 'ghost-cms-without-event', 'ghost-cms-documented'])
  })

  it('writes tests and digests, which Ghost does not have, in the same manner', () => {
    expect(body(testMessage)).toBe(
      '{"event":"test","test":{"title":"Test notification","body":"This is a test.","href":"https://app.example.com/settings/integrations"}}',
    )
    const digest = digestMessage([storedEvent({ type: 'site.changed' }), edited.event], { total: 5 })
    expect(body(digest)).toBe(
      '{"event":"digest","digest":{"subject":"2 updates from Acme","href":"https://app.example.com/inbox","total":5,"items":[{"event":"site.changed"},{"event":"post.edited","post":{"current":{"title":"Hé","id":"1"},"previous":{"title":"He"}}}]}}',
    )
    expect(JSON.parse(String(body(digest, 'without-event')))).not.toHaveProperty('event')
  })

  it.each([
    ['body', { body: 'toString' }],
    ['contentVersion', { contentVersion: '' }],
    ['contentVersion', { contentVersion: 'v6\r\nx: y' }],
    ['contentVersion', { contentVersion: 'v'.repeat(65) }],
    ['withEvent', { withEvent: false }],
  ])('refuses what %s cannot be', (field, options) => {
    expect(() => ghostCmsFormat(options as object)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})
