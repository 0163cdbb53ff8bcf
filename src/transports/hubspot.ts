import { z } from 'zod'
import type { Pace } from '../contracts/connection.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, SendContext, Transport } from '../contracts/transport.ts'
import { hubspotOutcome } from '../delivery/hubspot-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { checkBaseUrl } from '../oauth/provider-options.ts'
import { hubspotPayload } from '../payloads/ghost-id-crm.ts'
import { isGhostIdVisitor } from '../payloads/ghost-id-visitor.ts'
import { toJson } from '../payloads/json.ts'

/** Which account the connection's credential is for. The token decides; these are for people. */
export interface HubspotConfig {
  /** The account's (portal's) id. */
  readonly portalId?: string | undefined
  /** @default the id */
  readonly accountName?: string | undefined
}

/** Properties of a contact by their internal names. HubSpot takes numbers, dates and booleans as text. */
export type HubspotProperties = Readonly<Record<string, string>>

/** What `build` makes of a message: a request, or why there is none. */
export type HubspotPayload = { readonly body: string } | { readonly unsupported: string }

export interface HubspotTransportOptions<Name extends string = 'hubspot'> {
  /** Unique in a dispatcher. @default 'hubspot' */
  readonly name?: Name
  /**
   * The contact that an event is about, `email` included: contacts are found by it. Without one, or with `undefined`,
   * nothing is written. Pure.
   * @default of an event whose metadata is a visitor of Ghost ID, its documented properties except `hs_analytics_source`
   */
  readonly map?: (event: StoredEvent) => HubspotProperties | undefined
  /** HubSpot's API, or a fake in tests. @default 'https://api.hubapi.com' */
  readonly apiUrl?: string
  /** What stands before `/contacts`: `/crm/objects/2026-03` in newer versions of the API. @default '/crm/v3/objects' */
  readonly objectsPath?: string
  /** Of one connection. An account takes 100 requests in ten seconds. @default { perSecond: 10, burst: 10 } */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

/** HubSpot answers with the contact as it is stored now. */
const MAX_ANSWER_BYTES = 65_536
const TEN_A_SECOND: Pace = Object.freeze({ perSecond: 10, burst: 10 })

/**
 * Contacts in HubSpot: an event creates the contact of its e-mail address, or updates it. Tokens come from the
 * dispatcher's `tokens`, provider `hubspot`, with the scope `crm.objects.contacts.write`. Writing the same again changes
 * nothing, so that a retry is harmless. Digests and tests are `unsupported_message`: they are no contacts.
 *
 * The default writes the properties `ghost_visitor_id`, `ghost_score`, `ghost_sessions`, `ghost_pageviews`,
 * `ghost_first_seen` and `ghost_last_seen`, which the account must have: HubSpot refuses unknown ones. The documented
 * `hs_analytics_source: "GHOST"` is for relays; HubSpot itself has a closed list of values for it.
 *
 * @example
 * createDispatcher({
 *   store: memoryStore(),
 *   catalog: ghostId.catalog,
 *   transports: [hubspotTransport()],
 *   tokens: { get: async () => ({ ok: true, token: await myHubspotToken() }) },
 * })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 * @see https://developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts/batch/upsert-contacts
 */
export function hubspotTransport<const Name extends string = 'hubspot'>(
  options: HubspotTransportOptions<Name> = {},
): Transport<Name, HubspotConfig, HubspotConfig, HubspotPayload> {
  checkOptions(options, OPTIONS)
  const { map = visitorProperties, pace = TEN_A_SECOND, retry, deadlineMs } = options
  const { apiUrl = 'https://api.hubapi.com', objectsPath = '/crm/v3/objects' } = options
  const name = (options.name ?? 'hubspot') as Name
  checkTransportName(name)
  checkPaceOption(pace)
  if (deadlineMs !== undefined) checkDeadlineMs(deadlineMs)
  if (typeof map !== 'function') throw invalidInput('map', 'must be a function of the event')
  if (typeof objectsPath !== 'string' || !PATH.test(objectsPath)) {
    throw invalidInput('objectsPath', 'must be a path such as /crm/v3/objects')
  }
  const url = `${checkBaseUrl(apiUrl, 'apiUrl')}${objectsPath}/contacts/batch/upsert`
  return {
    name,
    provider: 'hubspot',
    config,
    fields,
    ...(pace === false ? {} : { pace }),
    ...(retry === undefined ? {} : { retry }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    variant: () => 'contact',
    defaultLabel: describe,
    describe,
    build: (message) => requestOf(message, map),
    send: (payload, context) => upsert(payload, context, url),
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'map',
  'apiUrl',
  'objectsPath',
  'pace',
  'retry',
  'deadlineMs',
] satisfies (keyof HubspotTransportOptions)[]

const PATH = /^(?:\/[\w-]+)+$/

const config = z.strictObject({
  portalId: z
    .string()
    .regex(/^\d{1,20}$/, 'must be a number')
    .optional(),
  accountName: z.string().trim().min(1, 'must not be empty').max(256, 'must be at most 256 characters').optional(),
})

const fields: readonly FieldDescription[] = [
  { name: 'portalId', label: 'Account ID', kind: 'text', required: false, help: 'Of the HubSpot account (Hub ID)' },
  { name: 'accountName', label: 'Account', kind: 'text', required: false },
]

function describe({ portalId, accountName }: HubspotConfig): string {
  return accountName ?? portalId ?? 'HubSpot'
}

function requestOf(message: Message, map: NonNullable<HubspotTransportOptions['map']>): HubspotPayload {
  if (message.kind !== 'event') return { unsupported: 'Digests and tests are no contacts' }
  const contact = map(message.event)
  if (contact === undefined) return { unsupported: 'The event is about no contact' }
  const { email, ...properties } = contact
  if (typeof email !== 'string' || email === '') return { unsupported: 'The contact has no e-mail address' }
  return { body: toJson({ inputs: [{ id: email, idProperty: 'email', properties: { email, ...properties } }] }) }
}

function visitorProperties({ metadata }: StoredEvent): HubspotProperties | undefined {
  if (!isGhostIdVisitor(metadata)) return undefined
  const { hs_analytics_source: _, ...properties } = hubspotPayload(metadata).properties
  return properties
}

async function upsert(payload: HubspotPayload, context: SendContext<HubspotConfig>, url: string): Promise<Outcome> {
  const { token, attempt } = context
  if ('unsupported' in payload) return { kind: 'rejected', code: 'unsupported_message', detail: payload.unsupported }
  if (token === undefined || token === '') return { kind: 'reauthorize', code: 'token_missing' }
  return requestOutcome(
    context,
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: payload.body,
      maxResponseBytes: MAX_ANSWER_BYTES,
    },
    (response, now) => hubspotOutcome(response, now, attempt),
  )
}
