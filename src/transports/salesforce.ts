import { z } from 'zod'
import type { Pace } from '../contracts/connection.ts'
import type { StoredEvent } from '../contracts/event.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, SendContext, Transport } from '../contracts/transport.ts'
import { salesforceOutcome } from '../delivery/salesforce-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { allowedHosts } from '../http/allowed-hosts.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { salesforcePayload } from '../payloads/ghost-id-crm.ts'
import { isGhostIdVisitor } from '../payloads/ghost-id-visitor.ts'
import { toJson } from '../payloads/json.ts'
import { cutText } from '../payloads/text.ts'

export interface SalesforceConfig {
  /** `https://acme.my.salesforce.com`: the `instance_url` that came with the token. Stored as its origin. */
  readonly instanceUrl: string
}

/** Fields of a Lead by their API names. */
export type SalesforceFields = Readonly<Record<string, string | number | boolean | null>>

/** What `build` makes of a message: a record, or why there is none. */
export type SalesforcePayload =
  | { readonly externalId: string; readonly fields: SalesforceFields }
  | { readonly unsupported: string }

export interface SalesforceTransportOptions<Name extends string = 'salesforce'> {
  /** Unique in a dispatcher. @default 'salesforce' */
  readonly name?: Name
  /**
   * What a new Lead gets where the event does not say: Salesforce creates none without `LastName` and `Company`. A Lead
   * that exists already keeps what people made of these fields.
   */
  readonly defaults: SalesforceFields & { readonly LastName: string; readonly Company: string }
  /**
   * The Lead that an event is about, its external id included; `undefined`: none, and nothing is written. Pure.
   * @default of an event whose metadata is a visitor of Ghost ID, its documented fields
   */
  readonly map?: (event: StoredEvent) => SalesforceFields | undefined
  /** The field by which Leads are found, marked as external id. @default 'Ghost_Visitor_ID__c' */
  readonly externalIdField?: string
  /** @default 'v68.0' */
  readonly apiVersion?: string
  /**
   * Where an `instanceUrl` may lead, as tokens are sent there: hosts as `URL.host` gives them, `*.` for any name below.
   * @default ['*.my.salesforce.com']
   */
  readonly hosts?: readonly string[]
  /** Of one connection. @default none: Salesforce limits the requests of 24 hours */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For a whole delivery. In ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
}

/**
 * Leads in Salesforce: an event creates the Lead of its external id, or updates it. Tokens come from the dispatcher's
 * `tokens`, provider `salesforce`. Writing the same again changes nothing, so that a retry is harmless. Digests and
 * tests are `unsupported_message`: they are no Leads.
 *
 * A Lead is written without `defaults` first; only where Salesforce answers that required fields are missing, because
 * the Lead is new, a second request brings them. The default mapping needs the custom fields `Ghost_Visitor_ID__c`
 * (external id, unique), `Ghost_Score__c`, `Ghost_Sessions__c` and `Ghost_Pageviews__c`.
 *
 * @example
 * createDispatcher({
 *   store: memoryStore(),
 *   catalog: ghostId.catalog,
 *   transports: [salesforceTransport({ defaults: { LastName: 'Website visitor', Company: 'Unknown' } })],
 *   tokens: { get: async () => ({ ok: true, token: await mySalesforceToken() }) },
 * })
 * @throws SignalboxError `invalid_input` for options that break a rule.
 * @see https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_upsert_patch.htm
 */
export function salesforceTransport<const Name extends string = 'salesforce'>(
  options: SalesforceTransportOptions<Name>,
): Transport<Name, SalesforceConfig, SalesforceConfig, SalesforcePayload> {
  checkOptions(options, OPTIONS)
  const { defaults, map = visitorFields, externalIdField = 'Ghost_Visitor_ID__c', apiVersion = 'v68.0' } = options
  const { hosts = HOSTS, pace = false, retry, deadlineMs } = options
  const name = (options.name ?? 'salesforce') as Name
  checkTransportName(name)
  checkPaceOption(pace)
  if (deadlineMs !== undefined) checkDeadlineMs(deadlineMs)
  checkDefaults(defaults)
  if (typeof map !== 'function') throw invalidInput('map', 'must be a function of the event')
  if (typeof externalIdField !== 'string' || !/^[A-Za-z]\w{0,79}$/.test(externalIdField)) {
    throw invalidInput('externalIdField', 'must be the API name of a field')
  }
  if (typeof apiVersion !== 'string' || !/^v\d{2,3}\.0$/.test(apiVersion)) {
    throw invalidInput('apiVersion', 'must be a version such as v68.0')
  }
  const path = `/services/data/${apiVersion}/sobjects/Lead/${externalIdField}`
  return {
    name,
    provider: 'salesforce',
    config: configOf(hosts),
    fields: FIELDS,
    ...(pace === false ? {} : { pace }),
    ...(retry === undefined ? {} : { retry }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    variant: () => 'lead',
    defaultLabel: hostOf,
    describe: hostOf,
    build: (message) => recordOf(message, map, externalIdField),
    send: (payload, context) => upsert(payload, context, path, defaults),
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'defaults',
  'map',
  'externalIdField',
  'apiVersion',
  'hosts',
  'pace',
  'retry',
  'deadlineMs',
] satisfies (keyof SalesforceTransportOptions)[]

/** Every org has a My Domain, and OAuth answers with it. */
const HOSTS: readonly string[] = Object.freeze(['*.my.salesforce.com'])

const FIELDS: readonly FieldDescription[] = [
  {
    name: 'instanceUrl',
    label: 'Instance URL',
    kind: 'url',
    required: true,
    help: 'The My Domain of the org, e.g. https://acme.my.salesforce.com',
  },
]

function configOf(hosts: readonly string[]): Transport<string, SalesforceConfig, SalesforceConfig>['config'] {
  const isAllowed = allowedHosts(hosts)
  return z.strictObject({
    instanceUrl: z
      .string()
      .max(2048, 'must be at most 2048 characters')
      .refine(URL.canParse, { error: 'must be an absolute URL', abort: true })
      // Whether hosts of one's own may use plain HTTP is for the egress options to say.
      .refine((url) => new URL(url).protocol === 'https:' || hosts !== HOSTS, { error: 'must use https:', abort: true })
      .refine((url) => isAllowed(new URL(url)), { error: `must be at one of: ${hosts.join(', ')}`, abort: true })
      .refine((url) => isOrigin(new URL(url)), { error: 'must be an origin, without a path', abort: true })
      .transform((url) => new URL(url).origin),
  })
}

function isOrigin({ pathname, search, hash, username, password }: URL): boolean {
  return pathname === '/' && [search, hash, username, password].every((part) => part === '')
}

function hostOf({ instanceUrl }: SalesforceConfig): string {
  return new URL(instanceUrl).host
}

function checkDefaults(defaults: unknown): void {
  if (typeof defaults !== 'object' || defaults === null) {
    throw invalidInput('defaults', 'must be an object with LastName and Company')
  }
  for (const field of ['LastName', 'Company'] as const) {
    const value: unknown = (defaults as Partial<Record<typeof field, unknown>>)[field]
    if (typeof value !== 'string' || value.trim() === '') throw invalidInput(`defaults.${field}`, 'must not be empty')
  }
}

function recordOf(
  message: Message,
  map: NonNullable<SalesforceTransportOptions['map']>,
  externalIdField: string,
): SalesforcePayload {
  if (message.kind !== 'event') return { unsupported: 'Digests and tests are no Leads' }
  const lead = map(message.event)
  if (lead === undefined) return { unsupported: 'The event is about no Lead' }
  const { [externalIdField]: externalId, ...fields } = lead
  // Of a URL, these are no segments of their own.
  if (typeof externalId !== 'string' || ['', '.', '..'].includes(externalId)) {
    return { unsupported: `The Lead has no ${externalIdField}` }
  }
  return { externalId: externalId.toWellFormed(), fields }
}

/** A Lead that is too long in one field is refused as a whole. */
const MAX_CITY = 40
const MAX_COUNTRY = 80
const MAX_EMAIL = 80

function visitorFields({ metadata }: StoredEvent): SalesforceFields | undefined {
  if (!isGhostIdVisitor(metadata)) return undefined
  const { Email, City, Country, ...rest } = salesforcePayload(metadata)
  return {
    ...rest,
    ...(Email === undefined || Email.length > MAX_EMAIL ? {} : { Email }),
    ...(City === undefined ? {} : { City: cutText(City, MAX_CITY) }),
    ...(Country === undefined ? {} : { Country: cutText(Country, MAX_COUNTRY) }),
  }
}

async function upsert(
  payload: SalesforcePayload,
  context: SendContext<SalesforceConfig>,
  path: string,
  defaults: SalesforceFields,
): Promise<Outcome> {
  const { token, connection } = context
  if ('unsupported' in payload) return { kind: 'rejected', code: 'unsupported_message', detail: payload.unsupported }
  if (token === undefined || token === '') return { kind: 'reauthorize', code: 'token_missing' }
  const url = `${connection.config.instanceUrl}${path}/${encodeURIComponent(payload.externalId)}`
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const write = (fields: SalesforceFields): Promise<Outcome> =>
    requestOutcome(context, { method: 'PATCH', url, headers, body: toJson(fields) }, salesforceOutcome)

  const outcome = await write(payload.fields)
  const isNew = outcome.kind === 'rejected' && outcome.providerCode === 'REQUIRED_FIELD_MISSING'
  return isNew ? write({ ...defaults, ...payload.fields }) : outcome
}
