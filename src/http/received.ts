import { type HttpError, httpError } from './http-error.ts'

/** undici lists the values of a repeated header; its names are in lower case. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

export function joinedHeaders(received: ReceivedHeaders): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (const name in received) {
    const value = received[name]
    if (value === undefined || name === '__proto__') continue
    headers[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return headers
}

export function invalidStatus(): HttpError {
  const message = 'the response status is not between 100 and 599'
  return httpError({ code: 'invalid_response', written: true, message })
}

/** As fast as the network, 1xx responses would keep this process busy until the deadline. */
export const MAX_INTERIM_RESPONSES = 100

export function tooManyInterim(): HttpError {
  const message = `more than ${MAX_INTERIM_RESPONSES} interim responses came before the response`
  return httpError({ code: 'invalid_response', written: true, message })
}
