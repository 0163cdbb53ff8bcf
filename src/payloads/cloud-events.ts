import type { PayloadFormat } from '../contracts/format.ts'
import { invalidInput } from '../errors.ts'
import { isoTime, toJson } from './json.ts'
import { dataOf, typeOf } from './message-data.ts'

export interface CloudEventsFormatOptions {
  /**
   * Where the events happen: a URI-reference, best an absolute URI of the host application, as receivers tell senders
   * apart by it.
   * @default '/signalbox'
   */
  readonly source?: string
}

/** RFC 3986, 4.1: its characters; what stands before the first `:` is a scheme; at most one fragment. */
const URI_REFERENCE =
  /^(?:[A-Za-z][A-Za-z0-9+.-]*:|(?![^/?#]*:))(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)?$/

/**
 * CloudEvents 1.0 in structured JSON mode: `specversion id source type time datacontenttype data`. `id` is the message's
 * id, so that a repeated delivery is the same event to CloudEvents receivers too; `data` is that of `standardFormat`.
 *
 * @throws SignalboxError `invalid_input` when `source` is no URI-reference.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 * @example
 * cloudEventsFormat({ source: 'https://app.example.com' }).build(message)
 */
export function cloudEventsFormat(options: CloudEventsFormatOptions = {}): PayloadFormat {
  const { source = '/signalbox' } = options
  if (typeof source !== 'string' || source === '' || !URI_REFERENCE.test(source)) {
    throw invalidInput('source', 'must be a URI-reference of at least one character')
  }
  return {
    name: 'cloudevents',
    build: (message) => ({
      contentType: 'application/cloudevents+json',
      body: toJson({
        specversion: '1.0',
        id: message.id,
        source,
        type: typeOf(message),
        time: isoTime(message.timestamp),
        datacontenttype: 'application/json',
        data: dataOf(message),
      }),
    }),
  }
}
