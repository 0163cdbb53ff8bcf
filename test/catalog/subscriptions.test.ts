import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogIndex } from '../../src/catalog/catalog-index.ts'
import { defineCatalog } from '../../src/catalog/define.ts'
import { checkSubscription, compileFilter, explainMatch, matches } from '../../src/catalog/subscriptions.ts'
import type { Importance } from '../../src/contracts/event.ts'
import type { SubscribedConnection } from '../../src/contracts/store.ts'

const event = (label: string) => ({ label })
const catalog = defineCatalog({
  categories: {
    breach: { label: 'Breach', events: { breach_logged: event('Logged'), breach_closed: event('Closed') } },
    team: { label: 'Team', events: { member_joined: event('Joined'), member_removed: event('Removed') } },
    dpia: { label: 'DPIA', events: { dpia_approved: event('Approved') } },
  },
})
const TYPES = ['breach_logged', 'breach_closed', 'member_joined', 'member_removed', 'dpia_approved']

/** The types of the catalog that a connection gets. */
const gets = (categories: string[], eventTypes: string[] = []) =>
  TYPES.filter((type) => matches({ categories, eventTypes }, { type }, catalog))

describe('the filter rule', () => {
  it('none chosen is everything', () => {
    expect(gets([])).toEqual(TYPES)
  })

  it('chosen categories are whole', () => {
    expect(gets(['breach', 'dpia'])).toEqual(['breach_logged', 'breach_closed', 'dpia_approved'])
  })

  it('event types narrow the categories that they belong to, and only those', () => {
    expect(gets(['breach', 'team'], ['breach_logged'])).toEqual(['breach_logged', 'member_joined', 'member_removed'])
    expect(gets([], ['breach_logged'])).toEqual(['breach_logged', 'member_joined', 'member_removed', 'dpia_approved'])
    expect(gets(['breach'], ['breach_closed'])).toEqual(['breach_closed'])
  })

  it('takes the category from the catalog, whatever the event says', () => {
    const subscription = { categories: ['team'], eventTypes: [] }
    expect(matches(subscription, { type: 'breach_logged', category: 'team' }, catalog)).toBe(false)
    expect(matches(subscription, { type: 'unheard_of', category: 'team' }, catalog)).toBe(false)
  })
})

describe('what the catalog no longer has', () => {
  it('matches nothing as a category, and never becomes "none chosen"', () => {
    expect(gets(['gone'])).toEqual([])
    expect(gets(['gone', 'dpia'])).toEqual(['dpia_approved'])
  })

  it('never makes a narrowed category whole again', () => {
    expect(gets(['breach'], ['breach_retired'])).toEqual([])
    expect(gets(['breach'], ['breach_retired', 'breach_logged'])).toEqual(['breach_logged'])
  })

  it('never becomes everything where all categories are wanted: which one it narrowed is unknown', () => {
    expect(gets([], ['breach_retired'])).toEqual([])
    expect(gets([], ['breach_retired', 'member_joined'])).toEqual(['member_joined'])
  })

  it('does not widen a category when a type of it moved to one that is not chosen', () => {
    expect(gets(['team'], ['breach_logged'])).toEqual([])
  })

  it('never adds a type, whatever the stored subscription', () => {
    const known = fc.subarray(TYPES)
    const chosen = fc.subarray(['breach', 'team', 'dpia'])
    const stale = fc.subarray(['gone_1', 'gone_2'], { minLength: 1 })
    fc.assert(
      fc.property(chosen, known, stale, (categories, types, gone) => {
        const before = gets(categories, types)
        for (const type of gets(categories, [...types, ...gone])) expect(before).toContain(type)
        if (categories.length === 0) expect(gets(gone)).toEqual([])
      }),
    )
  })
})

describe('without a catalog', () => {
  it('categories and event types are taken as plain lists', () => {
    const wants = (categories: string[], eventTypes: string[], type: string, category?: string) =>
      matches({ categories, eventTypes }, { type, category })
    expect(wants([], [], 'a')).toBe(true)
    expect(wants(['x'], [], 'a', 'x')).toBe(true)
    expect(wants(['x'], [], 'a', 'y')).toBe(false)
    expect(wants(['x'], [], 'a')).toBe(false)
    expect(wants([], ['a'], 'a')).toBe(true)
    expect(wants([], ['a'], 'b', 'x')).toBe(false)
    expect(wants(['x'], ['a'], 'a', 'y')).toBe(false)
  })
})

describe('explainMatch', () => {
  it.each([
    [[], [], 'breach_logged', true, "it wants the category 'breach', as every category"],
    [['breach'], [], 'breach_logged', true, "it wants the category 'breach'"],
    [['breach'], ['breach_logged'], 'breach_logged', true, "it wants 'breach_logged'"],
    [['team'], [], 'breach_logged', false, "it does not want the category 'breach'"],
    [['breach'], ['breach_closed'], 'breach_logged', false, "it wants other event types of the category 'breach'"],
    [[], [], 'unheard_of', false, "the catalog has no event type 'unheard_of'"],
    [
      ['breach'],
      ['breach_retired'],
      'breach_logged',
      false,
      "it is limited to event types that the catalog no longer has, which may have been of the category 'breach'",
    ],
  ])('%j %j, %s: %s, %s', (categories, eventTypes, type, matched, text) => {
    expect(explainMatch({ categories, eventTypes }, { type }, catalog)).toMatchObject({ matches: matched, text })
  })

  it('finds words without a catalog too', () => {
    const explain = (categories: string[], eventTypes: string[]) =>
      explainMatch({ categories, eventTypes }, { type: 'a' }).text
    expect(explain(['x'], [])).toBe('it does not want events without a category')
    expect(explain([], ['b'])).toBe('it wants other event types')
    expect(explain([], [])).toBe('it wants every event')
    const important = { categories: [], eventTypes: [], minImportance: 'high' } as const
    expect(explainMatch(important, { type: 'a', importance: 'urgent' }).text).toBe(
      "it wants every event of importance 'high' and above",
    )
  })
})

describe('checkSubscription', () => {
  it('answers what was chosen without repeats, in the order given', () => {
    expect(
      checkSubscription(catalog, {
        categories: ['team', 'breach', 'team'],
        eventTypes: ['breach_logged', 'breach_logged'],
      }),
    ).toEqual({ categories: ['team', 'breach'], eventTypes: ['breach_logged'] })
    expect(checkSubscription(catalog, {})).toEqual({ categories: [], eventTypes: [] })
    expect(checkSubscription(undefined, { eventTypes: ['anything'] })).toEqual({
      categories: [],
      eventTypes: ['anything'],
    })
  })

  it('accepts types of any category where none is chosen', () => {
    expect(
      checkSubscription(catalog, { categories: [], eventTypes: ['breach_logged', 'member_joined'] }).eventTypes,
    ).toHaveLength(2)
  })

  it.each<[unknown, string, RegExp]>([
    [{ categories: ['team', 'nope'] }, 'categories[1]', /no category 'nope'/],
    [{ categories: ['toString'] }, 'categories[0]', /no category/],
    [{ eventTypes: ['nope'] }, 'eventTypes[0]', /no event type 'nope'/],
    [
      { categories: ['team'], eventTypes: ['member_joined', 'breach_logged'] },
      'eventTypes[1]',
      /category 'breach', which is not chosen/,
    ],
    [{ categories: 'team' }, 'categories', /array/],
    [{ categories: [5] }, 'categories[0]', /text/],
    [{ eventTypes: [''] }, 'eventTypes[0]', /text/],
    [{ eventTypes: Array.from({ length: 1001 }, () => 'x') }, 'eventTypes', /at most 1000/],
  ])('refuses %j, naming %s', (input, field, message) => {
    expect(() => checkSubscription(catalog, input as object)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field, message: expect.stringMatching(message) }),
    )
  })
})

describe('compileFilter', () => {
  const connection = (
    id: string,
    categories: readonly string[],
    eventTypes: readonly string[] = [],
    minImportance?: Importance,
  ): SubscribedConnection => ({
    id,
    orgId: 'org_1',
    transport: 'webhook',
    categories,
    eventTypes,
    ...(minImportance === undefined ? {} : { minImportance }),
  })

  it('answers the same array, frozen, for events of equal subscribers', () => {
    const filter = compileFilter(catalog, [connection('1', []), connection('2', ['team'], ['member_joined'])])
    const found = filter.match('breach_logged')
    expect(found.map((one) => one.id)).toEqual(['1'])
    expect(filter.match('breach_closed')).toBe(found)
    expect(Object.isFrozen(found)).toBe(true)
    expect(filter.match('member_joined').map((one) => one.id)).toEqual(['1', '2'])
    expect(filter.match('member_removed')).toBe(found)
    expect(filter.match('unheard_of')).toEqual([])
  })

  it('answers the same after more kinds of events than it keeps', () => {
    const names = Array.from({ length: 600 }, (_, n) => `type_${n}`)
    const connections = Array.from({ length: 10 }, (_, bit) =>
      connection(
        String(bit),
        [],
        names.filter((_, n) => ((n + 1) >> bit) & 1),
      ),
    )
    const filter = compileFilter(undefined, connections)
    for (const type of [...names, ...names]) {
      expect(filter.match(type)).toEqual(connections.filter(({ eventTypes }) => eventTypes.includes(type)))
    }
  })

  it('keeps nothing for types that only events bring along', () => {
    const filter = compileFilter(undefined, [connection('1', []), connection('2', [], ['a'])])
    const found = filter.match('generated-1', 'any-1')
    expect(filter.match('generated-2', 'any-2')).toBe(found)
    expect(filter.match('a').map((one) => one.id)).toEqual(['1', '2'])
  })

  it('answers for every event what matching one by one does', () => {
    const names = fc.constantFrom('breach', 'team', 'dpia', 'gone')
    const types = fc.constantFrom(...TYPES, 'gone_type')
    const importances = fc.constantFrom<Importance | undefined>(undefined, 'low', 'normal', 'high', 'urgent')
    const subscriptions = fc.array(
      fc.tuple(fc.uniqueArray(names, { maxLength: 3 }), fc.uniqueArray(types, { maxLength: 3 }), importances),
      { maxLength: 8 },
    )
    const events = fc.array(
      fc.record({ type: types, category: fc.option(names, { nil: undefined }), importance: importances }),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(fc.boolean(), subscriptions, events, (typed, wanted, happened) => {
        const used = typed ? catalogIndex(catalog) : undefined
        const connections = wanted.map((one, i) => connection(String(i), ...one))
        const filter = compileFilter(used, connections)
        for (const event of happened) {
          const found = filter.match(event.type, event.category, event.importance)
          expect(found).toEqual(connections.filter((one) => matches(one, event, used)))
        }
      }),
    )
  })
})
