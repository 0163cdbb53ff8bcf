import type { PayloadFormat } from '../contracts/format.ts'
import type { Message } from '../contracts/message.ts'
import { isoTime, toJson } from './json.ts'

/**
 * The flat JSON of the Ghost workspace: exactly these keys, in this order.
 *
 * - event and test: `type title body href orgName metadata? timestamp`; a test's type is `test`
 * - digest: `type subject items href orgName timestamp`; its type is `digest`, an item is `type title body href`
 *
 * `timestamp` is ISO 8601 in UTC. The message's id is not in the body: it travels in `webhook-id`.
 * @example
 * ghostFormat.build(message).body
 * // {"type":"breach_logged","title":"…","body":"…","href":"https://…","orgName":"Acme","timestamp":"2026-11-21T09:00:00.000Z"}
 */
export const ghostFormat: PayloadFormat = {
  name: 'ghost',
  build: (message) => ({ contentType: 'application/json', body: toJson(flat(message)) }),
}

/** A key whose value is `undefined` is left out of the JSON. */
function flat(message: Message): object {
  const { orgName } = message
  const timestamp = isoTime(message.timestamp)
  switch (message.kind) {
    case 'event': {
      const { type, title, body, href, metadata } = message.event
      return { type, title, body, href, orgName, metadata, timestamp }
    }
    case 'digest': {
      const items = message.events.map(({ type, title, body, href }) => ({ type, title, body, href }))
      return { type: 'digest', subject: message.subject, items, href: message.href, orgName, timestamp }
    }
    case 'test': {
      const { title, body, href } = message
      return { type: 'test', title, body, href, orgName, timestamp }
    }
  }
}
