import { embedLength } from '@discordjs/builders'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/contracts/message.ts'
import { type DiscordEmbed, discordLink, discordMessage, escapeDiscordText } from '../../src/payloads/index.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'
import { apiBody, discordProblems, liveMarkup } from './support/discord-validator.ts'
import { hostileMessage, stringsIn } from './support/hostile-messages.ts'

const many = (count: number, changes: Parameters<typeof storedEvent>[0] = {}) =>
  Array.from({ length: count }, (_, index) => storedEvent({ title: `Title ${index}`, ...changes, id: `evt_${index}` }))

function embedOf(message: Message): DiscordEmbed {
  const [embed, ...others] = discordMessage(message).embeds
  expect(others).toEqual([])
  if (embed === undefined) throw new Error('no embed')
  return embed
}

describe('discordMessage', () => {
  it('draws an event', () => {
    expect(discordMessage(eventMessage())).toEqual({
      embeds: [
        {
          author: { name: 'Important' },
          title: 'Breach logged',
          url: 'https://app.example.com/breaches/1',
          description: 'First line\nSecond line',
          color: 0xf0b232,
          footer: { text: 'Acme' },
          timestamp: '2026-11-21T09:00:00.250Z',
        },
      ],
      allowed_mentions: { parse: [] },
    })
  })

  it('draws a digest: linked titles with the beginning of bodies, what was left out, the highest colour', () => {
    const events = [
      storedEvent({ importance: 'normal' }),
      storedEvent({ title: 'Plain *text*', body: '', importance: 'urgent', href: 'http://app.example.com/' }),
      storedEvent({
        title: '[A] (b)',
        body: '# a\n[b](c)',
        importance: 'low',
        href: 'https://app.example.com/?q=(1) 2',
      }),
    ]
    expect(embedOf(digestMessage(events, { total: 40 }))).toEqual({
      title: '3 updates from Acme',
      url: 'https://app.example.com/inbox',
      description: [
        '- [Breach logged](https://app.example.com/breaches/1) — First line Second line',
        '- Urgent: **Plain \\*text\\***',
        '- [(A) (b)](https://app.example.com/?q=%281%29%202) — \\# a \\[b\\]\u200b(c)',
        'and 37 more',
      ].join('\n'),
      color: 0xed4245,
      footer: { text: 'Acme' },
      timestamp: '2026-11-21T09:00:00.250Z',
    })
  })

  it('draws a test like an event of normal importance', () => {
    expect(embedOf(testMessage)).toMatchObject({
      title: 'Test notification',
      description: 'This is a test.',
      color: embedOf(eventMessage({ importance: 'normal' })).color,
    })
  })

  it('gives each importance its colour, and the high ones a word', () => {
    const embeds = (['low', 'normal', 'high', 'urgent'] as const).map((importance) =>
      embedOf(eventMessage({ importance })),
    )
    expect(new Set(embeds.map((embed) => embed.color)).size).toBe(4)
    expect(embeds.map((embed) => embed.author?.name)).toEqual([undefined, undefined, 'Important', 'Urgent'])
  })

  it('posts under another name where one is given', () => {
    expect(discordMessage(testMessage, { username: 'Acme' })).toMatchObject({ username: 'Acme' })
    expect(discordMessage(testMessage)).not.toHaveProperty('username')
  })

  it('is accepted where nothing in a message can be seen', () => {
    const empty = { title: ' \u200b', body: '\r\n\u0000', href: '', orgName: '' }
    const messages = [
      eventMessage({ ...empty, type: '' }),
      { ...testMessage, ...empty },
      digestMessage([storedEvent(empty)], { subject: '', orgName: '', href: '' }),
    ]
    for (const message of messages) {
      expect(discordProblems(apiBody(discordMessage(message)))).toEqual([])
      expect(embedOf(message)).not.toHaveProperty('footer')
      expect(embedOf(message)).not.toHaveProperty('url')
    }
    expect(embedOf(eventMessage(empty))).toMatchObject({ title: 'breach\\_logged' })
    expect(embedOf(eventMessage(empty))).not.toHaveProperty('description')
  })

  it.each(['http://app.example.com/', 'javascript:alert(1)', '/relative', '', `https://x.example/${'a'.repeat(2031)}`])(
    'has no link for the href %j',
    (href) => {
      expect(embedOf(eventMessage({ href }))).not.toHaveProperty('url')
    },
  )

  it('leaves footers unescaped, as Discord reads no Markdown there, but without mentions', () => {
    expect(embedOf(eventMessage({ orgName: '*A* & [B] @everyone <@1>' })).footer).toEqual({
      text: '*A* & [B] @\u200beveryone <\u200b@1>',
    })
  })

  describe('keeps the limits of Discord', () => {
    it.each([
      ['title', 256],
      ['body', 4096],
      ['orgName', 2048],
    ] as const)('%s: %i characters are kept, one more is cut', (field, limit) => {
      const shown = (text: string) => {
        const { title, description, footer } = embedOf(eventMessage({ [field]: text }))
        return { title, body: description, orgName: footer?.text }[field]
      }
      expect(shown('x'.repeat(limit))).toBe('x'.repeat(limit))
      expect(shown('x'.repeat(limit + 1))).toBe(`${'x'.repeat(limit - 1)}…`)
      expect(shown('x'.repeat(100_000))).toBe(`${'x'.repeat(limit - 1)}…`)
    })

    it('counts escapes, and cuts no pair of them', () => {
      const half = embedOf(eventMessage({ title: '*'.repeat(128), body: '_'.repeat(2048) }))
      expect(half).toMatchObject({ title: '\\*'.repeat(128), description: '\\_'.repeat(2048) })
      const cut = embedOf(eventMessage({ title: '*'.repeat(129), body: `a${'_'.repeat(2048)}` }))
      expect(cut).toMatchObject({ title: `${'\\*'.repeat(127)}…`, description: `a${'\\_'.repeat(2047)}…` })
    })

    it('6000 characters in all, the description giving way', () => {
      const full = embedOf(eventMessage({ title: 't'.repeat(300), body: 'b'.repeat(5000), orgName: 'o'.repeat(3000) }))
      expect([full.title.length, full.footer?.text.length]).toEqual([256, 2048])
      expect(full.description).toMatch(/b…$/)
      expect(embedLength(full)).toBe(6000)
      const events = many(200, { body: 'b'.repeat(5000) })
      const digest = embedOf(digestMessage(events, { subject: 't'.repeat(300), orgName: 'o'.repeat(3000) }))
      expect(embedLength(digest)).toBeLessThanOrEqual(6000)
      expect(embedLength(digest)).toBeGreaterThan(5850)
    })

    it.each([
      [1, 1],
      [30, 30],
      [200, 240],
    ])('lists the events of a digest of %i in order and counts the rest of %i', (kept, total) => {
      const { description = '' } = embedOf(digestMessage(many(kept, { body: 'Words '.repeat(200) }), { total }))
      const shown = [...description.matchAll(/^- Important: \[(.*?)\]/gm)].map((match) => match[1])
      expect(shown).toEqual(shown.map((_, index) => `Title ${index}`))
      expect(shown.length).toBeGreaterThanOrEqual(Math.min(kept, 40))
      expect(description.match(/^and \d+ more$/gm)).toEqual(
        shown.length === total ? null : [`and ${total - shown.length} more`],
      )
    })

    it('has room for one event whatever the others hold', () => {
      const events = many(200, {
        title: '\\'.repeat(3000),
        body: '\\'.repeat(3000),
        href: `https://x.example/${'a'.repeat(980)}`,
      })
      const { description } = embedOf(digestMessage(events, { subject: 's'.repeat(999), orgName: 'o'.repeat(9999) }))
      expect(description).toMatch(/^- Important: \[(?:\\\\)+…\]\(https:[^)]+\)/)
      expect(description).toMatch(/\nand 19\d more$/)
    })

    it('keeps each grapheme whole', () => {
      const family = '👩‍👩‍👧‍👦'
      expect(embedOf(eventMessage({ body: family.repeat(1000) })).description?.replaceAll(family, '')).toBe('…')
    })
  })

  it('is accepted whatever a message holds, within the limits, without live markup or mentions', () => {
    let links = 0
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const sent = discordMessage(message)
        const embed = embedOf(message)
        expect(discordProblems(apiBody(sent))).toEqual([])
        const shown = stringsIn(sent).join('·')
        expect(shown).not.toMatch(/@(?:everyone|here)|<[@#]/i)
        expect(shown).not.toMatch(/(?![\n\t])\p{Cc}/u)
        expect(shown.isWellFormed()).toBe(true)
        expect(liveMarkup(embed.title)).toEqual([])
        const live = liveMarkup(embed.description ?? '')
        if (message.kind !== 'digest') expect(live).toEqual([])
        else {
          const lines = (embed.description ?? '').split('\n')
          const items = lines.filter((line) => line.startsWith('- '))
          const note = /^and (\d+) more$/.exec(lines.at(-1) ?? '')
          expect(items.length + Number(note?.[1] ?? 0)).toBe(message.total)
          expect(items.length).toBeGreaterThan(0)
          // of ours: bullets, bold titles, links to where the events are
          const ours = items.flatMap((_, index) => expectedMarkup(message.events[index]?.href ?? ''))
          expect(live.map((one) => (one.startsWith('[') ? new URL(one.slice(1, -1)).host : one))).toEqual(ours)
          links += live.filter((one) => one.startsWith('[')).length
        }
      }),
      { seed: 20_261_121, numRuns: 2000 },
    )
    expect(links).toBeGreaterThan(2000)
  }, 60_000)

  it.each<[string, object]>([
    ['username', { username: '' }],
    ['username', { username: 'x'.repeat(81) }],
    ['username', { username: 'a\nb' }],
    ['content', { content: '@everyone' }],
  ])('refuses the option %s as %j', (field, options) => {
    expect(() => discordMessage(testMessage, options)).toThrow(
      expect.objectContaining({ code: 'invalid_input', field }),
    )
  })
})

describe('escapeDiscordText', () => {
  it.each([
    ['**b** _i_ ~~s~~ ||x|| `c` \\', '\\*\\*b\\*\\* \\_i\\_ \\~\\~s\\~\\~ \\|\\|x\\|\\| \\`c\\` \\\\'],
    ['@everyone @HERE a@heretic.example', '@\u200beveryone @\u200bHERE a@\u200bheretic.example'],
    ['<@1> <@&2> <#3> <t:4:R>', '\\<\u200b@1\\> \\<\u200b@&2\\> \\<\u200b#3\\> \\<t:4:R\\>'],
    ['# h\n-# s\n - i\n+ i\n12. n\n> q', '\\# h\n\\-# s\n \\- i\n\\+ i\n12\\. n\n\\> q'],
    ['a # b - c + d 1. e', 'a # b - c + d 1. e'],
    ['[a](https://x.example)', '\\[a\\]\u200b(https://x.example)'],
    ['snake_case', 'snake\\_case'],
  ])('writes %j as %j', (text, expected) => {
    expect(escapeDiscordText(text)).toBe(expected)
    expect(liveMarkup(escapeDiscordText(text))).toEqual([])
  })

  it.each([
    ['https://x.example/a_b*c', 'https://x.example/a%5Fb%2Ac'],
    ['(http://x.example/y).', '(http://x.example/y).'],
    ['https://x.example/[a](b) _c_', 'https://x.example/%5Ba]\u200b(b) \\_c\\_'],
    ['https://x.example<@1>', 'https://x.example \\<\u200b@1\\>'],
    ['<https://x.example/@here>', '\\<https://x.example/%40here \\>'],
  ])('keeps links in %j working: %j', (text, expected) => {
    expect(escapeDiscordText(text)).toBe(expected)
    expect(liveMarkup(expected)).toEqual([])
  })

  it.each([
    ['ab', 2, 'ab'],
    ['abc', 2, 'a…'],
    ['**', 4, '\\*\\*'],
    ['**', 3, '\\*…'],
    ['**', 2, '…'],
    ['*', 1, '…'],
    ['*', 0, ''],
    ['', 0, ''],
    ['a🎉b', 3, 'a…'],
    ['a🎉b', 4, 'a🎉b'],
    ['🎉🎉', 3, '🎉…'],
    ['a\ud83d', 5, 'a\ufffd'],
    ['@everyone', 9, '@everyo…'],
    ['https://x.example/__', 21, 'https://x.example/…'],
  ])('cuts %j to %i as %j', (text, max, expected) => {
    expect(escapeDiscordText(text, max)).toBe(expected)
  })
})

describe('discordLink', () => {
  it('leads where it should, whatever its parts hold', () => {
    const link = discordLink('a](https://evil.example) https://evil.example _b_', 'https://x.example/a)b (c) *d*')
    expect(link).toBe(
      '[a)(https:\u200b//evil.example) https:\u200b//evil.example \\_b\\_](https://x.example/a%29b%20%28c%29%20%2Ad%2A)',
    )
    expect(liveMarkup(link)).toEqual(['[https://x.example/a%29b%20%28c%29%20%2Ad%2A]'])
  })

  it.each(['http://x.example/', 'javascript:alert(1)', `https://x.example/${'('.repeat(700)}`])(
    'is bold text without a link for %s',
    (href) => {
      expect(discordLink('a [b]', href)).toBe('**a \\[b\\]**')
    },
  )

  it('cuts the text and never the URL', () => {
    expect(discordLink('long title', 'https://x.example/', 5)).toBe('[long…](https://x.example/)')
    expect(discordLink('a', 'https://x.example/', 5, 10)).toBe('**a**')
  })
})

describe('the Discord validator', () => {
  const [embed] = discordMessage(eventMessage()).embeds
  it.each<[string, object]>([
    ['a title that is too long', { embeds: [{ ...embed, title: 'x'.repeat(257) }] }],
    ['a description that is too long', { embeds: [{ ...embed, description: 'x'.repeat(4097) }] }],
    ['an empty title', { embeds: [{ ...embed, title: '' }] }],
    ['a footer that is too long', { embeds: [{ ...embed, footer: { text: 'x'.repeat(2049) } }] }],
    ['a URL that is none', { embeds: [{ ...embed, url: 'javascript:alert(1)' }] }],
    ['a colour that is none', { embeds: [{ ...embed, color: 0x1000000 }] }],
    ['two embeds with too much text', { embeds: [1, 2].map(() => ({ ...embed, description: 'x'.repeat(3000) })) }],
    ['an embed with nothing to show', { embeds: [{ color: 1 }] }],
    ['no embed', {}],
  ])('refuses %s', (_, broken) => {
    expect(discordProblems(apiBody(discordMessage(eventMessage())))).toEqual([])
    expect(discordProblems(broken)).not.toEqual([])
  })

  it.each([
    ['*a*', ['*', '*']],
    ['\\*a\\*', []],
    ['x\n> q', ['>']],
    ['[a](https://x.example/)', ['[https://x.example/]']],
    ['[a\\](https://evil.example) b](https://x.example/)', ['[https://x.example/]']],
    ['[a](https://x.example/) b\\](https://evil.example)', ['[https://evil.example]']],
    ['https://x.example\\<@1>', ['<']],
  ])('sees the live markup in %j', (text, expected) => {
    expect(liveMarkup(text)).toEqual(expected)
  })
})

/** What an item of a digest has of markup, with the host of its link. */
function expectedMarkup(href: string): string[] {
  const linked = /^\[/.test(discordLink('x', href, 150, 1000))
  return linked ? ['- ', new URL(href).host] : ['- ', '*', '*', '*', '*']
}
