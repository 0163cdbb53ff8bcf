import { type HttpHandler, HttpResponse, http } from 'msw'
import { type SetupServer, setupServer } from 'msw/node'
import { onTestFinished } from 'vitest'

/** msw in front of global fetch until the test ends; what no fake answers breaks off, and nothing leaves the process. */
export function intercept(...fakes: readonly { readonly handlers: readonly HttpHandler[] }[]): SetupServer {
  const nobody = http.all('*', () => HttpResponse.error())
  const server = setupServer(...fakes.flatMap((fake) => fake.handlers), nobody)
  server.listen({ onUnhandledFrame: 'error' })
  onTestFinished(() => server.close())
  return server
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: JSON that a test looks into
  readonly json: any
}

/** One request by global fetch. */
export async function call(url: string, init: RequestInit = {}): Promise<Answered> {
  const response = await fetch(url, init)
  const text = await response.text()
  const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined
  return { status: response.status, headers: response.headers, text, json }
}

/** A POST of JSON, as a client of the service would make it. */
export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  const type = 'application/json; charset=utf-8'
  return call(url, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export function postForm(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answered> {
  return call(url, { method: 'POST', headers, body: new URLSearchParams(form) })
}

export function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

/** What `fn` is refused with: the field and the rule. */
export function refusalOf(fn: () => unknown): string | undefined {
  try {
    fn()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return undefined
}
