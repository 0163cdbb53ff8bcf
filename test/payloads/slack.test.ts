import type { KnownBlock } from '@slack/types'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Message } from '../../src/contracts/message.ts'
import { escapeSlackText, type SlackMessage, slackMessage } from '../../src/payloads/index.ts'
import { digestMessage, eventMessage, storedEvent, testMessage } from './messages.ts'
import { liveMarkup, slackValidator } from './support/slack-validator.ts'

const validate = slackValidator()

/** Built, and accepted by the validators. */
function build(message: Message): SlackMessage {
  const built = slackMessage(message)
  expect(validate(built)).toEqual([])
  expect(liveMarkup(built)).toEqual([])
  return built
}

const plain = (text: string) => ({ type: 'plain_text', text, emoji: false })
const header = (text: string) => ({ type: 'header', text: plain(text) })
const section = (text: string) => ({ type: 'section', text: plain(text) })
const context = (text: string) => ({ type: 'context', elements: [plain(text)] })
const button = (url: string) => ({
  type: 'actions',
  elements: [{ type: 'button', action_id: 'signalbox_open', text: plain('Open'), url }],
})
const list = (...items: readonly (readonly object[])[]) => ({
  type: 'rich_text',
  elements: [
    {
      type: 'rich_text_list',
      style: 'bullet',
      elements: items.map((elements) => ({ type: 'rich_text_section', elements })),
    },
  ],
})

function sectionTexts(blocks: readonly KnownBlock[]): string[] {
  return blocks.flatMap((block) => (block.type === 'section' ? [block.text?.text ?? ''] : []))
}

function contexts(blocks: readonly KnownBlock[]): string[] {
  return blocks.flatMap((block) =>
    block.type === 'context' ? block.elements.map((element) => ('text' in element ? element.text : '')) : [],
  )
}

function items(blocks: readonly KnownBlock[]): { text: string; url?: string }[][] {
  const found = blocks.find((block) => block.type === 'rich_text')?.elements[0]
  if (found?.type !== 'rich_text_list') return []
  return found.elements.map(({ elements }) => elements as { text: string; url?: string }[])
}

describe('slackMessage of an event', () => {
  it('is a header, the body, a button and the name of the organisation', () => {
    expect(build(eventMessage({ importance: 'normal' }))).toEqual({
      text: 'Breach logged\nFirst line Second line',
      blocks: [
        header('Breach logged'),
        section('First line\nSecond line'),
        button('https://app.example.com/breaches/1'),
        context('Acme'),
      ],
    })
  })

  it('names the organisation of the event, whichever was built before', () => {
    const messages = ['Acme', 'Globex', 'Acme'].map((orgName) => build(eventMessage({ orgName, importance: 'low' })))
    expect(messages.map(({ blocks }) => contexts(blocks))).toEqual([['Acme'], ['Globex'], ['Acme']])
    expect(messages[0]).toEqual(messages[2])
  })

  it('of a test is the same', () => {
    expect(build(testMessage)).toEqual({
      text: 'Test notification\nThis is a test.',
      blocks: [
        header('Test notification'),
        section('This is a test.'),
        button('https://app.example.com/settings/integrations'),
        context('Acme'),
      ],
    })
  })

  it.each([
    ['urgent', 'Urgent', ':red_circle: *Urgent*'],
    ['high', 'Important', ':large_orange_circle: *Important*'],
  ] as const)('marks %s importance under the header and in the notification', (importance, word, text) => {
    const built = build(eventMessage({ importance }))
    expect(built.blocks[1]).toEqual({ type: 'context', elements: [{ type: 'mrkdwn', text, verbatim: true }] })
    expect(built.text).toBe(`${word}: Breach logged\nFirst line Second line`)
  })

  it.each(['low', 'normal'] as const)('does not mark %s importance', (importance) => {
    const { text, blocks } = build(eventMessage({ importance }))
    expect([text.split('\n')[0], blocks.map(({ type }) => type)]).toEqual([
      'Breach logged',
      ['header', 'section', 'actions', 'context'],
    ])
  })

  it('leaves out what is empty: Slack refuses empty texts', () => {
    const bare = build(eventMessage({ title: ' \n', body: '\u200b\r\n', href: '', orgName: '', importance: 'normal' }))
    expect(bare).toEqual({ text: 'breach_logged', blocks: [header('breach_logged')] })
    const nameless = build(eventMessage({ title: '', type: '', body: 'Body', importance: 'normal' }))
    expect(nameless.blocks.slice(0, 2)).toEqual([header('Notification'), section('Body')])
  })

  it('writes titles in one line, every line end of bodies as \\n, and no control characters', () => {
    const title = '  Two\r\nlines\tand \u0000\u0007more\u2028 '
    const body = '\n\nOne\r\nTwo\rThree\u2028Four\n\tFive\u0008\u001b[31m\n\n'
    expect(build(eventMessage({ title, body, importance: 'normal' })).blocks.slice(0, 2)).toEqual([
      header('Two lines and more'),
      section('One\nTwo\nThree\nFour\n\tFive[31m'),
    ])
  })

  it('keeps mentions, markup and shortcodes as plain text, and escapes them in the notification', () => {
    const title = '<!channel> & <@U1> :tada: *bold*'
    const body = '<!here> <#C1|general> <!subteam^S1> <https://evil.example|click> &lt;!channel&gt;'
    expect(build(eventMessage({ title, body, importance: 'normal' }))).toMatchObject({
      text: '&lt;!channel&gt; &amp; &lt;@U1&gt; :tada: *bold*\n&lt;!here&gt; &lt;#C1|general&gt; &lt;!subteam^S1&gt; &lt;https://evil.example|click&gt; &amp;lt;!channel&amp;gt;',
      blocks: [header(title), section(body), {}, {}],
    })
  })

  it('writes half a surrogate pair as U+FFFD', () => {
    const { blocks } = build(eventMessage({ title: 'half \ud83d', body: '\udc00!' }))
    expect([blocks[0], sectionTexts(blocks)]).toEqual([header('half \ufffd'), ['\ufffd!']])
  })
})

describe('limits of Slack', () => {
  const headerOf = (title: string) => {
    const [first] = build(eventMessage({ title })).blocks
    return first?.type === 'header' ? first.text.text : undefined
  }

  it('a header holds 150 characters; a longer title ends in an ellipsis', () => {
    expect(headerOf('x'.repeat(150))).toBe('x'.repeat(150))
    expect(headerOf('x'.repeat(151))).toBe(`${'x'.repeat(149)}…`)
    expect(headerOf('x'.repeat(100_000))).toBe(`${'x'.repeat(149)}…`)
    expect(headerOf(`${' '.repeat(1000)}x`)).toBe('x')
  })

  it.each([
    ['a surrogate pair', '🎉'],
    ['a family', '👨‍👩‍👧‍👦'],
    ['a flag', '🇮🇪'],
    ['a skin tone', '👍🏽'],
    ['a letter and its accents', 'e\u0301\u0323'],
  ])('no cut goes through %s', (_, grapheme) => {
    for (let before = 140; before <= 149; before++) {
      const title = `${'x'.repeat(before)}${grapheme.repeat(20)}`
      const kept = headerOf(title)?.slice(before, -1) ?? 'none'
      expect(kept).toBe(grapheme.repeat(Math.floor((149 - before) / grapheme.length)))
    }
  })

  it('cuts marks without end between code points', () => {
    expect(headerOf(`a${'\u0301'.repeat(5000)}`)).toBe(`a${'\u0301'.repeat(148)}…`)
  })

  it('a section holds 3000 characters; a longer body goes on in the next, nothing of it lost', () => {
    expect(sectionTexts(build(eventMessage({ body: 'x'.repeat(3000) })).blocks)).toEqual(['x'.repeat(3000)])
    expect(sectionTexts(build(eventMessage({ body: 'x'.repeat(3001) })).blocks)).toEqual(['x'.repeat(3000), 'x'])
    const lines = Array.from({ length: 100 }, (_, i) => `Line ${i}: ${'word '.repeat(15)}end`)
    const { blocks } = build(eventMessage({ body: lines.join('\n'), importance: 'normal' }))
    const texts = sectionTexts(blocks)
    expect(texts).toHaveLength(3)
    expect(texts.join('\n')).toBe(lines.join('\n'))
    expect(contexts(blocks)).toEqual(['Acme'])
  })

  it('a long word goes on in the next section between graphemes', () => {
    const family = '👨‍👩‍👧‍👦'
    const texts = sectionTexts(build(eventMessage({ body: family.repeat(500) })).blocks)
    expect(texts.join('')).toBe(family.repeat(500))
    for (const text of texts) expect(text.length % family.length).toBe(0)
  })

  it('says how much of a body was left out', () => {
    const { blocks } = build(eventMessage({ body: 'x'.repeat(100_000), importance: 'normal' }))
    const shown = sectionTexts(blocks).join('')
    expect(shown.length).toBeGreaterThan(11_500)
    expect(shown).toBe(`${'x'.repeat(shown.length - 1)}…`)
    expect(contexts(blocks)).toEqual([`Shortened to fit: ${100_000 - shown.length} more characters`, 'Acme'])
    expect(blocks.map(({ type }) => type).slice(-3)).toEqual(['context', 'actions', 'context'])
  })

  it('reads no more of a long text than it may show', () => {
    const read: number[] = []
    const spies = (['toWellFormed', 'replace'] as const).map((name) => {
      const original = String.prototype[name] as (this: string, ...rest: unknown[]) => string
      return vi.spyOn(String.prototype, name).mockImplementation(function (this: string, ...rest: unknown[]) {
        read.push(this.length)
        return original.apply(this, rest)
      })
    })
    const long = 'x\n'.repeat(500_000)
    const [single, many] = [eventMessage({ title: long, body: long }), storedEvent({ title: long, body: long })]
    const digest = digestMessage(Array.from({ length: 200 }, () => many))
    slackMessage(single)
    const ofSingle = read.splice(0)
    slackMessage(digest)
    for (const spy of spies) spy.mockRestore()
    expect(Math.max(...ofSingle)).toBeLessThan(2 * 13_000)
    expect(Math.max(...read)).toBeLessThanOrEqual(2 * 300)
    expect(read.length).toBeLessThan(100 * 9)
  })

  it.each(['"', '\\', '\n', '\t.', '🎉', '日本語 ', '<&>', '" \n'])(
    'blocks stay under 13,200 characters with a body of %j',
    (text) => {
      for (const size of [5000, 6500, 12_000, 13_000, 100_000]) {
        const body = `a${text.repeat(size / text.length)}b`
        const href = `https://app.example.com/?${'q'.repeat(2900)}`
        const quotes = '"'.repeat(150)
        const { blocks } = build(eventMessage({ title: quotes, body, href, orgName: quotes, importance: 'urgent' }))
        const texts = sectionTexts(blocks).join('')
        const complete = texts.replaceAll(/\s/g, '') === body.replaceAll(/\s/g, '')
        expect(contexts(blocks).some((line) => line.startsWith('Shortened to fit: '))).toBe(!complete)
      }
    },
  )

  it('a button leads to https URLs of up to 3000 characters; without one there is no button', () => {
    const types = (href: string) => build(eventMessage({ href })).blocks.map(({ type }) => type)
    const longest = `https://app.example.com/${'x'.repeat(3000 - 24)}`
    expect(longest).toHaveLength(3000)
    expect(types(longest)).toContain('actions')
    expect(types(`${longest}x`)).not.toContain('actions')
    // 2 characters as written, 6 on the wire
    expect(types(`https://app.example.com/${'é'.repeat(1000)}`)).not.toContain('actions')
    for (const href of ['http://app.example.com', 'javascript:alert(1)', '/relative', 'https://', 'slack://open']) {
      expect(types(href)).not.toContain('actions')
    }
    expect(build(eventMessage({ href: 'HTTPS://app.example.com/a b"<c>\\d?e\\f' })).blocks).toContainEqual(
      button('https://app.example.com/a%20b%22%3Cc%3E/d?e%5Cf'),
    )
  })

  it('the name of an organisation is one line of at most 150 characters', () => {
    const { blocks } = build(eventMessage({ orgName: `Acme\n${'x'.repeat(500)}`, importance: 'normal' }))
    expect(contexts(blocks)).toEqual([`Acme ${'x'.repeat(144)}…`])
  })

  it('a notification stays short, and its entities whole', () => {
    const { text } = build(eventMessage({ title: '&'.repeat(200), body: '<'.repeat(100_000), importance: 'urgent' }))
    expect(text).toBe(`Urgent: ${'&amp;'.repeat(149)}…\n${'&lt;'.repeat(299)}…`)
  })

  it('a button text has 1 to 75 characters on one line', () => {
    const of = (buttonText: string) => slackMessage(testMessage, { buttonText })
    expect(validate(of('x'.repeat(75)))).toEqual([])
    expect(of('In Acme öffnen').blocks[2]).toMatchObject({ elements: [{ text: plain('In Acme öffnen') }] })
    for (const wrong of ['', ' ', 'x'.repeat(76), 'two\nlines']) {
      expect(() => of(wrong)).toThrow(expect.objectContaining({ code: 'invalid_input', field: 'buttonText' }))
    }
    // @ts-expect-error no such option
    expect(() => slackMessage(testMessage, { button: 'Open' })).toThrow('button: is not an option')
  })
})

describe('slackMessage of a digest', () => {
  it('is a header, a list of linked titles, a button and the name of the organisation', () => {
    const events = [
      storedEvent({ importance: 'urgent' }),
      storedEvent({ type: 'case_assigned', title: 'Case assigned', body: '', href: 'mailto:a@b.c', importance: 'low' }),
      storedEvent({ type: 'member_joined', title: ' ', body: 'Ada joined', importance: 'normal' }),
    ]
    expect(build(digestMessage(events))).toEqual({
      text: '3 updates from Acme\n• Breach logged\n• Case assigned\n• member_joined',
      blocks: [
        header('3 updates from Acme'),
        list(
          [
            { type: 'text', text: 'Urgent: ', style: { bold: true } },
            { type: 'link', url: 'https://app.example.com/breaches/1', text: 'Breach logged' },
            { type: 'text', text: ' · First line Second line' },
          ],
          [{ type: 'text', text: 'Case assigned' }],
          [
            { type: 'link', url: 'https://app.example.com/breaches/1', text: 'member_joined' },
            { type: 'text', text: ' · Ada joined' },
          ],
        ),
        button('https://app.example.com/inbox'),
        context('Acme'),
      ],
    })
  })

  it('counts what it does not list: events that were not kept, and those beyond the limits', () => {
    const few = [storedEvent(), storedEvent({ id: 'evt_2' })]
    const { text, blocks } = build(digestMessage(few, { total: 39 }))
    expect(contexts(blocks)).toEqual(['and 37 more', 'Acme'])
    expect(text).toMatch(/\nand 37 more$/)

    const many = Array.from({ length: 200 }, (_, i) => storedEvent({ id: `evt_${i}`, title: `Title ${i}` }))
    const long = build(digestMessage(many, { total: 240 }))
    const listed = items(long.blocks)
    expect(listed.length).toBeGreaterThan(30)
    expect(listed.map((elements) => elements.find(({ url }) => url !== undefined)?.text)).toEqual(
      many.slice(0, listed.length).map(({ title }) => title),
    )
    expect(contexts(long.blocks)).toEqual([`and ${240 - listed.length} more`, 'Acme'])
    expect(long.text).toMatch(/Title 4\nand 235 more$/)
  })

  it('shows more of each body where there are few', () => {
    const shown = (count: number) => {
      const { blocks } = build(
        digestMessage(Array.from({ length: count }, () => storedEvent({ body: 'x'.repeat(999) }))),
      )
      return items(blocks)[0]?.at(-1)?.text.replace(' · ', '').length
    }
    expect([shown(1), shown(13), shown(20), shown(100)]).toEqual([300, 300, 200, 60])
  })

  it('whatever the rest takes, one event is listed; longer links than 1000 characters are left out of the list', () => {
    const long = (path: number) => `https://app.example.com/${'x'.repeat(path - 24)}`
    const quotes = '"'.repeat(5000)
    const event = storedEvent({ title: quotes, type: quotes, body: quotes, href: long(1000), importance: 'urgent' })
    const { blocks } = build(
      digestMessage([event, event, event], { subject: quotes, orgName: quotes, href: long(3000) }),
    )
    expect(items(blocks).length).toBeGreaterThan(0)
    expect(items(blocks)[0]?.[1]?.url).toBe(long(1000))
    expect(items(build(digestMessage([storedEvent({ href: long(1001) })])).blocks)[0]?.map(({ url }) => url)).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('without a subject, a link or events is still a message', () => {
    expect(build(digestMessage([], { subject: '', href: '', orgName: '', total: 5 }))).toEqual({
      text: 'Notifications\nand 5 more',
      blocks: [header('Notifications'), context('and 5 more')],
    })
  })
})

describe('escapeSlackText', () => {
  it('escapes the three characters of Slack, once', () => {
    expect(escapeSlackText('<!channel> R&D &amp; "x" *b*')).toBe('&lt;!channel&gt; R&amp;D &amp;amp; "x" *b*')
  })
})

describe('any message', () => {
  const fragment = fc.constantFrom(
    ...['<!channel>', '<!here|here>', '<!everyone>', '<@U012AB3CD>', '<#C024BE7LR|general>', '<!subteam^SAZ94GDB8>'],
    ...[
      '<!date^1392734382^{date}^https://x.example|f>',
      '<https://evil.example|click>',
      '<mailto:a@b.c|m>',
      '@channel',
    ],
    ...[
      '&lt;!channel&gt;',
      '&amp;',
      '&',
      '<',
      '>',
      '|',
      '*b*',
      '_i_',
      '~s~',
      '`c`',
      '```\nblock\n```',
      '> quote',
      ':tada:',
    ],
    ...[
      '🎉',
      '👨‍👩‍👧‍👦',
      '🇮🇪',
      '👍🏽',
      'e\u0301',
      'a\u0301\u0323\u0302',
      'שלום',
      'مرحبا',
      '\u202edrow',
      '\u2066x',
      '日本語',
    ],
    ...['\n', '\r\n', '\r', '\t', '\u2028', '\u0085', '\u0000', '\u0007', '\u001b[0m', '\u009f', '\u200b', '\ufeff'],
    ...['"', '\\', '\\n', '\ud83d', '\udc00', 'word', ' ', '  ', '{"type":"mrkdwn"}', 'https://x.example'],
  )
  const piece = fc.oneof({ weight: 4, arbitrary: fragment }, fc.string({ unit: 'binary', maxLength: 30 }))
  const short = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''))
  const text = fc.oneof(
    { weight: 1, arbitrary: fc.constant('') },
    { weight: 8, arbitrary: short },
    {
      weight: 2,
      arbitrary: fc
        .tuple(short, fc.constantFrom(150, 3000, 6000, 12_000, 100_000), fc.integer({ min: -3, max: 3 }))
        .map(([part, size, off]) =>
          part === '' ? '' : part.repeat(Math.ceil(size / part.length)).slice(0, size + off),
        ),
    },
  )
  const href = fc.oneof(
    fc.constantFrom('https://app.example.com/1', 'http://x.example', 'javascript:alert(1)', ''),
    fc
      .tuple(fc.constantFrom('', 'https://app.example.com/', 'https://app.example.com/?'), text)
      .map((ends) => ends.join('')),
  )
  const importance = fc.constantFrom('low', 'normal', 'high', 'urgent')
  const event = fc.record({ title: text, body: text, href, orgName: text, type: text, importance }).map(storedEvent)
  const single = fc.oneof(
    event.map((one) => eventMessage(one)),
    event.map(({ title, body, href: link, orgName }) => ({ ...testMessage, title, body, href: link, orgName })),
  )
  const digest = fc
    .tuple(
      fc.array(event, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom(0, 1, 5000),
      fc.record({ subject: text, href, orgName: text }),
    )
    .map(([some, count, notKept, rest]) => {
      const events = Array.from({ length: count }, (_, i) => some[i % some.length] ?? storedEvent())
      return digestMessage(events, { ...rest, total: count + notKept })
    })

  function check(message: Message): void {
    const built = slackMessage(message)
    expect(validate(built)).toEqual([])
    expect(liveMarkup(built)).toEqual([])
    const json = JSON.stringify(built)
    expect(json.isWellFormed() && !/\\ud[89a-f]/.test(json)).toBe(true)
    expect(/(?!\\n|\\t)\\(?:[bfr]|u00[01])|[\u007f-\u009f]/.test(json.replaceAll('\\\\', ''))).toBe(false)
    if (message.kind !== 'digest') return
    const leftOut = message.total - items(built.blocks).length
    expect(contexts(built.blocks).includes(`and ${leftOut} more`)).toBe(leftOut > 0)
  }

  it('of one event or a test is accepted, within every limit, and mentions nobody', () => {
    fc.assert(fc.property(single, check), { seed: 20_261_121, numRuns: 1000 })
  })

  it('of 1 to 200 events is accepted, within every limit, and mentions nobody', () => {
    fc.assert(fc.property(digest, check), { seed: 20_261_121, numRuns: 1000 })
  })
})

describe('the validators', () => {
  const good = slackMessage(eventMessage())
  const refused = (...blocks: readonly object[]) => validate({ text: 'x', blocks: blocks as readonly KnownBlock[] })

  it.each<[string, readonly object[], RegExp]>([
    ['a header of 151 characters', [header('x'.repeat(151))], /150 characters/],
    ['an empty header', [header('')], /fewer than 1/],
    ['a header in markup', [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }], /constant/],
    ['a section of 3001 characters', [section('x'.repeat(3001))], /3000 characters/],
    ['a blank section', [section(' ')], /text\/text: empty/],
    ['a section without text', [{ type: 'section' }], /without text and fields/],
    ['a field of 2001 characters', [{ type: 'section', fields: [plain('x'.repeat(2001))] }], /2000 characters/],
    ['11 fields', [{ type: 'section', fields: Array.from({ length: 11 }, () => plain('x')) }], /10 items/],
    ['a button of 76 characters', [actions({ text: plain('x'.repeat(76)) })], /75 characters/],
    ['a link of 3001 characters', [actions({ url: `https://${'x'.repeat(2993)}` })], /3000 characters/],
    ['a link that runs a script', [actions({ url: 'javascript:alert(1)' })], /url: javascript/],
    ['an unknown property', [{ ...header('x'), colour: 'red' }], /additional properties/],
    ['an unknown block', [{ type: 'heading', text: plain('x') }], /no block is called heading/],
    ['26 actions', [{ type: 'actions', elements: Array.from({ length: 26 }, action) }], /25 items/],
    ['no actions', [{ type: 'actions', elements: [] }], /no elements/],
    [
      '11 elements of context',
      [{ type: 'context', elements: Array.from({ length: 11 }, () => plain('x')) }],
      /10 items/,
    ],
    ['an empty text in a list', [list([{ type: 'text', text: '' }])], /text: empty/],
    ['51 blocks', Array.from({ length: 51 }, () => header('x')), /51 of them/],
    [
      'a block_id twice',
      [
        { ...header('x'), block_id: 'a' },
        { ...header('y'), block_id: 'a' },
      ],
      /twice/,
    ],
    ['a block_id of 256 characters', [{ ...header('x'), block_id: 'a'.repeat(256) }], /255 characters/],
    ['13,200 characters in all', Array.from({ length: 5 }, () => section('x'.repeat(2700))), /characters of JSON/],
  ])('refuse %s', (_, blocks, reason) => {
    expect(refused(...blocks).join('\n')).toMatch(reason)
  })

  it('refuse a notification without text, and a long one', () => {
    expect(validate({ ...good, text: '' })).toEqual(['text: empty'])
    expect(validate({ ...good, text: 'x'.repeat(4001) })).toEqual(['text: 4001 characters'])
  })

  it('see mentions and markup', () => {
    const mrkdwn = { type: 'mrkdwn', text: 'hi <@U1>' }
    const blocks = [{ type: 'section', text: mrkdwn }, list([{ type: 'broadcast', range: 'here' }])]
    expect(liveMarkup({ text: 'a <!channel> &b', blocks: blocks as KnownBlock[] })).toEqual([
      'text: < at 2',
      'text: > at 11',
      'text: & at 13',
      'blocks/0/text: < at 3',
      'blocks/0/text: > at 7',
      'blocks/0/text: mrkdwn hi <@U1>',
      'blocks/0/text: mrkdwn that Slack links names in',
      'blocks/1/elements/0/elements/0/elements/0: broadcast',
    ])
  })

  function action(): object {
    return { type: 'button', text: plain('Open'), url: 'https://app.example.com' }
  }
  function actions(changes: object): object {
    return { type: 'actions', elements: [{ ...action(), ...changes }] }
  }
})
