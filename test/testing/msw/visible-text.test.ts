import { describe, expect, it } from 'vitest'
import type { Message } from '../../../src/contracts/message.ts'
import { adaptiveCard } from '../../../src/payloads/adaptive-card.ts'
import { discordMessage } from '../../../src/payloads/discord.ts'
import { cardText, discordText } from '../../../src/testing/msw/visible-text.ts'
import { digestMessage, eventMessage, storedEvent } from '../../payloads/messages.ts'

const HOSTILE = 'Q&A: **not bold** [no link](https://x.example) \\ snake_case <at>you</at> @everyone'
const hostile = eventMessage({ title: HOSTILE, body: `First\n\n${HOSTILE}`, importance: 'urgent' })
const written = (message: Message) => JSON.parse(JSON.stringify(adaptiveCard(message)))
const onDiscord = (message: Message) => discordText('', JSON.parse(JSON.stringify(discordMessage(message))).embeds)

describe('what people read', () => {
  it('of a card is each text and each button on a line, as the host wrote it', () => {
    expect(cardText(written(hostile)).split('\n')).toEqual(['Urgent', HOSTILE, 'First', HOSTILE, 'Acme', 'Open'])
  })

  it('of a Discord message is the same, without its escapes', () => {
    expect(onDiscord(hostile).split('\n')).toEqual(['Urgent', HOSTILE, 'First', '', HOSTILE, 'Acme'])
  })

  it('of a digest is its titles, without their links', () => {
    const message = digestMessage([
      storedEvent({ title: 'Case assigned', body: 'Due soon', importance: 'normal' }),
      storedEvent({ title: 'No link', body: '', href: 'mailto:a@b.c', importance: 'high' }),
    ])
    expect(cardText(written(message)).split('\n').slice(1, 4)).toEqual([
      'Case assigned',
      'Due soon',
      'Important: No link',
    ])
    expect(onDiscord(message).split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/^- Case assigned\W+Due soon$/),
      '- Important: No link',
    ])
  })

  it('of a card of any other drawing is found wherever it is', () => {
    const text = (value: string) => ({ type: 'TextBlock', text: value })
    const card = {
      type: 'AdaptiveCard',
      body: [
        { type: 'Container', items: [text('In a container'), { ...text('Hidden'), isVisible: false }] },
        { type: 'ColumnSet', columns: [{ type: 'Column', items: [text('**Left**')] }, { items: [text('Right')] }] },
        { type: 'FactSet', facts: [{ title: 'Severity', value: '[High](https://x.example)' }] },
        { type: 'RichTextBlock', inlines: ['Plain ', { type: 'TextRun', text: 'and styled' }] },
        { type: 'Table', rows: [{ type: 'TableRow', cells: [{ type: 'TableCell', items: [text('Cell')] }] }] },
        { type: 'ActionSet', actions: [{ type: 'Action.OpenUrl', title: 'Inside' }] },
        null,
        'text of nobody',
      ],
      actions: [{ type: 'Action.OpenUrl', title: 'Open' }],
    }
    expect(cardText(card).split('\n')).toEqual([
      'In a container',
      'Left',
      'Right',
      'Severity: High',
      'Plain and styled',
      'Cell',
      'Inside',
      'Open',
    ])
  })

  it('of an embed of any other drawing has its author, fields and footer', () => {
    const embed = {
      author: { name: 'Author' },
      title: 'Title',
      description: 'Text',
      fields: [{ name: 'Name', value: '**Value**' }],
      footer: { text: 'Footer' },
    }
    expect(discordText('Content', [embed, { title: 5, fields: 'x', footer: null }]).split('\n')).toEqual([
      'Content',
      'Author',
      'Title',
      'Text',
      'Name',
      'Value',
      'Footer',
    ])
  })
})
