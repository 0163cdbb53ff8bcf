import { inspect } from 'node:util'
import { afterEach, onTestFinished } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { fetchHttp, undiciHttp } from '../../src/http/index.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { type Answer, LOOPBACK, startReceiver } from '../support/receiver.ts'

export const CLIENT_ID = '2141029472.691202649728'
export const CLIENT_SECRET = 'e1b9e11dfcd19c1982d5de12921e17e8c'
export const REDIRECT_URI = 'https://app.example.com/oauth/callback?from=app'
export const CODE = '4724469134.code+/=%20-canary'
export const REFRESH_TOKEN = 'xoxe-1-refresh-canary'
export const ACCESS_TOKEN = 'xoxe.xoxb-1-access-canary'
export const NOW = 1_780_000_000_000

/** Both ports, on a clock that stands at {@link NOW}. */
export const PORTS: readonly (readonly [
  string,
  () => { readonly http: HttpPort; advance(ms: number): Promise<void> },
])[] = [
  ['undiciHttp', () => onFakeClock(undiciHttp)],
  ['fetchHttp', () => onFakeClock(fetchHttp)],
]

function onFakeClock(make: typeof undiciHttp): { readonly http: HttpPort; advance(ms: number): Promise<void> } {
  const clock = fakeClock({ now: NOW })
  const http = make({ ...LOOPBACK, clock })
  onTestFinished(() => http.close())
  return { http, advance: clock.advance }
}

export const json =
  (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

/** A token endpoint on loopback, which answers in turn as `answers` say; the last one again and again. */
export async function service(...answers: readonly Answer[]): Promise<Awaited<ReturnType<typeof startReceiver>>> {
  const receiver = await startReceiver((request, response, count) =>
    answers[Math.min(count, answers.length) - 1]?.(request, response, count),
  )
  onTestFinished(() => receiver.close())
  return receiver
}

const seen: unknown[] = []

/** What a rejected promise rejects with; kept, so that {@link holdNoSecrets} sees it. */
export async function rejection(promise: Promise<unknown>): Promise<{ readonly [key: string]: unknown }> {
  const error = await promise.then(
    () => {
      throw new Error('it was not rejected')
    },
    (reason: unknown) => reason,
  )
  return shown(error) as { readonly [key: string]: unknown }
}

/** Keeps what a host may log. */
export function shown<T>(value: T): T {
  seen.push(value)
  return value
}

/** After each test: nothing that was {@link shown} holds a secret, however it is looked at. */
export function holdNoSecrets(secrets: readonly string[]): void {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1),
  ])
  afterEach(() => {
    for (const value of seen.splice(0)) {
      const text = `${inspect(value, { depth: 9, showHidden: true })}\n${JSON.stringify(value)}\n${String(value)}`
      const found = forms.find((form) => text.includes(form))
      if (found !== undefined) throw new Error(`a secret was shown: ${found} in ${text}`)
    }
  })
}
