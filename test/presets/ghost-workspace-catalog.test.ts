import { describe, expect, it } from 'vitest'
import { catalogIndex } from '../../src/catalog/catalog-index.ts'
import { defineCatalog } from '../../src/catalog/define.ts'
import { ghostWorkspaceCatalog, ghostWorkspaceCategories } from '../../src/presets/ghost-workspace/catalog.ts'

describe('the catalog of a Ghost workspace', () => {
  it('has the eleven categories with the labels of its settings page', () => {
    const labels = Object.entries(ghostWorkspaceCatalog.categories).map(([key, { label }]) => [key, label])
    expect(labels).toEqual([
      ['privacy_requests', 'Privacy Request Cases & Tasks'],
      ['article_30', 'Article 30 Register'],
      ['team', 'Team'],
      ['redaction', 'Redaction'],
      ['breach', 'Breach register'],
      ['dpia', 'DPIA'],
      ['third_parties', 'Third Parties'],
      ['retention', 'Retention'],
      ['consent', 'Consent'],
      ['training', 'Training'],
      ['policies', 'Policies'],
    ])
  })

  it('has the documented events, in the categories that they belong to', () => {
    const index = catalogIndex(ghostWorkspaceCatalog)
    expect(index.find('case_assigned')?.category).toBe('privacy_requests')
    expect(index.find('breach_logged')?.category).toBe('breach')
    expect(index.find('member_joined')?.category).toBe('team')
  })

  it('names events in snake_case, and some in every category', () => {
    for (const { events } of Object.values(ghostWorkspaceCatalog.categories)) {
      expect(Object.keys(events).length).toBeGreaterThan(0)
      for (const type of Object.keys(events)) expect(type).toMatch(/^[a-z0-9]+(_[a-z0-9]+)+$/)
    }
  })

  it('can be extended by a host', () => {
    const own = defineCatalog({
      categories: {
        ...ghostWorkspaceCategories,
        billing: { label: 'Billing', events: { invoice_paid: { label: 'Paid' } } },
      },
    })
    expect(catalogIndex(own).find('invoice_paid')?.category).toBe('billing')
    expect(catalogIndex(own).find('breach_logged')?.category).toBe('breach')
  })
})
