import type { PayloadFormat } from '../contracts/format.ts'
import { isoTime, toJson } from './json.ts'
import { dataOf, typeOf } from './message-data.ts'

/**
 * The envelope that Standard Webhooks advises: `{ type, timestamp, data }`, `timestamp` in ISO 8601 UTC.
 *
 * | `type` | `data` |
 * | --- | --- |
 * | the event's | `id orgId orgName category? importance title body href metadata?` |
 * | `digest` | `orgId orgName subject href key? total items`; an item is `id type timestamp category? importance title body href metadata?` |
 * | `test` | `orgId orgName title body href` |
 *
 * `data.id` is the event's id, the same in a digest as alone; the message's id travels in `webhook-id`. `total` is more
 * than `items` has where events were counted and not kept.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#payload-structure
 * @example
 * standardFormat.build(message).body // {"type":"breach_logged","timestamp":"2026-11-21T09:00:00.000Z","data":{…}}
 */
export const standardFormat: PayloadFormat = {
  name: 'standard',
  build: (message) => ({
    contentType: 'application/json',
    body: toJson({ type: typeOf(message), timestamp: isoTime(message.timestamp), data: dataOf(message) }),
  }),
}
