import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/contracts/connection.ts'
import type { HttpPort, HttpRequest, HttpResponse } from '../../src/contracts/http.ts'
import type { Message } from '../../src/contracts/message.ts'
import { isSignalboxError } from '../../src/errors.ts'
import { httpError } from '../../src/http/index.ts'
import { ghostSignature, type SignatureScheme, standardWebhooks } from '../../src/signing/index.ts'
import { type WebhookConfig, type WebhookTransportOptions, webhookTransport } from '../../src/transports/webhook.ts'

const MESSAGE: Message = {
  kind: 'test',
  id: 'msg_1',
  orgId: 'o',
  orgName: 'Acme',
  timestamp: 0,
  title: 'T',
  body: 'B',
  href: 'https://app.example.com',
}
const NOW = 1_700_000_000_000
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const CONNECTION: Connection<WebhookConfig> = {
  id: 'con_1',
  orgId: 'o',
  transport: 'webhook',
  label: 'L',
  categories: [],
  eventTypes: [],
  config: { url: 'https://hooks.example.com/in?key=1', format: 'ghost' },
}
const OK: HttpResponse = { status: 200, headers: {}, text: '', truncated: false }

async function exchange(
  answer: HttpResponse | Error,
  options: WebhookTransportOptions = {},
  more: { readonly secrets?: readonly string[]; readonly headers?: Record<string, string> } = {},
) {
  const transport = webhookTransport(options)
  const requests: HttpRequest[] = []
  const http: HttpPort = {
    async request(request) {
      requests.push(request)
      if (answer instanceof Error) throw answer
      return answer
    },
    check() {},
    close: async () => {},
  }
  const connection = { ...CONNECTION, config: { ...CONNECTION.config, headers: more.headers } }
  const outcome = await transport.send(transport.build(MESSAGE, connection), {
    connection,
    secrets: more.secrets ?? [SECRET],
    http,
    deliveryId: 'dlv_1',
    messageId: MESSAGE.id,
    attempt: 1,
    now: NOW,
    deadlineAt: NOW + 5000,
    signal: new AbortController().signal,
  })
  return { outcome, request: requests[0] }
}

function refusal(options: WebhookTransportOptions<string>): string | undefined {
  try {
    webhookTransport(options)
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return error.message
    throw error
  }
  return undefined
}

describe('the webhook transport', () => {
  it('posts JSON with the headers of Ghost and of Standard Webhooks, within its deadline', async () => {
    const { outcome, request } = await exchange(OK)
    expect(outcome).toEqual({ kind: 'delivered', status: 200 })
    expect(request).toMatchObject({ method: 'POST', url: 'https://hooks.example.com/in?key=1', deadlineAt: NOW + 5000 })
    expect(
      Object.keys(request?.headers ?? {})
        .map((name) => name.toLowerCase())
        .sort(),
    ).toEqual([
      'content-type',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
      'x-ghost-signature',
      'x-ghost-timestamp',
    ])
    for (const scheme of [ghostSignature(), standardWebhooks()]) {
      const input = { headers: request?.headers ?? {}, body: request?.body ?? '', secrets: [SECRET], now: NOW }
      expect(scheme.verify(input)).toMatchObject({ ok: true })
    }
  })

  it('sends custom headers, which never take the place of its own', async () => {
    const { request } = await exchange(OK, {}, { headers: { authorization: 'Bearer x' } })
    expect(request?.headers).toMatchObject({ authorization: 'Bearer x', 'content-type': 'application/json' })
  })

  it('sends unsigned without a secret', async () => {
    const { request } = await exchange(OK, {}, { secrets: [] })
    expect(Object.keys(request?.headers ?? {})).toEqual(['content-type'])
  })

  it('signs with both secrets during an overlap, where the scheme can', async () => {
    const older = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
    const { request } = await exchange(OK, {}, { secrets: [SECRET, older] })
    const verify = (secret: string) =>
      standardWebhooks().verify({
        headers: request?.headers ?? {},
        body: request?.body ?? '',
        secrets: [secret],
        now: NOW,
      })
    expect([verify(SECRET).ok, verify(older).ok]).toEqual([true, true])
  })

  it.each([
    [204, 'delivered', undefined],
    [302, 'retry', 'redirect'],
    [400, 'retry', 'http_4xx'],
    [410, 'gone', 'gone'],
    [429, 'retry', 'rate_limited'],
    [503, 'retry', 'http_5xx'],
  ])('reports %i as %s', async (status, kind, code) => {
    const { outcome } = await exchange({ ...OK, status })
    expect([outcome.kind, 'code' in outcome ? outcome.code : undefined]).toEqual([kind, code])
  })

  it('reports what the network did as an outcome', async () => {
    const failed = await exchange(httpError({ code: 'timeout', written: true, message: 'timed out' }))
    expect(failed.outcome).toMatchObject({ kind: 'retry', code: 'timeout', ambiguous: true })
    const blocked = await exchange(httpError({ code: 'blocked_address', written: false, message: 'blocked' }))
    expect(blocked.outcome).toMatchObject({ kind: 'rejected', code: 'blocked_address' })
  })

  it('hands on what the endpoint answered, or nothing of it', async () => {
    const text = 'é'.repeat(5000)
    const kept = await exchange({ ...OK, text })
    expect(kept.outcome.snippet).toBe(text)
    const discarded = await exchange({ ...OK, text }, { keepResponse: 'none' })
    expect(discarded.outcome).toEqual({ kind: 'delivered', status: 200 })
  })

  it('refuses options that break a rule, naming it', () => {
    const scheme: SignatureScheme = { ...ghostSignature(), name: 'other', headers: ['x-ghost-signature'] }
    expect(refusal({ signatures: [ghostSignature(), scheme] })).toContain('both write the header x-ghost-signature')
    expect(refusal({ formats: [] })).toContain('formats')
    expect(refusal({ deadlineMs: 5 })).toContain('deadlineMs')
    expect(refusal({ name: 'Web Hook' })).toContain('name')
    expect(refusal({ keepResponse: 'all' as never })).toContain('keepResponse')
    expect(refusal({ uniqueKey: 'url' as never })).toContain('uniqueKey')
    expect(refusal({ name: 'siem', signatures: [ghostSignature({ prefix: 'X-Acme' })] })).toBeUndefined()
  })

  it('lets the host say which connections are the same one, and any number be', () => {
    const connection = { ...CONNECTION, eventTypes: ['case_assigned'] }
    const transport = webhookTransport({ uniqueKey: ({ config, eventTypes }) => `${config.url} ${eventTypes}` })
    expect(transport.uniqueKey?.(connection)).toBe('https://hooks.example.com/in?key=1 case_assigned')
    expect(webhookTransport().uniqueKey).toBeUndefined()
  })

  it('shows of the URL its origin and the beginning of its path, never the query', () => {
    const transport = webhookTransport()
    const config = { url: 'https://hooks.example.com/services/T000/B000?key=1', format: 'ghost' }
    expect(transport.describe?.(config)).toBe('https://hooks.example.com/services/T0…')
    expect(transport.defaultLabel?.(config)).toBe('hooks.example.com')
  })
})
