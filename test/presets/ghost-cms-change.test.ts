import { describe, expect, it } from 'vitest'
import { ghostCms } from '../../src/presets/ghost-cms.ts'
import { deliveries } from '../support/ghost-cms.ts'

const { change } = ghostCms

/** Real deliveries, each with the version of the same resource that Ghost sent before. */
const steps = deliveries.flatMap(({ event, metadata }, index) => {
  const earlier = deliveries
    .slice(0, index)
    .map((one) => one.metadata?.current)
    .findLast((current) => current?.id !== undefined && current.id === metadata?.current.id)
  return metadata === undefined || earlier === undefined ? [] : [{ event, metadata, earlier }]
})
const edits = steps.filter(({ event }) => !event.includes('.tag.'))
const taggings = steps.filter(({ event }) => event.includes('.tag.'))

describe('what changed between two versions', () => {
  it('has enough real versions to be held against', () => {
    expect([edits.length, taggings.length]).toEqual([15, 4])
  })

  it.each(edits)('is what Ghost says at $event', ({ metadata, earlier }) => {
    expect(JSON.stringify(change.edited(earlier, metadata.current))).toBe(JSON.stringify(metadata))
  })

  it.each(taggings)('is the earlier tags at $event', ({ metadata, earlier }) => {
    // a tag that was just made has its keys in another order in Ghost
    expect(change.tagged(earlier, metadata.current)).toEqual(metadata)
  })

  it.each(deliveries.filter(({ event }) => !/\.(added|deleted|changed)$/.test(event)))(
    'is found again at $event in the version that it makes of the current one',
    ({ metadata: { current, previous } = { current: {}, previous: {} } }) => {
      expect(Object.keys(previous)).not.toEqual([])
      expect(JSON.stringify(change.previous({ ...current, ...previous }, current))).toBe(JSON.stringify(previous))
    },
  )

  it('is nothing where nothing changed, in whatever order the keys come', () => {
    expect(change.previous({ a: 1, b: { c: [1], d: null } }, { b: { d: null, c: [1] }, a: 1 })).toEqual({})
  })

  it('is null where a field is new, and the value where one is gone', () => {
    expect(change.previous({ id: '1', old: 'x' }, { id: '1', published_at: '2026-11-21T00:00:00Z' })).toEqual({
      old: 'x',
      published_at: null,
    })
    expect(change.previous({ id: '1' }, { id: '1', published_at: null })).toEqual({})
  })

  it('tells which records belong to it, not what changed in them, and nothing that follows from other fields', () => {
    const author = { id: 'a', name: 'Ada' }
    const before = { authors: [author], tags: [{ id: 't' }], url: '/p/1', excerpt: 'a', reading_time: 1, title: 'T' }
    const after = { authors: [{ ...author, name: 'Lovelace' }], tags: [], url: '/2', excerpt: 'b', reading_time: 2 }
    expect(change.previous(before, { ...after, title: 'T' })).toEqual({ tags: [{ id: 't' }] })
    expect(change.previous({ tags: [] }, { tags: [{ id: 't' }] })).toEqual({ tags: [] })
  })

  it('leaves the versions as they are, and puts updated_at last', () => {
    const before = Object.freeze({ updated_at: 1, title: 'a', status: 'draft' })
    const after = Object.freeze({ updated_at: 2, status: 'published', title: 'a' })
    expect(JSON.stringify(change.edited(before, after))).toBe(
      '{"current":{"updated_at":2,"status":"published","title":"a"},"previous":{"status":"draft","updated_at":1}}',
    )
  })
})

describe('the shapes of other events', () => {
  it.each(deliveries.filter(({ event }) => /\.(added|deleted)$/.test(event)))('are those of $event', (delivery) => {
    const { event, metadata } = delivery
    const made = event.endsWith('.added')
      ? change.added(metadata?.current ?? {})
      : change.deleted(metadata?.previous ?? {})
    expect(JSON.stringify(made)).toBe(JSON.stringify(metadata))
  })

  it('has no earlier tags where the version before had none', () => {
    expect(change.tagged({}, { id: '1', tags: [{ id: 't' }] })).toEqual({
      current: { id: '1', tags: [{ id: 't' }] },
      previous: { tags: [] },
    })
  })
})
