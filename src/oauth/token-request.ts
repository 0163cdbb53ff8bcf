import type { HttpPort, HttpResponse } from '../contracts/http.ts'
import type { OAuthCallOptions } from '../contracts/oauth.ts'
import { httpError, isHttpError } from '../http/http-error.ts'
import { undiciHttp } from '../http/undici-http.ts'

/** One call of a provider: a POST of a form. */
export interface FormRequest {
  readonly url: string
  readonly form: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface FormAnswer {
  readonly status: number
  readonly headers: HttpResponse['headers']
  /** The JSON object of the body; empty where it holds none, or was cut. */
  readonly body: Readonly<Record<string, unknown>>
}

/** @throws HttpError, whatever the port threw · `signal.reason` */
export type PostForm = (request: FormRequest, now: number, options: OAuthCallOptions) => Promise<FormAnswer>

const DEFAULT_DEADLINE_MS = 10_000
/** Access tokens of people in many groups have been seen to take several KiB; an answer holds up to three tokens. */
const MAX_RESPONSE_BYTES = 65_536

/**
 * Sends the forms of one provider over the port of the call, else that of the provider, else one of its own, which is
 * made at the first need and keeps no process alive.
 */
export function formPoster(http: HttpPort | undefined): PostForm {
  let own: HttpPort | undefined
  const ownPort = (): HttpPort => {
    own ??= undiciHttp()
    return own
  }

  return async (request, now, options) => {
    const { signal } = options
    const port = options.http ?? http ?? ownPort()
    try {
      const response = await port.request({
        method: 'POST',
        url: request.url,
        headers: {
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          ...request.headers,
        },
        body: new URLSearchParams(request.form).toString(),
        deadlineAt: options.deadlineAt ?? now + DEFAULT_DEADLINE_MS,
        maxResponseBytes: MAX_RESPONSE_BYTES,
        ...(signal === undefined ? {} : { signal }),
      })
      return { status: response.status, headers: response.headers, body: objectOf(response) }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (isHttpError(error)) throw error
      // A port of the host's that breaks its contract: what it throws may quote the form, and so the secrets.
      throw httpError({ code: 'network_error', written: 'unknown', message: 'the HTTP port failed' })
    }
  }
}

function objectOf(response: HttpResponse): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(response.text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
