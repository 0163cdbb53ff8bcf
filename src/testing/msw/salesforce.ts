import { checkOptions, invalidInput } from '../../errors.ts'
import { createCrmTokens } from './crm-tokens.ts'
import { type Call, checkStatus, createFakeCore, type Fake, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Fault } from './faults.ts'
import type { Loopback } from './loopback.ts'
import { bearerToken, isObject, type JsonObject, mediaType, parseJson } from './values.ts'

export interface SalesforceFakeOptions {
  /** @default 'https://acme.my.salesforce.com' */
  readonly instanceUrl?: string
  /** @default 'Ghost_Visitor_ID__c' */
  readonly externalIdField?: string
  /** API names of custom fields of Leads. @default those of Ghost ID */
  readonly fields?: readonly string[]
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

/** An upsert that was accepted. */
export interface SalesforceReceived {
  readonly externalId: string
  /** What was written. */
  readonly fields: JsonObject
  /** Whether the Lead is new. */
  readonly created: boolean
  /** Salesforce's id of the Lead, which is the receipt. */
  readonly id: string
  /** What it was sent with. */
  readonly token: string
  /** Epoch ms. */
  readonly at: number
}

export type SalesforceOperation = 'upsert-lead' | 'unknown'

/** Error codes of the REST API. */
export type SalesforceWord =
  | 'INVALID_SESSION_ID'
  | 'REQUEST_LIMIT_EXCEEDED'
  | 'INSUFFICIENT_ACCESS'
  | 'UNABLE_TO_LOCK_ROW'
  | 'DUPLICATES_DETECTED'
  | 'NOT_FOUND'
  | 'SERVER_UNAVAILABLE'

/** A code of Salesforce's, an HTTP status, or a connection that breaks off. */
export type SalesforceFailure = SalesforceWord | number | 'network_error'

export interface SalesforceListening extends Loopback {
  /** For `salesforceTransport`, beside its `defaults`. */
  readonly options: { readonly hosts: readonly string[] }
  /** The instance's address here: `config.instanceUrl` of a connection. */
  readonly instanceUrl: string
}

export interface SalesforceFake
  extends Fake<SalesforceReceived, SalesforceFailure, SalesforceOperation, SalesforceListening> {
  /** `config.instanceUrl` of a connection. */
  readonly instanceUrl: string
  /** An access token that is good from the beginning. */
  readonly token: string
  issueToken(): string
  /** All tokens that were issued: from now on 401 `INVALID_SESSION_ID`. */
  expireTokens(): void
  /** Leads by their external id, with all that was written: the same map all the time. */
  readonly leads: ReadonlyMap<string, JsonObject>
  /** A second Lead gets this external id: upserts by it are 300 from now on. */
  duplicate(externalId: string): void
}

const GHOST_ID: readonly string[] = ['Ghost_Score__c', 'Ghost_Sessions__c', 'Ghost_Pageviews__c']

/** Some of the fields of every Lead, with the characters that they hold at most. */
const STANDARD: Readonly<Record<string, number>> = {
  LastName: 80,
  FirstName: 40,
  Company: 255,
  Email: 80,
  Phone: 40,
  City: 40,
  State: 80,
  Country: 80,
  Title: 128,
  Website: 255,
  LeadSource: 255,
  Description: 32_000,
  Status: 255,
  Rating: 255,
}

/**
 * A Salesforce org that lives in the test: upserts of Leads by external id. It refuses what Salesforce refuses, with its
 * codes: unknown fields, texts that are too long, the external id in the body, a new Lead without `LastName` and
 * `Company`.
 *
 * @example
 * ```ts
 * const salesforce = salesforceFake()
 * const server = setupServer(...salesforce.handlers)
 * server.listen()
 * const defaults = { LastName: 'Website visitor', Company: 'Unknown' }
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [salesforceTransport({ defaults, map: ({ id, title }) => ({ Ghost_Visitor_ID__c: id, Description: title }) })],
 *   tokens: { get: async () => ({ ok: true, token: salesforce.token }) },
 *   http: fetchHttp(),
 * })
 * const config = { instanceUrl: salesforce.instanceUrl }
 * await dispatcher.connections.create({ orgId: 'org_1', transport: 'salesforce', config })
 * const event = { id: 'gv_1', orgId: 'org_1', type: 'seen', title: 'Seen', body: '', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(salesforce.leads.get('gv_1')?.LastName) // Website visitor
 * ```
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function salesforceFake(options: SalesforceFakeOptions = {}): SalesforceFake {
  checkOptions(options, ['instanceUrl', 'externalIdField', 'fields', 'now'])
  const { externalIdField = 'Ghost_Visitor_ID__c', fields = GHOST_ID, now = () => Date.now() } = options
  const { instanceUrl = 'https://acme.my.salesforce.com' } = options
  if (!URL.canParse(instanceUrl) || new URL(instanceUrl).origin !== instanceUrl) {
    throw invalidInput('instanceUrl', 'must be an origin, without a slash at its end')
  }
  const limits = new Map<string, number | undefined>([
    ...Object.entries(STANDARD),
    ...fields.map((field) => [field, undefined] as const),
  ])
  const tokens = createCrmTokens('00D5g000004XYZ!')
  const received: SalesforceReceived[] = []
  const leads = new Map<string, JsonObject>()
  const ids = new Map<string, string>()
  const twice = new Set<string>()

  const core = createFakeCore<SalesforceFailure, SalesforceOperation>({
    patterns: [`${instanceUrl}/*`],
    now,
    locate: () => instanceUrl,
    operation: ({ method, url }) =>
      method === 'PATCH' && addressOf(url.pathname) !== undefined ? 'upsert-lead' : 'unknown',
    isMessage: (operation) => operation === 'upsert-lead',
    failure,
    reply(call, operation, limiter) {
      const token = bearerToken(call.headers)
      if (token === undefined || tokens.state(token) !== 'good') return coded('INVALID_SESSION_ID')
      const address = addressOf(call.url.pathname)
      if (operation === 'unknown' || address?.field !== externalIdField) return coded('NOT_FOUND')
      if (limiter.take(token, call.at)?.ok === false) return coded('REQUEST_LIMIT_EXCEEDED')
      return upsert(call, token, address.externalId)
    },
  })

  const upsert = (call: Call, token: string, externalId: string): Reply => {
    if (mediaType(call.headers) !== 'application/json')
      return salesforceError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Use JSON')
    const body = parseJson(call.text)
    if (!isObject(body)) return salesforceError(400, 'JSON_PARSER_ERROR', 'The body is no JSON object')
    const refused = refusal(body, externalIdField, limits)
    if (refused !== undefined) return refused
    if (twice.has(externalId)) {
      const path = `/services/data/v68.0/sobjects/Lead/`
      return { status: 300, json: [`${path}00Q000000000001`, `${path}00Q000000000002`], error: 'MULTIPLE_CHOICES' }
    }
    const before = leads.get(externalId)
    const lead = { ...before, ...body }
    const missing = ['LastName', 'Company'].filter((field) => typeof lead[field] !== 'string' || lead[field] === '')
    if (missing.length > 0) {
      const message = `Required fields are missing: [${missing.join(', ')}]`
      return salesforceError(400, 'REQUIRED_FIELD_MISSING', message, missing)
    }
    const id = ids.get(externalId) ?? `00Q5g00000${String(ids.size + 1).padStart(5, '0')}`
    const created = before === undefined
    ids.set(externalId, id)
    leads.set(externalId, lead)
    received.push({ externalId, fields: body, created, id, token, at: call.at })
    return { status: created ? 201 : 200, json: { id, success: true, errors: [], created } }
  }

  return {
    handlers: core.handlers,
    received,
    requests: core.requests,
    instanceUrl,
    token: tokens.first,
    leads,
    issueToken: tokens.issue,
    expireTokens: tokens.expire,
    duplicate(externalId) {
      twice.add(externalId)
    },
    fail(ordered, failOptions) {
      if (typeof ordered === 'number') checkStatus(ordered)
      core.faults.add(ordered, failOptions)
    },
    rateLimit: (limit = {}) => core.limiter.set(limit),
    reset() {
      core.reset()
      received.length = 0
      leads.clear()
      ids.clear()
      twice.clear()
      tokens.reset()
    },
    async listen() {
      const server = await core.listen()
      return { ...server, options: { hosts: [new URL(server.url).host] }, instanceUrl: server.url }
    },
  }
}

function addressOf(path: string): { readonly field: string; readonly externalId: string } | undefined {
  const match = /^\/services\/data\/v\d+\.0\/sobjects\/Lead\/(\w+)\/([^/]+)$/.exec(path)
  const [, field, externalId] = match ?? []
  return field === undefined || externalId === undefined
    ? undefined
    : { field, externalId: decodeURIComponent(externalId) }
}

function refusal(
  body: JsonObject,
  externalIdField: string,
  limits: ReadonlyMap<string, number | undefined>,
): Reply | undefined {
  for (const [field, value] of Object.entries(body)) {
    if (field === externalIdField || field === 'Id') {
      const message = `The ${field} field should not be specified in the sobject data.`
      return salesforceError(400, 'INVALID_FIELD', message, [field])
    }
    if (!limits.has(field))
      return salesforceError(400, 'INVALID_FIELD', `No such column '${field}' on sobject of type Lead`)
    const max = limits.get(field)
    if (typeof value === 'string' && max !== undefined && value.length > max) {
      const message = `${field}: data value too large (max length=${max})`
      return salesforceError(400, 'STRING_TOO_LONG', message, [field])
    }
  }
  const { Email } = body
  if (typeof Email === 'string' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(Email)) {
    return salesforceError(400, 'INVALID_EMAIL_ADDRESS', 'Email: invalid email address', ['Email'])
  }
  return undefined
}

const WORDS: Readonly<Record<SalesforceWord, readonly [status: number, message: string]>> = {
  INVALID_SESSION_ID: [401, 'Session expired or invalid'],
  REQUEST_LIMIT_EXCEEDED: [403, 'TotalRequests Limit exceeded.'],
  INSUFFICIENT_ACCESS: [403, 'insufficient access rights on object id'],
  UNABLE_TO_LOCK_ROW: [400, 'unable to obtain exclusive access to this record'],
  DUPLICATES_DETECTED: [400, 'Use one of these records?'],
  NOT_FOUND: [404, 'The requested resource does not exist'],
  SERVER_UNAVAILABLE: [503, 'The server is unavailable'],
}

function coded(word: SalesforceWord): Reply {
  const [status, message] = WORDS[word]
  return salesforceError(status, word, message)
}

function salesforceError(status: number, errorCode: string, message: string, fields?: readonly string[]): Reply {
  return { status, json: [{ message, errorCode, ...(fields === undefined ? {} : { fields }) }], error: errorCode }
}

function failure({ failure, retryAfter }: Fault<SalesforceFailure>): Reply {
  if (failure === 'network_error') return NETWORK_ERROR
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
  return { ...(typeof failure === 'number' ? httpStatus(failure) : coded(failure)), ...headers }
}
