import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../src/contracts/http.ts'
import { slackApiOutcome, slackWebhookOutcome } from '../../src/delivery/slack-outcome.ts'
import { API_ERRORS, WEBHOOK_ERRORS } from '../transports/slack/errors.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

const response = (text: string, more: Partial<HttpResponse> = {}): HttpResponse => ({
  status: 200,
  headers: {},
  text,
  truncated: false,
  ...more,
})

const word = fc.oneof(
  fc.constantFrom(...API_ERRORS, ...WEBHOOK_ERRORS).map((one) => one.word),
  fc.string(),
)
const answer = fc.oneof(
  fc.json(),
  fc.string(),
  fc.constant('ok'),
  word,
  fc
    .record({
      ok: fc.oneof(fc.boolean(), fc.jsonValue()),
      error: fc.oneof(word, fc.jsonValue()),
      channel: fc.jsonValue(),
      ts: fc.jsonValue(),
      errors: fc.jsonValue(),
      response_metadata: fc.oneof(fc.jsonValue(), fc.record({ messages: fc.jsonValue() })),
    })
    .map((body) => JSON.stringify(body)),
)
const anyResponse = fc.record({
  status: fc.oneof(fc.constantFrom(200, 204, 302, 400, 404, 410, 429, 500, 503), fc.integer({ min: 100, max: 599 })),
  headers: fc.oneof(
    fc.constant({}),
    fc.record({ 'retry-after': fc.oneof(fc.constantFrom('1', '2.5', 'soon'), fc.string()) }),
  ),
  text: answer,
  truncated: fc.boolean(),
})

describe('what Slack answered', () => {
  it('is delivered with 200 and ok: true alone, whatever else comes', () => {
    fc.assert(
      fc.property(anyResponse, (given) => {
        const outcome = slackApiOutcome(given, NOW)
        if (outcome.kind !== 'delivered') return
        expect(given.status).toBe(200)
        expect(given.text).toMatch(/"ok"\s*:\s*true/)
        for (const value of Object.values(outcome.receipt ?? {})) expect(value).toEqual(expect.any(String))
      }),
    )
  })

  it('is delivered by an incoming webhook with 200 and the text ok alone', () => {
    fc.assert(
      fc.property(anyResponse, (given) => {
        const delivered = slackWebhookOutcome(given, NOW).kind === 'delivered'
        expect(delivered).toBe(given.status === 200 && given.text.trim() === 'ok')
      }),
    )
  })

  it('is never a success where it says ok: false, wherever the answer was cut', () => {
    for (const { word } of API_ERRORS) {
      const text = JSON.stringify({ ok: false, error: word, response_metadata: { messages: ['{"ok":true,'] } })
      for (let length = 0; length < text.length; length++) {
        const outcome = slackApiOutcome(response(text.slice(0, length), { truncated: true }), NOW)
        expect(outcome.kind).not.toBe('delivered')
      }
    }
  })

  it('is a success once ok: true was read, with as much of the receipt as was read', () => {
    const whole = '{ "ok" : true, "channel":"C\\u0031", "ts":"1.2", "message":{"text":"'
    const cut = (text: string) => slackApiOutcome(response(text, { truncated: true }), NOW)
    expect(cut(whole)).toEqual({ kind: 'delivered', status: 200, receipt: { channel: 'C1', ts: '1.2' } })
    expect(cut('{"ok":true,"channel":"C1","ts":"1.')).toEqual({
      kind: 'delivered',
      status: 200,
      receipt: { channel: 'C1' },
    })
    expect(cut('{"ok":true,"message":{"ok":false')).toEqual({ kind: 'delivered', status: 200 })
    for (const text of [
      '',
      '{',
      '{"ok":true',
      '{"ok":truely,',
      '{"message":{"ok":true,',
      '["ok":true,',
      '"ok":true,',
    ]) {
      expect(cut(text)).toMatchObject({ kind: 'retry', code: 'invalid_response', ambiguous: true })
    }
  })

  it('is tried again, and may have been posted, where Slack gives no reason', () => {
    for (const error of [undefined, null, '', 7, {}]) {
      const outcome = slackApiOutcome(response(JSON.stringify({ ok: false, error })), NOW)
      expect(outcome).toEqual({
        kind: 'retry',
        code: 'provider_error',
        status: 200,
        ambiguous: true,
        detail: 'Slack reported an error',
      })
    }
  })

  it('reads a Retry-After that is a date from the instant of the exchange', () => {
    const headers = { 'retry-after': new Date(NOW + 90_000).toUTCString() }
    for (const read of [slackApiOutcome, slackWebhookOutcome]) {
      expect(read(response('', { status: 429, headers }), NOW)).toMatchObject({ retryAfterMs: 90_000 })
    }
  })

  it('is a limit with 429, whatever the word', () => {
    for (const { word } of API_ERRORS) {
      const text = JSON.stringify({ ok: false, error: word })
      expect(slackApiOutcome(response(text, { status: 429 }), NOW)).toMatchObject({ code: 'rate_limited' })
    }
    for (const { word } of WEBHOOK_ERRORS) {
      expect(slackWebhookOutcome(response(word, { status: 429 }), NOW)).toMatchObject({ code: 'rate_limited' })
    }
  })

  it('knows no words from the prototype of an object', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      const text = JSON.stringify({ ok: false, error: name })
      expect(slackApiOutcome(response(text), NOW)).toMatchObject({ code: 'provider_error' })
      expect(slackWebhookOutcome(response(name, { status: 400 }), NOW)).toMatchObject({ code: 'http_4xx' })
    }
  })
})
