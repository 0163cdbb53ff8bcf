import type { PayloadFormat, WireBody } from '../contracts/format.ts'
import type { Message } from '../contracts/message.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { toJson } from './json.ts'

/**
 * What a body of Ghost CMS looks like. `with-event`: since 6.45, with a top-level `event`. `without-event`: before.
 * `documented`: the event's metadata are the body, whatever they hold.
 */
export type GhostCmsBody = 'with-event' | 'without-event' | 'documented'

export interface GhostCmsFormatOptions {
  /** @default 'with-event' */
  readonly body?: GhostCmsBody
  /** Sent as `Content-Version`; visible ASCII, at most 64 characters. `false`: no such header. @default 'v6.65' */
  readonly contentVersion?: string | false
}

/** The version whose deliveries this format reproduces. */
const GHOST_CMS_VERSION = 'v6.65'

const VERSION = /^[\x21-\x7e]{1,64}$/
const NAMES = {
  'with-event': 'ghost-cms',
  'without-event': 'ghost-cms-without-event',
  documented: 'ghost-cms-documented',
}

/**
 * The JSON of Ghost CMS's webhooks: `{"event":"post.published","post":{"current":…,"previous":…}}`. What stands before
 * the first `.` of an event's type is the key of its metadata, which are sent as they are; events of `site` have none.
 * The format's name is `ghost-cms`, of other bodies `ghost-cms-without-event` and `ghost-cms-documented`.
 *
 * Ghost itself has neither tests nor digests: they are `{"event":"test","test":{ title, body, href }}` and
 * `{"event":"digest","digest":{ subject, href, total, items }}`, an item as it would be alone.
 *
 * @throws SignalboxError `invalid_input` for options that break a rule.
 * @example
 * ghostCmsFormat().build(message).body // {"event":"tag.added","tag":{"current":{…},"previous":{}}}
 */
export function ghostCmsFormat(options: GhostCmsFormatOptions = {}): PayloadFormat {
  const { body, wire } = ghostCmsWriter(options)
  return { name: NAMES[body], build: (message) => wire(bodyOf(message, body)) }
}

/** Checks the options, and writes bodies with the headers that belong to them. */
export function ghostCmsWriter(options: GhostCmsFormatOptions): {
  readonly body: GhostCmsBody
  wire(body: object): WireBody & { readonly body: string }
} {
  checkOptions(options, ['body', 'contentVersion'] satisfies (keyof GhostCmsFormatOptions)[])
  const { body = 'with-event', contentVersion = GHOST_CMS_VERSION } = options
  if (!Object.hasOwn(NAMES, body)) throw invalidInput('body', `must be one of: ${Object.keys(NAMES).join(', ')}`)
  if (contentVersion !== false && !(typeof contentVersion === 'string' && VERSION.test(contentVersion))) {
    throw invalidInput('contentVersion', 'must be 1 to 64 visible ASCII characters, or false')
  }
  const headers = contentVersion === false ? {} : { headers: { 'content-version': contentVersion } }
  return { body, wire: (value) => ({ contentType: 'application/json', body: toJson(value), ...headers }) }
}

/** The body of one event. */
export function ghostCmsEventBody(type: string, metadata: object | undefined, body: GhostCmsBody): object {
  if (body === 'documented') return metadata ?? {}
  const [resource = type] = type.split('.', 1)
  if (resource === 'site') return named(type, body, {})
  return named(type, body, { [resource]: metadata ?? { current: {}, previous: {} } })
}

function bodyOf(message: Message, body: GhostCmsBody): object {
  switch (message.kind) {
    case 'event':
      return ghostCmsEventBody(message.event.type, message.event.metadata, body)
    case 'digest': {
      const { subject, href, total } = message
      const items = message.events.map((event) => ghostCmsEventBody(event.type, event.metadata, body))
      return named('digest', body, { digest: { subject, href, total, items } })
    }
    case 'test': {
      const { title, href } = message
      return named('test', body, { test: { title, body: message.body, href } })
    }
  }
}

function named(event: string, body: GhostCmsBody, rest: object): object {
  return body === 'with-event' ? { event, ...rest } : rest
}
