import type { EventBase } from '../contracts/event.ts'
import type { HeadersLike, SignatureScheme } from '../contracts/signature.ts'
import { checkOptions, invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { systemClock } from '../runtime/clock.ts'
import { isSignatureError, type VerifiedWebhook, verifyWebhook } from '../signing/verify-webhook.ts'
import { createClaims } from './claims.ts'
import { badBody, refused, tooLarge } from './errors.ts'
import { readFetchBody } from './fetch-body.ts'
import { plainHeaders } from './headers.ts'
import { messageId, messageType } from './identity.ts'
import { readNodeBody, writeNodeResponse } from './node.ts'
import { parsePayload } from './parse-payload.ts'
import { FORMATS } from './read-message.ts'
import { printServerErrors, report, respond } from './respond.ts'
import { createReader } from './typed-event.ts'
import type { Receiver, ReceiverOptions, Reception } from './types.ts'

/**
 * Receives webhooks: the raw body is verified before anything of it is believed, parsed, and handed over once.
 *
 * **Answers** (`fetch`, `node`): 204 when the handler is through, and for a message that was handled before; 500 when
 * the handler fails, so that the sender tries again; what a refused request is answered stands at {@link ReceiveError}.
 * A body is a code and a reason, and nothing of the request.
 *
 * **Once**: a message is claimed while it is handled, remembered when its handler is through, and released when the
 * handler fails: none is lost. A crash between the two leads to a second handling. A request that arrives while the same
 * message is being handled is answered 409, not 2xx: the first may still fail, and its sender would have stopped trying.
 * Without `dedupe.store` all this holds in one process.
 *
 * | scheme | `id` of a message |
 * | --- | --- |
 * | `standardWebhooks` | `webhook-id`, signed |
 * | `stripe` | the event's id (`evt_…`) |
 * | `github` | `X-GitHub-Delivery`, which is not signed: it recognises redeliveries, and keeps no attacker out |
 * | `slackRequest` | `event_id`, else the SHA-256 of the body |
 * | `ghostCmsSignature` | SHA-256 of the body and `t`: bodies of different events can be equal |
 * | `ghostSignature`, others | the `id` that `verify` answers, else the SHA-256 of the body |
 *
 * @throws SignalboxError `invalid_input` for an option that breaks a rule, e.g. a secret that suits none of the schemes.
 * @example
 * const hooks = receiver({ scheme: stripe(), secrets: ['whsec_…'], dedupe: { store: sqliteStore({ path: 'app.db' }) } })
 * export const POST = hooks.fetch(async ({ type, payload }) => { … }) // Next.js; Bun, Deno and workers likewise
 * app.post('/in', (c) => hooks.fetch(handle)(c.req.raw)) // Hono
 * app.post('/in', hooks.node(handle)) // Express: before express.json()
 * createServer(hooks.node(handle)).listen(4000) // node:http
 */
export function receiver<E extends EventBase = EventBase, K extends string = string>(
  options: ReceiverOptions<E, K>,
): Receiver<E> {
  checkOptions(options, OPTIONS)
  const { catalog, format, toleranceMs = 300_000, maxBodyBytes = 1_048_576, onError = printServerErrors } = options
  const clock = options.clock ?? systemClock()
  const schemes = checkSchemes(options.scheme)
  const secretsOf = checkSecrets(options.secrets, schemes)
  if (format !== undefined && !FORMATS.includes(format)) {
    throw invalidInput('format', `must be one of: ${FORMATS.join(', ')}`)
  }
  if (!(toleranceMs >= 0)) throw invalidInput('toleranceMs', 'must be 0 or a positive number of milliseconds')
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 1) {
    throw invalidInput('maxBodyBytes', 'must be a positive whole number')
  }
  if (typeof onError !== 'function') throw invalidInput('onError', 'must be a function')
  const claims = createClaims(options.dedupe, clock)
  const read = createReader(catalog, format)

  const verify = async (headers: HeadersLike, body: Uint8Array): Promise<VerifiedWebhook> => {
    const secrets = await secretsOf()
    try {
      return await verifyWebhook(schemes, { headers, body, secrets, now: clock.now(), toleranceMs })
    } catch (error) {
      throw isSignatureError(error) ? refused(400, error) : error
    }
  }

  const accept = async (
    method: string,
    received: HeadersLike,
    readBody: () => Promise<Uint8Array>,
  ): Promise<Reception<E>> => {
    if (method.toUpperCase() !== 'POST') throw refused(405, invalidInput('method', 'must be POST'))
    const body = await readBody()
    if (body.byteLength > maxBodyBytes) throw tooLarge(maxBodyBytes)
    const headers = plainHeaders(received)
    const verified = await verify(headers, body)
    const payload = parsePayload(body, headers['content-type'])
    const parts = { verified, headers, payload }
    const id = messageId(parts)
    const type = messageType(parts)
    const { scheme, timestamp } = verified
    const claim = await claims.begin(id)
    if (claim.kind === 'in_progress') {
      throw refused(409, new SignalboxError('conflict', 'the same message is being handled'))
    }
    return {
      id,
      scheme,
      ...(type === undefined ? {} : { type }),
      ...(timestamp === undefined ? {} : { timestamp }),
      ...read(payload),
      payload,
      raw: body,
      duplicate: claim.kind === 'handled',
      headers,
      confirm: async () => {
        if (claim.kind === 'fresh') await claim.confirm()
      },
      release: async () => {
        if (claim.kind === 'fresh') await claim.release()
      },
    }
  }

  return {
    receive: ({ method = 'POST', headers, body }) => accept(method, headers, async () => bytesOf(body)),
    fetch: (handler) => (request) =>
      respond({
        accept: () => accept(request.method, request.headers, () => readFetchBody(request, maxBodyBytes)),
        handler,
        onError,
      }),
    node: (handler) => async (request, response) => {
      const answer = await respond({
        accept: () => accept(request.method ?? '', request.headers, () => readNodeBody(request, maxBodyBytes)),
        handler,
        onError,
      })
      try {
        await writeNodeResponse(answer, response)
      } catch (error) {
        // The handler's own `Response` could not be read or written.
        report(onError, error, { status: 500 })
        response.statusCode = 500
        response.end()
      }
    },
  }
}

const OPTIONS: readonly string[] = [
  'scheme',
  'secrets',
  'catalog',
  'format',
  'toleranceMs',
  'dedupe',
  'maxBodyBytes',
  'onError',
  'clock',
] satisfies (keyof ReceiverOptions)[]

function checkSchemes(scheme: SignatureScheme | readonly SignatureScheme[]): readonly SignatureScheme[] {
  const schemes = Array.isArray(scheme) ? scheme : [scheme]
  if (schemes.length === 0 || schemes.some((one) => typeof one?.verify !== 'function')) {
    throw invalidInput('scheme', 'must be a signature scheme, or a list of at least one')
  }
  return schemes
}

function checkSecrets(
  secrets: ReceiverOptions['secrets'],
  schemes: readonly SignatureScheme[],
): () => Promise<readonly string[]> {
  if (typeof secrets === 'function') return async () => secrets()
  if (!Array.isArray(secrets) || secrets.length === 0) {
    throw invalidInput('secrets', 'must be a list of at least one secret, or a function that answers one')
  }
  secrets.forEach((secret, index) => {
    checkSecret(secret, `secrets[${index}]`, schemes)
  })
  return async () => secrets
}

/** A secret has to suit one of the schemes; what is wrong with it is told where there is but one. */
function checkSecret(secret: unknown, field: string, schemes: readonly SignatureScheme[]): void {
  if (typeof secret !== 'string' || secret === '') throw invalidInput(field, 'must be a string, not empty')
  // A public key verifies; `checkSecret` asks for what can sign.
  if (secret.startsWith('whpk_')) return
  let refusal: SignalboxError | undefined
  for (const scheme of schemes) {
    try {
      scheme.checkSecret(secret)
      return
    } catch (error) {
      if (!isSignalboxError(error, 'invalid_input')) throw error
      refusal ??= error
    }
  }
  if (refusal !== undefined) throw invalidInput(field, refusal.message)
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  throw badBody(500, 'must be the raw body, a string or a Uint8Array, never parsed')
}
