import type { Outcome } from '../../contracts/outcome.ts'
import { outcomeText } from '../../delivery/reasons.ts'
import { checkOptions, invalidInput, isSignalboxError } from '../../errors.ts'
import { GHOST_ID_BASE_URL } from '../../payloads/ghost-id.ts'
import type { GhostIdVisitor } from '../../payloads/ghost-id-visitor.ts'
import { isReceiveError } from '../../receiving/errors.ts'
import { readFetchBody } from '../../receiving/fetch-body.ts'
import { type Answer, answered, refusal } from './answers.ts'
import { checkBaseUrl } from './base-url.ts'
import { type GhostIdEvent, summarise } from './catalog.ts'
import { type GhostIdNodeListener, nodeListener } from './node-listener.ts'
import { type GhostIdRequest, parseRequest, SUPPORTED_TYPES } from './request.ts'
import type { GhostIdConfigInput } from './transport.ts'
import { parseVisitor } from './visitor.ts'

/** Which visitor is asked for. */
export interface GhostIdVisitorQuery {
  readonly ghostVid: string
  /** The site that owns the visitor: another site's does not exist for it. */
  readonly siteId: number
  /** `false`: the journey is not sent, and need not be loaded. */
  readonly includeJourney: boolean
  /** The same of the recent events. */
  readonly includeEvents: boolean
}

/** The part of a dispatcher that is used: one with `ghostId.transport()`. */
export interface GhostIdSender<Name extends string = 'ghost-id'> {
  send(input: {
    readonly orgId: string
    readonly transport: Name
    readonly config: GhostIdConfigInput
    readonly event: GhostIdEventInput
  }): Promise<Outcome>
}

/** The event of one export: `orgId` is the call's, and its words are given for dispatchers without the catalog. */
export type GhostIdEventInput = Omit<GhostIdEvent, 'orgId'> & {
  readonly title: string
  readonly body: string
  readonly href: string
}

export interface GhostIdWebhookApiOptions<Name extends string = 'ghost-id'> {
  readonly dispatcher: GhostIdSender<NoInfer<Name>>
  /** `undefined`: the site has no such visitor (404). */
  loadVisitor(query: GhostIdVisitorQuery): Promise<GhostIdVisitor | undefined> | GhostIdVisitor | undefined
  /**
   * Whether the request has a session, and its person may use the site; `siteId` is absent on GET. Look at its headers
   * only, the body has been read.
   */
  authorize(request: Request, scope: { readonly siteId?: number }): Promise<boolean> | boolean
  /** The transport's name. @default 'ghost-id' */
  readonly transport?: Name
  /** The path that is served, any other is 404; `false`: the router has seen to it. @default '/api/webhook' */
  readonly path?: string | false
  /** Where visitors' pages are. @default 'https://analytics.ghostid.ai' */
  readonly baseUrl?: string
  /** Larger bodies are 413, in bytes. @default 16_384 */
  readonly maxBodyBytes?: number
  /** Told what the answer 500 keeps to itself. @default prints it */
  readonly onError?: (error: unknown) => void
  /** Epoch ms. @default Date.now */
  readonly now?: () => number
}

/** The endpoint, for whoever speaks Fetch; `node` is a listener of `node:http`, which Express takes too. */
export interface GhostIdWebhookApi {
  (request: Request): Promise<Response>
  readonly node: GhostIdNodeListener
}

/**
 * `GET` and `POST /api/webhook` as Ghost ID documents them. `POST` sends one visitor to a URL, once, with
 * `dispatcher.send` (`orgId` is the `siteId` as text), under the same egress guard as everything else.
 *
 * | status | when |
 * | --- | --- |
 * | 200 | the documented answer |
 * | 400 | a field breaks a rule, or `webhook_url` may not be called; `field` and `error` say which and why |
 * | 401 | `authorize` says no |
 * | 404 | no such visitor of this site; another path |
 * | 405, 413, 415 | another method (`Allow`); too large a body; another content type than `application/json` |
 * | 500 | a function of the host failed; `onError` knows why |
 * | 502 | the target failed: `code` is the outcome's, `status` what it answered |
 *
 * Failures are `{ success: false, code, error }`. A session cookie comes with requests that other sites make in a
 * browser: what they can make without asking first has no content type `application/json`, and is refused. Answer no
 * preflight (`OPTIONS`) for other origins in front of it.
 *
 * @example
 * const api = ghostId.webhookApi({ dispatcher, authorize, loadVisitor })
 * createServer(api.node)                             // node:http
 * app.all('/api/webhook', api.node)                  // Express
 * app.all('/api/webhook', (c) => api(c.req.raw))     // Hono
 * export { api as GET, api as POST }                 // Next: app/api/webhook/route.ts
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function webhookApi<const Name extends string = 'ghost-id'>(
  options: GhostIdWebhookApiOptions<Name>,
): GhostIdWebhookApi {
  const settings = checked(options)
  const { maxBodyBytes, onError } = settings

  async function handle(request: Request, readBody: () => Promise<Uint8Array>): Promise<Response> {
    try {
      return answered(await answer(request, readBody, settings))
    } catch (error) {
      try {
        onError(error)
      } catch (thrown) {
        console.error(thrown)
      }
      return answered(refusal(500, 'internal_error', 'The visitor could not be exported'))
    }
  }

  const api = (request: Request): Promise<Response> => handle(request, () => readFetchBody(request, maxBodyBytes))
  return Object.assign(api, { node: nodeListener(handle, maxBodyBytes) })
}

type Settings<Name extends string> = Required<GhostIdWebhookApiOptions<Name>>

async function answer<Name extends string>(
  request: Request,
  readBody: () => Promise<Uint8Array>,
  settings: Settings<Name>,
): Promise<Answer> {
  const { path, authorize } = settings
  if (path !== false && new URL(request.url).pathname !== path) {
    return refusal(404, 'not_found', 'There is nothing at this path')
  }
  if (request.method === 'GET') {
    return (await authorize(request, {})) === true ? { status: 200, body: SUPPORTED_TYPES } : UNAUTHORIZED
  }
  if (request.method !== 'POST') {
    return { ...refusal(405, 'method_not_allowed', 'Use GET or POST'), headers: { allow: 'GET, POST' } }
  }
  if (!isPlainJson(request.headers)) {
    return refusal(415, 'unsupported_media_type', 'The content type must be application/json, in UTF-8 and not encoded')
  }
  const input = await read(readBody)
  if ('status' in input) return input
  if ((await authorize(request, { siteId: input.siteId })) !== true) return UNAUTHORIZED
  return send(input, settings)
}

const UNAUTHORIZED: Answer = refusal(401, 'unauthorized', 'A session is required')

async function read(readBody: () => Promise<Uint8Array>): Promise<GhostIdRequest | Answer> {
  try {
    return parseRequest(await readBody())
  } catch (error) {
    // A body that somebody has read before is the host's mistake.
    if (isReceiveError(error) && error.status >= 500) throw error
    if (!isSignalboxError(error, 'invalid_input')) throw error
    return refusal(isReceiveError(error) ? error.status : 400, 'invalid_input', error.message, error.field)
  }
}

async function send<Name extends string>(input: GhostIdRequest, settings: Settings<Name>): Promise<Answer> {
  const { ghost_vid, webhook_type, siteId, include_journey: includeJourney, include_events: includeEvents } = input
  const { dispatcher, loadVisitor, transport, baseUrl, now } = settings
  const loaded = await loadVisitor({ ghostVid: ghost_vid, siteId, includeJourney, includeEvents })
  if (loaded === undefined || loaded === null) return refusal(404, 'not_found', 'No such visitor', 'ghost_vid')
  // What is not sent need not be within the limits of an event either.
  const { journey = [], recent_events = [], ...profile } = parseVisitor(loaded)
  const visitor: GhostIdVisitor = {
    ...profile,
    ...(includeJourney ? { journey } : {}),
    ...(includeEvents ? { recent_events } : {}),
  }
  let outcome: Outcome
  try {
    outcome = await dispatcher.send({
      orgId: String(siteId),
      transport,
      config: { url: input.webhook_url, format: webhook_type, includeJourney, includeEvents },
      event: { type: 'visitor_exported', ...summarise(visitor, baseUrl), metadata: visitor, timestamp: now() },
    })
  } catch (error) {
    if (!isSignalboxError(error) || error.field !== 'config.url') throw error
    return refusal(400, error.code, error.message.replace(/^config\.url/, 'webhook_url'), 'webhook_url')
  }
  if (outcome.kind === 'delivered') {
    const delivered_at = new Date(now()).toISOString()
    return { status: 200, body: { success: true, ghost_vid, webhook_type, delivered_at } }
  }
  const { code, status } = outcome
  // A public name may lead to a private address: that is known only now, and the caller's to mend.
  if (code === 'blocked_address' || code === 'blocked_url') {
    return refusal(400, code, `webhook_url: ${outcomeText(code)}`, 'webhook_url')
  }
  const { body, ...rest } = refusal(502, code, outcomeText(code, status))
  return { ...rest, body: { ...body, ...(status === undefined ? {} : { status }) } }
}

/** Of other content types, browsers send some for any site without asking. */
function isPlainJson(headers: Headers): boolean {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length)
  const encoding = headers.get('content-encoding') ?? 'identity'
  return (
    type === 'application/json' &&
    (charset === undefined || /^"?utf-?8"?$/.test(charset)) &&
    encoding.toLowerCase() === 'identity'
  )
}

const OPTIONS: readonly string[] = [
  'dispatcher',
  'loadVisitor',
  'authorize',
  'transport',
  'path',
  'baseUrl',
  'maxBodyBytes',
  'onError',
  'now',
] satisfies (keyof GhostIdWebhookApiOptions)[]

const MAX_BODY_BYTES = 16_384

function checked<Name extends string>(options: GhostIdWebhookApiOptions<Name>): Settings<Name> {
  checkOptions(options, OPTIONS)
  const { path = '/api/webhook', maxBodyBytes = MAX_BODY_BYTES, onError = console.error, now = Date.now } = options
  if (typeof options.dispatcher?.send !== 'function') throw invalidInput('dispatcher', 'must be a dispatcher')
  for (const name of ['loadVisitor', 'authorize'] as const) {
    if (typeof options[name] !== 'function') throw invalidInput(name, 'must be a function')
  }
  if (path !== false && !(typeof path === 'string' && /^\/[^?#\s]*$/.test(path))) {
    throw invalidInput('path', 'must be a path such as /api/webhook, or false')
  }
  if (!Number.isInteger(maxBodyBytes) || maxBodyBytes < 1)
    throw invalidInput('maxBodyBytes', 'must be a whole number above 0')
  return {
    dispatcher: options.dispatcher,
    loadVisitor: (query) => options.loadVisitor(query),
    authorize: (request, scope) => options.authorize(request, scope),
    transport: options.transport ?? ('ghost-id' as Name),
    path,
    baseUrl: checkBaseUrl(options.baseUrl ?? GHOST_ID_BASE_URL),
    maxBodyBytes,
    onError,
    now,
  }
}
