import fc from 'fast-check'
import type { StoredEvent } from '../../../src/contracts/event.ts'
import type { Message } from '../../../src/contracts/message.ts'
import { AT, digestMessage, eventMessage, storedEvent, testMessage } from '../messages.ts'

/** Markup, mentions and commands of chat services, and what hides them from a look at the text. */
const FRAGMENTS = [
  '@everyone',
  '@here',
  '@EveryOne',
  '@\u0000everyone',
  '@\u0007here',
  '<@123456789012345678>',
  '<@!1>',
  '<@&2>',
  '<#3>',
  '</cmd:4>',
  '<t:1719842984:R>',
  '<a:wave:5>',
  ':tada:',
  '<at>Ann</at>',
  '<AT id="0">Bob</AT>',
  '< at >',
  '</ at>',
  '<\u0001at>',
  '<<at>>',
  '{{DATE(2026-11-21T09:00:00Z,SHORT)}}',
  '{{TIME(2026-11-21T09:00:00Z)}}',
  '{{ date (x)}}',
  '{{{DATE(',
  '{\u0000{TIME(',
  '{{\n',
  '**bold**',
  '__under__',
  '_it_',
  '~~gone~~',
  '||spoiler||',
  '`code`',
  '```\nblock\n```',
  '\n> quote',
  '\n>>> quote',
  '\n# heading',
  '\n-# small',
  '\n- item',
  '\n12. item',
  '\n + item',
  '[text](https://evil.example/)',
  '](https://evil.example/)',
  '[',
  ']',
  '\\',
  '\\\\',
  'https://evil.example/a_b*c*[d](e)|f`',
  'http://evil.example<@1>',
  '(https://evil.example/x)',
  '<https://evil.example>',
  '"quoted" \\u0041 \'single\'',
  '\r\n',
  '\r\n\r\n',
  '\u2028',
  '\t',
  ' ',
  '\u0000',
  '\u001b[31m',
  '\u009f',
  '\u200b',
  '\ud83d',
  '\udc00',
  '🎉',
  '👩‍👩‍👧‍👦',
  '🇮🇪',
  'e\u0301\u0323',
  'مرحبا بالعالم',
  '\u202eright to left',
  '漢字かな',
  'ordinary words ',
  '<b>html</b> &amp; &lt;at&gt;',
]

const short = fc.array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ unit: 'binary', maxLength: 6 })), {
  maxLength: 12,
})

/** Up to 100 kB: a few fragments, over and over. */
const hostileText: fc.Arbitrary<string> = fc
  .tuple(short, fc.constantFrom(1, 1, 1, 4, 40, 100_000))
  .map(([parts, times]) => {
    const text = parts.join('')
    return text === '' ? '' : text.repeat(Math.min(times, Math.ceil(100_000 / text.length))).slice(0, 100_000)
  })

/** Links worth making are on `example.com` and below; those in texts lead elsewhere. */
const hostileHref: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'https://app.example.com/breaches/1',
    'https://app.example.com/a b(c)[d]*e*|f`~g~\\h"i\'j<k>{l}',
    'https://app.example.com/?q={{DATE(2026-11-21T09:00:00Z)}}&r={{TIME(x)}}',
    'https://app.example.com/@everyone/@here/<@1>/<at>',
    'https://app.example.com/wiki/A_(b)#c)',
    'https://example.com/漢字/🎉',
    `https://app.example.com/${'a'.repeat(900)}`,
    `https://app.example.com/${'('.repeat(900)}`,
    `https://app.example.com/${'é'.repeat(1500)}`,
    `https://app.example.com/${'a'.repeat(2024)}`,
    `https://app.example.com/${'a'.repeat(2025)}`,
    'https://user:secret@app.example.com/',
    'https://a@everyone/',
    'https://[::1]/a]b',
    'http://app.example.com/',
    'javascript:alert(1)',
    'data:text/html,x',
    '/relative',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }).map((path) => `https://app.example.com/${path}`),
)

const changes = fc.record({
  title: hostileText,
  body: hostileText,
  href: hostileHref,
  orgName: hostileText,
  importance: fc.constantFrom('low', 'normal', 'high', 'urgent'),
  type: fc.constantFrom('breach_logged', '@everyone', '{{DATE(x'),
} as const)

const single: fc.Arbitrary<Message> = fc.oneof(
  { weight: 5, arbitrary: changes.map((one) => eventMessage(one)) },
  {
    weight: 1,
    arbitrary: changes.map(({ title, body, href, orgName }) => ({ ...testMessage, title, body, href, orgName })),
  },
)

const digest: fc.Arbitrary<Message> = fc
  .tuple(
    fc.array(changes, { minLength: 1, maxLength: 6 }),
    fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 200 })),
    fc.constantFrom(0, 1, 37),
    fc.record({ subject: hostileText, href: hostileHref, orgName: hostileText }),
  )
  .map(([kinds, count, uncounted, own]) => {
    const events = Array.from(
      { length: count },
      (_, index): StoredEvent =>
        storedEvent({ ...kinds[index % kinds.length], id: `evt_${index}`, timestamp: AT + index }),
    )
    return digestMessage(events, { ...own, total: count + uncounted })
  })

/** Singles and digests of 1 to 200 events. */
export const hostileMessage: fc.Arbitrary<Message> = fc.oneof(
  { weight: 3, arbitrary: single },
  { weight: 2, arbitrary: digest },
)

/** All strings in `value`, keys left out. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : []
}
