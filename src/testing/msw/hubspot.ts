import { randomUUID } from 'node:crypto'
import { checkOptions } from '../../errors.ts'
import { createCrmTokens } from './crm-tokens.ts'
import { type Call, checkStatus, createFakeCore, type Fake, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Fault } from './faults.ts'
import type { Loopback } from './loopback.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { bearerToken, isObject, type JsonObject, mediaType, parseJson } from './values.ts'

export interface HubspotFakeOptions {
  /** Internal names of custom properties of contacts. @default those of Ghost ID */
  readonly properties?: readonly string[]
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

/** An upsert of one contact that was accepted. */
export interface HubspotReceived {
  readonly email: string
  readonly properties: Readonly<Record<string, string>>
  /** Whether the contact is new. */
  readonly created: boolean
  /** HubSpot's id of the contact, which is the receipt. */
  readonly id: string
  /** What it was sent with. */
  readonly token: string
  /** Epoch ms. */
  readonly at: number
  /** The whole body as it was parsed. */
  readonly body: JsonObject
}

export type HubspotOperation = 'upsert-contacts' | 'unknown'

/** Categories of errors, and names of limits. */
export type HubspotWord =
  | 'EXPIRED_AUTHENTICATION'
  | 'INVALID_AUTHENTICATION'
  | 'MISSING_SCOPES'
  | 'CONFLICT'
  | 'VALIDATION_ERROR'
  | 'TEN_SECONDLY_ROLLING'
  | 'DAILY'

/** A word of HubSpot's, the error of the one contact (207), an HTTP status, or a connection that breaks off. */
export type HubspotFailure = HubspotWord | { readonly item: HubspotWord } | number | 'network_error'

export interface HubspotListening extends Loopback {
  /** For `hubspotTransport`. */
  readonly options: { readonly apiUrl: string }
}

export interface HubspotFake extends Fake<HubspotReceived, HubspotFailure, HubspotOperation, HubspotListening> {
  /** An access token that is good from the beginning. */
  readonly token: string
  issueToken(): string
  /** All tokens that were issued: from now on 401 `EXPIRED_AUTHENTICATION`. */
  expireTokens(): void
  /** Contacts by their e-mail address in lower case, with all that was written: the same map all the time. */
  readonly contacts: ReadonlyMap<string, Readonly<Record<string, string>>>
}

const GHOST_ID: readonly string[] = [
  'ghost_visitor_id',
  'ghost_score',
  'ghost_sessions',
  'ghost_pageviews',
  'ghost_first_seen',
  'ghost_last_seen',
]

/** Some of the properties that every account has. */
const STANDARD: readonly string[] = [
  'email',
  'firstname',
  'lastname',
  'phone',
  'company',
  'website',
  'city',
  'country',
].concat(['state', 'zip', 'address', 'jobtitle', 'lifecyclestage', 'hs_lead_status'])

/**
 * A HubSpot that lives in the test: upserts of contacts by e-mail address. It refuses what HubSpot refuses, unknown
 * properties first of all, with its categories.
 *
 * @example
 * ```ts
 * const hubspot = hubspotFake()
 * const server = setupServer(...hubspot.handlers)
 * server.listen()
 * const dispatcher = createDispatcher({
 *   store: memoryStore(),
 *   transports: [hubspotTransport({ map: ({ body }) => ({ email: body, lifecyclestage: 'lead' }) })],
 *   tokens: { get: async () => ({ ok: true, token: hubspot.token }) },
 *   http: fetchHttp(),
 * })
 * await dispatcher.connections.create({ orgId: 'org_1', transport: 'hubspot', config: {} })
 * const event = { orgId: 'org_1', type: 'signed_up', title: 'Signed up', body: 'jane@example.com', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(hubspot.contacts.get('jane@example.com')?.lifecyclestage) // lead
 * ```
 * @throws SignalboxError `invalid_input` for options that do not exist.
 */
export function hubspotFake(options: HubspotFakeOptions = {}): HubspotFake {
  checkOptions(options, ['properties', 'now'])
  const { properties = GHOST_ID, now = () => Date.now() } = options
  const known = new Set([...STANDARD, ...properties])
  const tokens = createCrmTokens('CPSBhb')
  const received: HubspotReceived[] = []
  const contacts = new Map<string, Readonly<Record<string, string>>>()
  const ids = new Map<string, string>()

  const core = createFakeCore<HubspotFailure, HubspotOperation>({
    patterns: ['https://api.hubapi.com/*'],
    now,
    locate: () => 'https://api.hubapi.com',
    operation: ({ method, url }) => (method === 'POST' && UPSERT.test(url.pathname) ? 'upsert-contacts' : 'unknown'),
    isMessage: (operation) => operation === 'upsert-contacts',
    failure,
    reply(call, operation, limiter) {
      if (operation === 'unknown') return hubspotError(404, 'OBJECT_NOT_FOUND', 'Nothing is at this path.')
      return upsert(call, limiter)
    },
  })

  const upsert = (call: Call, limiter: RateLimiter): Reply => {
    const token = bearerToken(call.headers)
    const state = tokens.state(token)
    if (token === undefined || state !== 'good')
      return coded(state === 'expired' ? 'EXPIRED_AUTHENTICATION' : 'INVALID_AUTHENTICATION')
    if (limiter.take(token, call.at)?.ok === false) return coded('TEN_SECONDLY_ROLLING')
    if (mediaType(call.headers) !== 'application/json')
      return hubspotError(415, 'VALIDATION_ERROR', 'Unsupported Media Type')
    const body = parseJson(call.text)
    if (!isObject(body)) return coded('VALIDATION_ERROR', 'Invalid input JSON')
    const read = readInputs(body, known)
    if (!read.ok) return coded('VALIDATION_ERROR', read.message)
    const at = new Date(call.at).toISOString()
    const results = read.inputs.map(({ email, properties }) => {
      const key = email.toLowerCase()
      const before = contacts.get(key)
      const id = ids.get(key) ?? String(100_000 + ids.size + 1)
      ids.set(key, id)
      contacts.set(key, { ...before, email, ...properties })
      const created = before === undefined
      received.push({ email, properties, created, id, token, at: call.at, body })
      return { id, properties: contacts.get(key), createdAt: at, updatedAt: at, archived: false, new: created }
    })
    return { status: 200, json: { status: 'COMPLETE', results, startedAt: at, completedAt: at } }
  }

  return {
    handlers: core.handlers,
    received,
    requests: core.requests,
    token: tokens.first,
    contacts,
    issueToken: tokens.issue,
    expireTokens: tokens.expire,
    fail(ordered, failOptions) {
      if (typeof ordered === 'number') checkStatus(ordered)
      core.faults.add(ordered, failOptions)
    },
    rateLimit: (limit = {}) => core.limiter.set(limit),
    reset() {
      core.reset()
      received.length = 0
      contacts.clear()
      ids.clear()
      tokens.reset()
    },
    async listen() {
      const server = await core.listen()
      return { ...server, options: { apiUrl: server.url } }
    },
  }
}

/** Version 3, and the versions that are named by their date. */
const UPSERT = /^\/crm\/(?:v3\/objects|objects\/\d{4}-\d{2})\/contacts\/batch\/upsert$/
const MAX_INPUTS = 100

interface Input {
  readonly email: string
  readonly properties: Readonly<Record<string, string>>
}

type Inputs =
  | { readonly ok: true; readonly inputs: readonly Input[] }
  | { readonly ok: false; readonly message: string }

function readInputs({ inputs }: JsonObject, known: ReadonlySet<string>): Inputs {
  const refuse = (message: string): Inputs => ({ ok: false, message })
  if (!Array.isArray(inputs) || inputs.length === 0) return refuse('inputs must not be empty')
  if (inputs.length > MAX_INPUTS) return refuse(`The number of inputs must not exceed ${MAX_INPUTS}`)
  const found: Input[] = []
  for (const input of inputs) {
    if (!isObject(input) || typeof input.id !== 'string' || !isObject(input.properties)) {
      return refuse('Invalid input JSON: an input needs id and properties')
    }
    // without it the id would have to be HubSpot's own
    if (input.idProperty !== 'email') return refuse('idProperty must be a unique property')
    const properties: Record<string, string> = {}
    for (const [name, value] of Object.entries(input.properties)) {
      if (!known.has(name))
        return refuse(
          `Property values were not valid: [{"isValid":false,"message":"Property \\"${name}\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"${name}"}]`,
        )
      if (typeof value !== 'string') return refuse(`Invalid input JSON: ${name} must be a string`)
      properties[name] = value
    }
    if (![input.id, properties.email ?? input.id].every((email) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email))) {
      return refuse('Property values were not valid: [{"isValid":false,"error":"INVALID_EMAIL","name":"email"}]')
    }
    found.push({ email: input.id, properties })
  }
  const emails = found.map(({ email }) => email.toLowerCase())
  if (new Set(emails).size < emails.length) return refuse('Duplicate IDs found in batch input')
  return { ok: true, inputs: found }
}

const WORDS: Readonly<Record<HubspotWord, readonly [status: number, message: string]>> = {
  EXPIRED_AUTHENTICATION: [401, 'The OAuth token used to make this call expired.'],
  INVALID_AUTHENTICATION: [401, 'Authentication credentials not found.'],
  MISSING_SCOPES: [403, 'This app hasn’t been granted all required scopes to make this call.'],
  CONFLICT: [409, 'Contact already exists. Existing ID: 100001'],
  VALIDATION_ERROR: [400, 'Property values were not valid'],
  TEN_SECONDLY_ROLLING: [429, 'You have reached your ten_secondly_rolling limit.'],
  DAILY: [429, 'You have reached your daily limit.'],
}

function coded(word: HubspotWord, text?: string): Reply {
  const [status, message] = WORDS[word]
  if (status !== 429) return hubspotError(status, word, text ?? message)
  const json = { status: 'error', message, errorType: 'RATE_LIMIT', correlationId: randomUUID(), policyName: word }
  return { status, json, error: word }
}

function hubspotError(status: number, category: string, message: string): Reply {
  return { status, json: { status: 'error', message, correlationId: randomUUID(), category }, error: category }
}

function failure({ failure, retryAfter }: Fault<HubspotFailure>): Reply {
  if (failure === 'network_error') return NETWORK_ERROR
  const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
  if (typeof failure === 'number') return { ...httpStatus(failure), ...headers }
  if (typeof failure === 'string') return { ...coded(failure), ...headers }
  const [, message] = WORDS[failure.item]
  const errors = [{ status: 'error', category: failure.item, message, context: {} }]
  return { status: 207, json: { status: 'COMPLETE', results: [], numErrors: 1, errors }, error: failure.item }
}
