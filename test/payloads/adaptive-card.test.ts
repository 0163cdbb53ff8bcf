import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/contracts/message.ts'
import { adaptiveCard, cardWireBytes, escapeCardText, MAX_CARD_WIRE_BYTES } from '../../src/payloads/index.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'
import { cardProblems, graphWire, workflowsWire } from './support/card-validator.ts'
import { hostileMessage, stringsIn } from './support/hostile-messages.ts'

const bytes = (text: string): number => new TextEncoder().encode(text).length
/** The text of each block. */
const texts = (message: Message): string[] =>
  adaptiveCard(message).body.map((block) => block.inlines.map((run) => run.text).join(''))
const many = (count: number, changes: Parameters<typeof storedEvent>[0] = {}) =>
  Array.from({ length: count }, (_, index) => storedEvent({ title: `Title ${index}`, ...changes, id: `evt_${index}` }))

describe('adaptiveCard', () => {
  it('draws an event: importance, title, paragraphs, organisation, button', () => {
    expect(adaptiveCard(eventMessage({ body: 'One\r\ntwo\n\n \nThree' }))).toEqual({
      type: 'AdaptiveCard',
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      version: '1.5',
      body: [
        {
          type: 'RichTextBlock',
          inlines: [{ type: 'TextRun', text: 'Important', size: 'Small', weight: 'Bolder', color: 'Warning' }],
        },
        {
          type: 'RichTextBlock',
          inlines: [{ type: 'TextRun', text: 'Breach logged', size: 'Large', weight: 'Bolder', color: 'Warning' }],
        },
        { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'One\ntwo' }], spacing: 'Medium' },
        { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'Three' }], spacing: 'Medium' },
        {
          type: 'RichTextBlock',
          inlines: [{ type: 'TextRun', text: 'Acme', size: 'Small', isSubtle: true }],
          spacing: 'Medium',
        },
      ],
      actions: [{ type: 'Action.OpenUrl', title: 'Open', url: 'https://app.example.com/breaches/1' }],
    })
  })

  it('draws a digest: subject, linked titles with the beginning of bodies, what was left out', () => {
    const events = [
      storedEvent({ importance: 'urgent' }),
      storedEvent({ title: 'Plain', body: '', importance: 'low', href: 'http://app.example.com' }),
    ]
    const { body, actions } = adaptiveCard(digestMessage(events, { total: 39 }), { buttonText: 'Open in Acme' })
    expect(body.slice(1, -1)).toEqual([
      {
        type: 'RichTextBlock',
        inlines: [
          {
            type: 'TextRun',
            text: 'Urgent: Breach logged',
            weight: 'Bolder',
            color: 'Attention',
            selectAction: { type: 'Action.OpenUrl', url: 'https://app.example.com/breaches/1' },
          },
        ],
        spacing: 'Medium',
      },
      {
        type: 'RichTextBlock',
        inlines: [{ type: 'TextRun', text: 'First line Second line', isSubtle: true }],
        spacing: 'None',
      },
      { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'Plain', weight: 'Bolder' }], spacing: 'Medium' },
      {
        type: 'RichTextBlock',
        inlines: [{ type: 'TextRun', text: 'and 37 more', isSubtle: true }],
        spacing: 'Medium',
      },
    ])
    expect(body[0]?.inlines).toEqual([
      { type: 'TextRun', text: '2 updates from Acme', size: 'Large', weight: 'Bolder' },
    ])
    expect(actions).toEqual([{ type: 'Action.OpenUrl', title: 'Open in Acme', url: 'https://app.example.com/inbox' }])
  })

  it('draws a test like an event', () => {
    expect(texts(testMessage)).toEqual(['Test notification', 'This is a test.', 'Acme'])
  })

  it.each([
    ['urgent', 'Urgent', 'Attention'],
    ['high', 'Important', 'Warning'],
  ] as const)('marks %s importance in a word and a colour', (importance, word, color) => {
    const [mark, title] = adaptiveCard(eventMessage({ importance })).body
    expect(mark?.inlines[0]).toMatchObject({ text: word, color })
    expect(title?.inlines[0]).toMatchObject({ text: 'Breach logged', color })
  })

  it.each(['normal', 'low'] as const)('marks %s importance with nothing', (importance) => {
    const [title] = adaptiveCard(eventMessage({ importance })).body
    expect(title?.inlines).toEqual([{ type: 'TextRun', text: 'Breach logged', size: 'Large', weight: 'Bolder' }])
  })

  it.each(['http://app.example.com/', 'javascript:alert(1)', '/relative', '', `https://x.example/${'a'.repeat(2031)}`])(
    'has no button for the href %j',
    (href) => {
      expect(adaptiveCard(eventMessage({ href }))).not.toHaveProperty('actions')
      expect(adaptiveCard({ ...testMessage, href })).not.toHaveProperty('actions')
    },
  )

  it('links to URLs of 2048 characters, with commands encoded', () => {
    const href = `https://x.example/${'a'.repeat(2030)}`
    expect(adaptiveCard(eventMessage({ href })).actions).toMatchObject([{ url: href }])
    expect(adaptiveCard(eventMessage({ href: 'https://x.example/?q={{DATE(1)}}' })).actions).toMatchObject([
      { url: 'https://x.example/?q=%7B%7BDATE(1)%7D%7D' },
    ])
  })

  it('is accepted where nothing in a message can be seen', () => {
    const empty = { title: ' \u200b', body: '\r\n\u0000', href: '', orgName: '' }
    for (const message of [eventMessage({ ...empty, type: '' }), { ...testMessage, ...empty }]) {
      expect(cardProblems(adaptiveCard(message))).toEqual([])
    }
    expect(texts(eventMessage(empty))).toEqual(['Important', 'breach_logged'])
    expect(texts(digestMessage([storedEvent(empty)], { subject: '', orgName: '', href: '' }))).toEqual([
      'Notifications',
      'Important: breach_logged',
    ])
  })

  it('shows Markdown and HTML as they were written, and line ends of every kind', () => {
    const body = '**a** [b](c) <b>d</b>\re\u2028f\u0000g'
    expect(texts(eventMessage({ title: '_x_ # y', body })).slice(1, 3)).toEqual([
      '_x_ # y',
      '**a** [b](c) <b>d</b>\ne\nfg',
    ])
  })

  describe('fits the message limit of Teams', () => {
    const fill = (body: string) => adaptiveCard(eventMessage({ body }))

    it.each([
      ['ASCII', 'x', 1],
      ['quotes, escaped twice', '"', 4],
      ['backslashes, escaped twice', '\\', 4],
      ['Han', '漢', 3],
      ['emoji', '🎉', 4],
    ])('to the byte, with %s', (_, character, size) => {
      const overhead = cardWireBytes(fill('x')) - 1
      const room = Math.floor((MAX_CARD_WIRE_BYTES - overhead) / size)
      const whole = fill(character.repeat(room))
      expect(stringsIn(whole)).toContain(character.repeat(room))
      expect(cardWireBytes(whole)).toBeGreaterThan(MAX_CARD_WIRE_BYTES - size)
      const cut = fill(character.repeat(room + 1))
      expect(cardWireBytes(cut)).toBeLessThanOrEqual(MAX_CARD_WIRE_BYTES)
      expect(cardWireBytes(cut)).toBeGreaterThan(MAX_CARD_WIRE_BYTES - 2 * size - 3)
      expect(stringsIn(cut)).toContainEqual(expect.stringMatching(/…$/))
    })

    it('counts what the larger of the two wire forms takes', () => {
      for (const card of [
        fill('"\\'.repeat(100)),
        fill('漢🎉é\n\t'.repeat(100)),
        adaptiveCard(digestMessage(many(20))),
      ]) {
        const envelope = bytes(graphWire({})) - '{}'.length
        expect(cardWireBytes(card)).toBe(bytes(graphWire(card)) - envelope + 600)
        expect(envelope).toBeLessThan(600)
        expect(bytes(workflowsWire(card))).toBeLessThan(bytes(graphWire(card)))
      }
    })

    it('with paragraphs without end, of which it shows the first ones', () => {
      const card = fill('Line\n\n'.repeat(20_000))
      expect(cardWireBytes(card)).toBeLessThanOrEqual(MAX_CARD_WIRE_BYTES)
      expect(card.body.length).toBeGreaterThan(150)
      expect(card.body.at(-2)?.inlines[0]?.text).toMatch(/…$/)
    })

    it('keeps each grapheme whole', () => {
      const family = '👩‍👩‍👧‍👦'
      const text = fill(family.repeat(5000)).body[2]?.inlines[0]?.text
      expect(text?.replaceAll(family, '')).toBe('…')
    })

    it('with titles and names that are far too long', () => {
      const long = '"'.repeat(50_000)
      const card = adaptiveCard(eventMessage({ title: long, orgName: long, body: long, href: 'https://x.example/' }))
      expect(cardWireBytes(card)).toBeLessThanOrEqual(MAX_CARD_WIRE_BYTES)
      expect(card.body[1]?.inlines[0]?.text).toBe(`${'"'.repeat(299)}…`)
    })

    it.each([
      [1, 1],
      [50, 50],
      [200, 240],
    ])('lists the events of a digest of %i in order and counts the rest of %i', (kept, total) => {
      const card = adaptiveCard(digestMessage(many(kept, { body: 'Words '.repeat(200) }), { total }))
      const shown = stringsIn(card.body.filter((block) => block.inlines[0]?.selectAction !== undefined))
        .filter((text) => text.startsWith('Important: '))
        .map((text) => text.slice('Important: '.length))
      expect(shown).toEqual(shown.map((_, index) => `Title ${index}`))
      expect(shown.length).toBeGreaterThanOrEqual(Math.min(kept, 60))
      expect(stringsIn(card).filter((text) => /^and \d+ more$/.test(text))).toEqual(
        shown.length === total ? [] : [`and ${total - shown.length} more`],
      )
    })

    it('has room for one event whatever the others hold', () => {
      const backslashes = '\\'.repeat(3000)
      const href = `https://x.example/${'a'.repeat(980)}`
      const events = many(200, { title: backslashes, body: backslashes, href })
      const message = digestMessage(events, { subject: backslashes, orgName: backslashes, href: `${href}${href}` })
      const card = adaptiveCard(message)
      expect(card.body.filter((block) => block.inlines[0]?.selectAction !== undefined).length).toBeGreaterThan(5)
      expect(cardWireBytes(card)).toBeLessThanOrEqual(MAX_CARD_WIRE_BYTES)
    })
  })

  it('is accepted by the SDK whatever a message holds, within the limit, without a live command', () => {
    let digests = 0
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const card = adaptiveCard(message)
        if (message.kind === 'digest') digests += 1
        expect(cardProblems(card)).toEqual([])
        expect(bytes(graphWire(card))).toBeLessThanOrEqual(24_000)
        expect(bytes(workflowsWire(card))).toBeLessThanOrEqual(24_000)
        const shown = stringsIn(card).join('·')
        expect(shown).not.toMatch(/\{\{\s*(?:DATE|TIME)|<[\s/]*at/i)
        expect(shown).not.toMatch(/(?![\n\t])\p{Cc}/u)
        expect(shown.isWellFormed()).toBe(true)
        expect(urlsOf(card).filter((url) => !url.startsWith('https://'))).toEqual([])
        if (message.kind === 'digest') expect(countOf(card)).toBe(message.total)
      }),
      { seed: 20_261_121, numRuns: 2000 },
    )
    expect(digests).toBeGreaterThan(500)
  }, 60_000)

  it.each<[string, object]>([
    ['buttonText', { buttonText: '' }],
    ['buttonText', { buttonText: 'x'.repeat(76) }],
    ['buttonText', { buttonText: ' Open' }],
    ['buttonText', { buttonText: 'Open\n' }],
    ['label', { label: 'Open' }],
  ])('refuses the option %s as %j', (field, options) => {
    expect(() => adaptiveCard(testMessage, options)).toThrow(expect.objectContaining({ code: 'invalid_input', field }))
  })
})

describe('escapeCardText', () => {
  it.each([
    ['{{DATE(2026-11-21T09:00:00Z)}}', '{\u200b{DATE(2026-11-21T09:00:00Z)}}'],
    ['{{ time (x)}}', '{\u200b{ time (x)}}'],
    ['{{{TIME(', '{{\u200b{TIME('],
    ['<at>Ann</at>', '<\u200bat>Ann<\u200b/at>'],
    ['< AT id="1">', '<\u200b AT id="1">'],
    ['{{name}} <b> a<b {DATE(', '{{name}} <b> a<b {DATE('],
  ])('writes %j as %j', (text, expected) => {
    expect(escapeCardText(text)).toBe(expected)
  })
})

describe('the card validator', () => {
  const card = adaptiveCard(eventMessage())
  const [block] = card.body
  const run = block?.inlines[0]
  it.each<[string, object]>([
    ['an unknown element', { ...card, body: [{ type: 'Banner' }] }],
    ['an unknown property', { ...card, body: [{ ...block, wrap: true }] }],
    ['an unknown colour', { ...card, body: [{ ...block, inlines: [{ ...run, color: 'Red' }] }] }],
    ['an element of a later version', { ...card, body: [{ type: 'Carousel', pages: [] }] }],
    ['an action without a URL', { ...card, actions: [{ type: 'Action.OpenUrl', title: 'Open' }] }],
    ['a run without text', { ...card, body: [{ ...block, inlines: [{ type: 'TextRun', text: '' }] }] }],
    ['a property that Teams alone knows', { ...card, msteams: { width: 'Full' } }],
    ['no card', { type: 'Card' }],
  ])('refuses %s', (_, broken) => {
    expect(cardProblems(card)).toEqual([])
    expect(cardProblems(broken)).not.toEqual([])
  })
})

function urlsOf(card: ReturnType<typeof adaptiveCard>): string[] {
  const links = card.body.flatMap((block) => block.inlines.flatMap((run) => run.selectAction ?? []))
  return [...links, ...(card.actions ?? [])].map((action) => action.url)
}

/** How many events a digest's card accounts for: titles, and the note of what was left out. */
function countOf(card: ReturnType<typeof adaptiveCard>): number {
  const runs = card.body.slice(1).flatMap((block) => block.inlines)
  const titles = runs.filter((run) => run.weight === 'Bolder').length
  const notes = runs.filter((run) => run.isSubtle && run.size === undefined)
  const note = /^and (\d+) more$/.exec(notes.at(-1)?.text ?? '')
  return titles + Number(note?.[1] ?? 0)
}
