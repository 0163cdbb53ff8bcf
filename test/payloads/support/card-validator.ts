import { createRequire } from 'node:module'
import { isDeepStrictEqual } from 'node:util'
import type * as AdaptiveCards from 'adaptivecards'

// The entry of the package imports modules without extensions, which Node refuses.
const { AdaptiveCard, SerializationContext, Versions } = createRequire(import.meta.url)(
  'adaptivecards/dist/adaptivecards.min.js',
) as typeof AdaptiveCards

/**
 * What the SDK of Adaptive Cards finds wrong with a card, and whether it reads all of it: what it does not know in
 * version 1.5 it drops silently, so that what it writes must equal what it read. Empty where all is well.
 */
export function cardProblems(card: object): readonly string[] {
  const context = new SerializationContext(Versions.v1_5)
  const parsed = new AdaptiveCard()
  parsed.parse(card, context)
  const problems = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index).message)
  problems.push(...parsed.validateProperties().validationEvents.map((event) => event.message))
  const written: unknown = JSON.parse(JSON.stringify(parsed.toJSON() ?? null))
  if (!isDeepStrictEqual(written, JSON.parse(JSON.stringify(card)))) problems.push('not read as it was written')
  return problems
}

const GUID = '74d20c7f-34aa-4a7f-b74e-2b30004247c5'

/** The whole message as Graph takes it: the card is a JSON string inside JSON. */
export function graphWire(card: object): string {
  return JSON.stringify({
    body: { contentType: 'html', content: `<attachment id="${GUID}"></attachment>` },
    attachments: [
      {
        id: GUID,
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: JSON.stringify(card),
      },
    ],
  })
}

/** The whole message as a Workflows webhook takes it. */
export function workflowsWire(card: object): string {
  return JSON.stringify({
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card }],
  })
}
