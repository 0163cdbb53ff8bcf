import type { SignatureScheme, VerifyFailure, VerifyInput } from '../contracts/signature.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { requireBytes } from './hmac.ts'

/** A Fetch `Request` that was received; its body is read here, so nobody may have read it before. */
export interface VerifyRequestInput extends Omit<VerifyInput, 'headers' | 'body'> {
  readonly request: Request
}

/** A request that really came from who knows the secret. */
export interface VerifiedWebhook {
  /** Name of the scheme that matched. */
  readonly scheme: string
  /** The message id, where the scheme has one: the same again is the same message, sent twice. */
  readonly id?: string
  /** Epoch ms at which it was sent, where the scheme has one. */
  readonly timestamp?: number
  /** The raw bytes that were signed. */
  readonly body: Uint8Array
}

/** What {@link verifyWebhook} rejects with: code `signature_invalid`, and why. */
export type SignatureError = SignalboxError & { readonly failure: VerifyFailure }

/** Whether `error` says that a request could not be verified; its `failure` says why. */
export function isSignatureError(error: unknown): error is SignatureError {
  return isSignalboxError(error, 'signature_invalid') && 'failure' in error
}

/**
 * Verifies a received request and answers its raw body. Always asynchronous, whichever input it gets.
 *
 * Of several schemes one that matches is enough, so the weakest of them decides: pass several while senders move from
 * one to the other, not to be doubly sure. The failure told is that of the first scheme whose headers were there.
 * Nothing limits the size of the body: have the server do that.
 *
 * @returns a promise of the verified request.
 * @throws SignalboxError `signature_invalid` with `failure` ({@link isSignatureError}); neither holds a secret or
 *   anything of the request. `invalid_input` for mistakes of the caller: no scheme, a body that was read already.
 * @example
 * const { id, body } = await verifyWebhook(standardWebhooks(), { request, secrets: [secret] })
 * const event = JSON.parse(new TextDecoder().decode(body))
 */
export async function verifyWebhook(
  schemes: SignatureScheme | readonly SignatureScheme[],
  input: VerifyInput | VerifyRequestInput,
): Promise<VerifiedWebhook> {
  const received = 'request' in input ? await readRequest(input) : input
  let failure: VerifyFailure | undefined
  for (const scheme of 'verify' in schemes ? [schemes] : schemes) {
    const result = scheme.verify(received)
    if (result.ok) {
      const { ok, ...verified } = result
      return { scheme: scheme.name, ...verified, body: toBytes(received.body) }
    }
    if (failure === undefined || failure === 'header_missing') failure = result.code
  }
  if (failure === undefined) throw invalidInput('schemes', 'must hold at least one scheme')
  throw signatureError(failure)
}

function signatureError(failure: VerifyFailure): SignatureError {
  return Object.assign(new SignalboxError('signature_invalid', `the request is not verified: ${failure}`), { failure })
}

async function readRequest({ request, ...rest }: VerifyRequestInput): Promise<VerifyInput> {
  if (request.bodyUsed) throw invalidInput('request', 'must have a body that was not read yet')
  return { ...rest, headers: request.headers, body: new Uint8Array(await request.arrayBuffer()) }
}

function toBytes(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return new TextEncoder().encode(body)
  requireBytes(body)
  return body
}
