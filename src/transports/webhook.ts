import { z } from 'zod'
import type { Connection } from '../contracts/connection.ts'
import type { PayloadFormat, WireBody } from '../contracts/format.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { SignatureScheme } from '../contracts/signature.ts'
import type { FieldDescription, SendContext, Transport } from '../contracts/transport.ts'
import { classifyHttpFailure, classifyResponse } from '../delivery/classify.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { isHttpError } from '../http/http-error.ts'
import { truncatedUrl } from '../http/redact.ts'
import { ghostFormat } from '../payloads/ghost.ts'
import { ghostSignature } from '../signing/ghost.ts'
import { standardWebhooks } from '../signing/standard-webhooks.ts'

/** What the form of a webhook connection gives. */
export interface WebhookConfigInput {
  /** Where to POST. HTTPS, unless the egress options allow plain HTTP for its range. */
  readonly url: string
  /** Name of one of the transport's formats. @default the first */
  readonly format?: string | undefined
  /** Further request headers; their values are sealed. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface WebhookConfig {
  readonly url: string
  readonly format: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export interface WebhookTransportOptions<Name extends string = 'webhook'> {
  /** Unique in a dispatcher: two presets can live side by side. @default 'webhook' */
  readonly name?: Name
  /** All of them sign each request; no two may write the same header. @default ghostSignature() and standardWebhooks() */
  readonly signatures?: readonly SignatureScheme[]
  /** What a connection may choose from; the first is the default. @default [ghostFormat] */
  readonly formats?: readonly PayloadFormat[]
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange: connect, request, response. In ms, 100 to 60,000. @default 5000 */
  readonly deadlineMs?: number
  /** How much of a response is kept in the attempt log: up to 2 KiB of redacted text, or nothing. @default 'snippet' */
  readonly keepResponse?: 'snippet' | 'none'
  /**
   * At most one connection with this key in an organisation, checked at create and update: a repeat is `conflict`. Pure.
   * @default any number
   */
  uniqueKey?(connection: Connection<WebhookConfig>): string | undefined
}

/**
 * Signed webhooks: one POST a message to a URL that the user gave. 2xx is delivered, 410 gone; anything else, a
 * redirect included, is tried again as `retry` says (response codes: Standard Webhooks 1.0.0).
 *
 * @example
 * createDispatcher({ store: memoryStore(), transports: [webhookTransport({ deadlineMs: 10_000 })] })
 * @throws SignalboxError `invalid_input` for options that break a rule, e.g. two schemes that write one header.
 */
export function webhookTransport<const Name extends string = 'webhook'>(
  options: WebhookTransportOptions<Name> = {},
): Transport<Name, WebhookConfigInput, WebhookConfig, WireBody> {
  checkOptions(options, OPTIONS)
  const {
    signatures = [ghostSignature(), standardWebhooks()],
    formats = [ghostFormat],
    deadlineMs = 5000,
    keepResponse = 'snippet',
    uniqueKey,
  } = options
  const name = (options.name ?? 'webhook') as Name
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) {
    throw invalidInput('name', 'must be 1–64 characters: lower-case letters, digits and -, beginning with a letter')
  }
  if (!Number.isFinite(deadlineMs) || deadlineMs < 100 || deadlineMs > 60_000) {
    throw invalidInput('deadlineMs', 'must be from 100 to 60,000 ms')
  }
  if (keepResponse !== 'snippet' && keepResponse !== 'none') {
    throw invalidInput('keepResponse', "must be 'snippet' or 'none'")
  }
  if (uniqueKey !== undefined && typeof uniqueKey !== 'function') {
    throw invalidInput('uniqueKey', 'must be a function of the connection')
  }
  checkSchemes(signatures)
  const byName = formatsByName(formats)
  const [first] = byName.values()
  if (first === undefined) throw invalidInput('formats', 'must name at least one format')

  const config = z.strictObject({
    url: z.string().max(2048, 'must be at most 2048 characters').refine(URL.canParse, 'must be an absolute URL'),
    format: z
      .string()
      .default(first.name)
      .refine((value) => byName.has(value), { error: `must be one of: ${[...byName.keys()].join(', ')}` }),
    headers: z.record(z.string(), z.string()).optional(),
  })
  const encode = createEncoder()
  const fields: readonly FieldDescription[] = [
    { name: 'url', label: 'Endpoint URL', kind: 'url', required: true },
    {
      name: 'format',
      label: 'Payload format',
      kind: 'select',
      required: false,
      options: [...byName.keys()].map((value) => ({ value, label: value })),
    },
    { name: 'headers', label: 'Custom headers', kind: 'headers', required: false, secret: true },
  ]

  return {
    name,
    config,
    fields,
    signatures,
    deadlineMs,
    ...(options.retry === undefined ? {} : { retry: options.retry }),
    ...(uniqueKey === undefined ? {} : { uniqueKey }),
    variant: (connection) => connection.format,
    defaultLabel: (connection) => new URL(connection.url).host,
    describe: (connection) => truncatedUrl(connection.url),
    build: (message, connection) => (byName.get(connection.config.format) ?? first).build(message),
    send: (payload, context) => post(payload, encode(payload), context, signatures, keepResponse === 'snippet'),
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'signatures',
  'formats',
  'retry',
  'deadlineMs',
  'keepResponse',
  'uniqueKey',
] satisfies (keyof WebhookTransportOptions)[]

/**
 * Encoded once: each signature, and the request, would do it again. So would each of the connections that share a
 * payload; they come one after the other, so the latest is all there is to keep.
 */
function createEncoder(): (payload: WireBody) => Uint8Array {
  let last: { readonly payload: WireBody; readonly bytes: Uint8Array } | undefined
  return (payload) => {
    if (typeof payload.body !== 'string') return payload.body
    if (last?.payload !== payload) last = { payload, bytes: Buffer.from(payload.body) }
    return last.bytes
  }
}

async function post(
  payload: WireBody,
  body: Uint8Array,
  context: SendContext<WebhookConfig>,
  signatures: readonly SignatureScheme[],
  keepSnippet: boolean,
): Promise<Outcome> {
  const { config } = context.connection
  const headers: Record<string, string> = {
    'content-type': payload.contentType,
    ...payload.headers,
    ...config.headers,
  }
  const input = { id: context.messageId, sentAt: context.now, body, secrets: context.secrets }
  for (const scheme of signatures) {
    if (context.secrets.length > 0 || scheme.unsigned) Object.assign(headers, scheme.sign(input))
  }
  try {
    const response = await context.http.request({
      method: 'POST',
      url: config.url,
      headers,
      body,
      deadlineAt: context.deadlineAt,
      signal: context.signal,
    })
    const outcome = classifyResponse(response, context.now)
    if (!keepSnippet || response.text === '') return outcome
    return { ...outcome, snippet: response.text }
  } catch (error) {
    if (isHttpError(error)) return classifyHttpFailure(error)
    throw error
  }
}

function checkSchemes(signatures: readonly SignatureScheme[]): void {
  const writers = new Map<string, string>()
  for (const scheme of signatures) {
    for (const header of scheme.headers) {
      const other = writers.get(header)
      if (other !== undefined) {
        throw invalidInput('signatures', `${other} and ${scheme.name} both write the header ${header}`)
      }
      writers.set(header, scheme.name)
    }
  }
}

function formatsByName(formats: readonly PayloadFormat[]): Map<string, PayloadFormat> {
  const byName = new Map<string, PayloadFormat>()
  for (const format of formats) {
    if (byName.has(format.name)) throw invalidInput('formats', `two formats are named ${format.name}`)
    byName.set(format.name, format)
  }
  return byName
}
