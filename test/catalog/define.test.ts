import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { catalogIndex } from '../../src/catalog/catalog-index.ts'
import { defineCatalog, defineEvent } from '../../src/catalog/define.ts'
import type { Categories } from '../../src/contracts/catalog.ts'

const invoice_paid = defineEvent({
  label: 'Invoice paid',
  metadata: z.object({ number: z.string() }),
  summary: ({ number }) => ({ title: `Invoice ${number} paid`, body: '', href: 'https://app.example/invoices' }),
})
const catalog = defineCatalog({
  categories: {
    billing: {
      label: 'Billing',
      description: 'Money',
      events: { invoice_paid, invoice_sent: { label: 'Invoice sent' } },
    },
    team: { label: 'Team', events: { member_joined: { label: 'Member joined' } } },
    empty: { label: 'Nothing yet', events: {} },
  },
})

describe('defineCatalog', () => {
  it('keeps categories and events as they were given, and never changes afterwards', () => {
    expect(Object.keys(catalog.categories)).toEqual(['billing', 'team', 'empty'])
    expect(catalog.categories.billing).toMatchObject({ label: 'Billing', description: 'Money' })
    expect(catalog.categories.billing.events.invoice_paid).toBe(invoice_paid)
    expect(Object.isFrozen(catalog)).toBe(true)
    expect(Object.isFrozen(catalog.categories.billing.events)).toBe(true)
  })

  it.each<[string, unknown, string]>([
    ['a reserved type', { a: { label: 'A', events: { test: { label: 'T' } } } }, 'categories.a.events.test'],
    [
      'the other reserved type',
      { a: { label: 'A', events: { digest: { label: 'T' } } } },
      'categories.a.events.digest',
    ],
    [
      'a type in two categories',
      { a: { label: 'A', events: { x: { label: 'X' } } }, b: { label: 'B', events: { x: { label: 'X' } } } },
      'categories.b.events.x',
    ],
    ['an empty category id', { '': { label: 'A', events: {} } }, 'categories.'],
    ['an empty event id', { a: { label: 'A', events: { '': { label: 'X' } } } }, 'categories.a.events.'],
    ['an id with a space', { a: { label: 'A', events: { 'x y': { label: 'X' } } } }, 'categories.a.events.x y'],
    ['an empty label', { a: { label: ' ', events: {} } }, 'categories.a.label'],
    ['an event without label', { a: { label: 'A', events: { x: {} } } }, 'categories.a.events.x.label'],
    ['an event that is none', { a: { label: 'A', events: { x: null } } }, 'categories.a.events.x'],
    ['a category without events', { a: { label: 'A' } }, 'categories.a.events'],
    [
      'a schema that is none',
      { a: { label: 'A', events: { x: { label: 'X', metadata: {} } } } },
      'categories.a.events.x.metadata',
    ],
    [
      'a summary that is none',
      { a: { label: 'A', events: { x: { label: 'X', summary: 's' } } } },
      'categories.a.events.x.summary',
    ],
    ['no categories', undefined, 'categories'],
  ])('refuses %s', (_, categories, field) => {
    expect(() => defineCatalog({ categories: categories as Categories })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })
})

describe('catalogIndex', () => {
  it('finds a type with its category, and nothing that objects merely inherit', () => {
    const index = catalogIndex(catalog)
    expect(index.find('member_joined')).toEqual({ category: 'team', definition: { label: 'Member joined' } })
    expect(index.find('toString')).toBeUndefined()
    expect(index.hasCategory('team')).toBe(true)
    expect(index.hasCategory('constructor')).toBe(false)
  })

  it('answers an index as it is', () => {
    const index = catalogIndex(catalog)
    expect(catalogIndex(index)).toBe(index)
  })
})
