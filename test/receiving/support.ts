import type { SignatureScheme } from '../../src/contracts/signature.ts'
import { isReceiveError, type RawRequest, type ReceiveError } from '../../src/receiving/index.ts'
import { standardWebhooks } from '../../src/signing/index.ts'

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
export const NOW = 1_780_000_000_000

export interface SignedOptions {
  readonly scheme?: SignatureScheme
  readonly id?: string
  readonly sentAt?: number
  readonly secret?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface SignedRequest extends RawRequest {
  readonly headers: Record<string, string>
  readonly body: string
}

/** A request as a sender of `scheme` makes it. */
export function signed(payload: unknown, options: SignedOptions = {}): SignedRequest {
  const { scheme = standardWebhooks(), id = 'msg_1', sentAt = NOW, secret = SECRET } = options
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return { headers: { ...scheme.sign({ id, sentAt, body, secrets: [secret] }), ...options.headers }, body }
}

export function fetchRequest({ headers, body }: SignedRequest, method = 'POST'): Request {
  return new Request('https://receiver.example.com/in', { method, headers, ...(method === 'GET' ? {} : { body }) })
}

export async function refusalOf(work: Promise<unknown>): Promise<ReceiveError> {
  try {
    await work
  } catch (error) {
    if (isReceiveError(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}
