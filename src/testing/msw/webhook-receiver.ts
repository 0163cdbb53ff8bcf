import type { SignatureScheme, VerifyFailure } from '../../contracts/signature.ts'
import { checkOptions, invalidInput } from '../../errors.ts'
import { ghostSignature } from '../../signing/ghost.ts'
import { standardWebhooks } from '../../signing/standard-webhooks.ts'
import { isSignatureError, verifyWebhook } from '../../signing/verify-webhook.ts'
import { type Call, checkStatus, createFakeCore, type Fake, httpStatus, NETWORK_ERROR, type Reply } from './fake.ts'
import type { Loopback } from './loopback.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { mediaType, parseJson } from './values.ts'

export interface WebhookReceiverFakeOptions {
  /** @default 'https://receiver.example.com/webhooks' */
  readonly url?: string
  /** What senders sign with; several during a rotation. `false`: requests without a signature are taken. */
  readonly secret: string | readonly string[] | false
  /** Each scheme whose headers are there must match, and one must be there. @default standardWebhooks() and ghostSignature() */
  readonly scheme?: SignatureScheme | readonly SignatureScheme[]
  /** Epoch ms: what timestamps are measured on. @default Date.now */
  readonly now?: () => number
}

/** A request whose signatures are right. */
export interface WebhookReceived {
  /** `webhook-id`: the same again is the same message, sent twice. */
  readonly id?: string
  /** A request with this id was answered 2xx before. */
  readonly duplicate: boolean
  /** The schemes that matched. */
  readonly schemes: readonly string[]
  /** Epoch ms at which it was sent, where the scheme says. */
  readonly sentAt?: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** The raw body. */
  readonly text: string
  /** The body parsed; `undefined` where it is no JSON. */
  readonly json: unknown
  /** What it was answered with; 0: the connection broke off. */
  readonly status: number
  /** Epoch ms. */
  readonly at: number
}

export interface WebhookReceiverListening extends Loopback {
  /** The receiver's address here: `config.url` of a connection. */
  readonly webhookUrl: string
}

export interface WebhookReceiverFake
  extends Fake<WebhookReceived, number | 'network_error', 'deliver', WebhookReceiverListening> {
  readonly url: string
  /** Each message once: the first request of each id that was answered 2xx, and those without an id. */
  readonly messages: readonly WebhookReceived[]
  /** From now on every verified request is answered so. @default 200 */
  respond(status: number, headers?: Readonly<Record<string, string>>, body?: string): void
  /** The next verified request is answered so; further calls queue up behind. */
  respondOnce(status: number, headers?: Readonly<Record<string, string>>, body?: string): void
  /** The secret was rotated: the old one is refused from now on. */
  useSecret(secret: string | readonly string[] | false): void
}

/**
 * A customer's endpoint that lives in the test. It verifies signatures as real receivers do (`verifyWebhook`), answers
 * 401 where one is missing or wrong, keeps what is right, and tells duplicates by `webhook-id`.
 *
 * @example
 * ```ts
 * const secret = generateSecret()
 * const receiver = webhookReceiverFake({ secret })
 * const server = setupServer(...receiver.handlers)
 * server.listen()
 * const dispatcher = createDispatcher({ store: memoryStore(), transports: [webhookTransport()], http: fetchHttp() })
 * await dispatcher.connections.create({ orgId: 'org_1', transport: 'webhook', config: { url: receiver.url }, secret })
 * receiver.respondOnce(429, { 'retry-after': '1' })
 * const event = { orgId: 'org_1', type: 'policy_published', title: 'Published', body: '', href: 'https://app.example.com' }
 * await dispatcher.dispatch(event, { wait: true })
 * console.log(receiver.received.map((one) => one.status)) // [ 429, 200 ]
 * ```
 * @throws SignalboxError `invalid_input` for options that break a rule.
 */
export function webhookReceiverFake(options: WebhookReceiverFakeOptions): WebhookReceiverFake {
  checkOptions(options, ['url', 'secret', 'scheme', 'now'])
  const { url = 'https://receiver.example.com/webhooks', now = () => Date.now() } = options
  const { scheme = [standardWebhooks(), ghostSignature()] } = options
  if (!URL.canParse(url)) throw invalidInput('url', 'must be an absolute URL')
  const address = new URL(url)
  const schemes = 'verify' in scheme ? [scheme] : scheme
  if (schemes.length === 0) throw invalidInput('scheme', 'must name at least one scheme')
  const received: WebhookReceived[] = []
  const messages: WebhookReceived[] = []
  let secrets: readonly string[] = []
  let usual: Reply = OK
  let once: Reply[] = []

  const useSecret: WebhookReceiverFake['useSecret'] = (secret) => {
    secrets = secret === false ? [] : typeof secret === 'string' ? [secret] : secret
    if (secret !== false && secrets.length === 0) throw invalidInput('secret', 'must hold at least one, or be false')
    for (const one of secrets) for (const each of schemes) each.checkSecret(one)
  }
  useSecret(options.secret)

  const deliver = async (call: Call, limiter: RateLimiter): Promise<Reply> => {
    if (call.method !== 'POST') return refused(405, 'method_not_allowed')
    if (mediaType(call.headers) === undefined) return refused(415, 'content_type_missing')
    const verified = await verifyAll(schemes, secrets, call)
    if (!verified.ok) return refused(401, verified.code)
    const allowance = limiter.take(url, call.at)
    const reply = allowance?.ok === false ? tooMany(allowance.waitMs) : (once.shift() ?? usual)
    const id = verified.id ?? call.headers.get('webhook-id') ?? undefined
    const duplicate = id !== undefined && messages.some((one) => one.id === id)
    const delivery: WebhookReceived = {
      ...(id === undefined ? {} : { id }),
      duplicate,
      schemes: verified.schemes,
      ...(verified.sentAt === undefined ? {} : { sentAt: verified.sentAt }),
      headers: Object.fromEntries(call.headers),
      text: call.text,
      json: parseJson(call.text),
      status: reply.status,
      at: call.at,
    }
    received.push(delivery)
    if (!duplicate && reply.status >= 200 && reply.status < 300) messages.push(delivery)
    return reply
  }

  const core = createFakeCore<number | 'network_error', 'deliver'>({
    patterns: [new RegExp(`^${literal(address.origin + address.pathname)}(\\?.*)?$`)],
    now,
    locate: () => address.origin,
    operation: () => 'deliver',
    isMessage: () => true,
    failure({ failure, retryAfter }) {
      if (failure === 'network_error') return NETWORK_ERROR
      const headers = retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }
      return { ...httpStatus(failure), ...headers }
    },
    reply: (call, _operation, limiter) => deliver(call, limiter),
  })

  return {
    url,
    handlers: core.handlers,
    received,
    messages,
    requests: core.requests,
    fail(failure, options) {
      if (typeof failure === 'number') checkStatus(failure)
      core.faults.add(failure, options)
    },
    rateLimit: (limit = {}) => core.limiter.set(limit),
    reset() {
      core.reset()
      received.length = 0
      messages.length = 0
      usual = OK
      once = []
      useSecret(options.secret)
    },
    async listen() {
      const server = await core.listen()
      return { ...server, webhookUrl: server.link(url) }
    },
    respond(status, headers, body) {
      usual = answerOf(status, headers, body)
    },
    respondOnce(status, headers, body) {
      once.push(answerOf(status, headers, body))
    },
    useSecret,
  }
}

const OK: Reply = { status: 200, text: 'ok' }

function answerOf(status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Reply {
  checkStatus(status)
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { status, text: body, headers: lower, ...(status < 300 ? {} : { error: `http_${status}` }) }
}

function tooMany(waitMs: number): Reply {
  return answerOf(429, { 'retry-after': String(Math.ceil(waitMs / 1000)) })
}

function refused(status: number, error: string): Reply {
  return { status, json: { error }, error }
}

type Verified =
  | { readonly ok: true; readonly schemes: readonly string[]; readonly id?: string; readonly sentAt?: number }
  | { readonly ok: false; readonly code: VerifyFailure }

/** Stricter than one call of `verifyWebhook` with all schemes: what is there must match, not just one of it. */
async function verifyAll(
  schemes: readonly SignatureScheme[],
  secrets: readonly string[],
  { headers, bytes, at }: Call,
): Promise<Verified> {
  if (secrets.length === 0) return { ok: true, schemes: [] }
  const present = schemes.filter((scheme) => scheme.headers.some((name) => headers.has(name)))
  if (present.length === 0) return { ok: false, code: 'header_missing' }
  const matched: string[] = []
  let id: string | undefined
  let sentAt: number | undefined
  for (const scheme of present) {
    try {
      const verified = await verifyWebhook(scheme, { headers, body: bytes, secrets, now: at })
      matched.push(verified.scheme)
      id ??= verified.id
      sentAt ??= verified.timestamp
    } catch (error) {
      if (isSignatureError(error)) return { ok: false, code: error.failure }
      throw error
    }
  }
  return {
    ok: true,
    schemes: matched,
    ...(id === undefined ? {} : { id }),
    ...(sentAt === undefined ? {} : { sentAt }),
  }
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
}
