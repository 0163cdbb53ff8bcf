import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../src/contracts/http.ts'
import { isSignalboxError } from '../../src/errors.ts'
import { type SlackMessage, slackMessage } from '../../src/payloads/slack.ts'
import { type SlackConfigInput, type SlackTransportOptions, slackTransport } from '../../src/transports/slack.ts'
import { digestMessage, storedEvent, testMessage } from '../payloads/messages.ts'
import { type Answer, startReceiver, status } from '../support/receiver.ts'
import { API_ERRORS, WEBHOOK_ERRORS } from './slack/errors.ts'
import {
  CHANNEL,
  CONFIG,
  HOOK_PATH,
  json,
  MESSAGE,
  PORTS,
  parsed,
  posted,
  type Receiver,
  routed,
  sendOnce,
  TOKEN,
  TS,
} from './slack/support.ts'

const DRAWN: SlackMessage = {
  text: 'Überfällig ✓',
  blocks: [{ type: 'section', text: { type: 'plain_text', text: 'a "b" \\ é' } }],
}

function refusal(options: SlackTransportOptions<string>): string | undefined {
  try {
    slackTransport(options)
  } catch (error) {
    if (isSignalboxError(error, 'invalid_input')) return error.field
    throw error
  }
  return undefined
}

describe.each(PORTS)('the Slack transport over %s', (_name, openPort) => {
  let receiver: Receiver
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver(routed({ '/api/chat.postMessage': posted }))
    http = openPort()
  })
  afterEach(async () => {
    await http.close()
    await receiver.close()
  })

  const exchange = async (
    answers: Readonly<Record<string, Answer>> = {},
    options: { readonly token?: string; readonly config?: Partial<SlackConfigInput> } = { token: TOKEN },
    more: SlackTransportOptions = {},
  ) => {
    receiver.answerWith(routed({ '/api/chat.postMessage': posted, ...answers }))
    const own = { apiUrl: `${receiver.url}/api/`, webhookHosts: [new URL(receiver.url).host] }
    const transport = slackTransport({ ...own, ...more })
    const config = await parsed({ ...CONFIG, ...options.config }, own)
    return sendOnce(transport, http, config, { token: TOKEN, ...options })
  }
  const api = (answer: Answer) => exchange({ '/api/chat.postMessage': answer })

  it('posts these bytes, as the app, to the channel', async () => {
    const outcome = await exchange({}, {}, { render: () => DRAWN })
    expect(outcome).toEqual({ kind: 'delivered', status: 200, receipt: { channel: CHANNEL, ts: TS } })
    const [request] = receiver.requests
    expect(request?.body.toString()).toBe(
      '{"channel":"C0123456789","text":"Überfällig ✓",' +
        '"blocks":[{"type":"section","text":{"type":"plain_text","text":"a \\"b\\" \\\\ é"}}],' +
        '"unfurl_links":false,"unfurl_media":false}',
    )
    expect(request?.path).toBe('/api/chat.postMessage')
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      authorization: `Bearer ${TOKEN}`,
    })
  })

  it.each([
    ['an event', MESSAGE],
    ['a digest', digestMessage([storedEvent(), storedEvent({ id: 'evt_2' })])],
    ['a test', testMessage],
  ])('draws %s in Block Kit where the host does not', async (_what, message) => {
    const transport = slackTransport({ apiUrl: `${receiver.url}/api`, render: () => undefined })
    expect(await sendOnce(transport, http, await parsed(CONFIG), { token: TOKEN, message })).toMatchObject({
      kind: 'delivered',
    })
    const { text, blocks } = slackMessage(message)
    expect(JSON.parse(receiver.requests[0]?.body.toString() ?? '')).toEqual({
      channel: CHANNEL,
      text,
      blocks,
      unfurl_links: false,
      unfurl_media: false,
    })
  })

  it.each(API_ERRORS)('takes 200 with the error $word for $kind $code', async ({ word, ...expected }) => {
    const outcome = await api(json({ ok: false, error: word }))
    expect(outcome).toEqual({
      ...expected,
      status: 200,
      providerCode: word,
      detail: expect.stringMatching(/^[A-Z]/),
      snippet: `{"ok":false,"error":"${word}"}`,
    })
  })

  it('tells what Slack says of the blocks, and which permission is lacking', async () => {
    const line = '[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]'
    const blocks = await api(
      json({ ok: false, error: 'invalid_blocks', errors: ['other'], response_metadata: { messages: [line] } }),
    )
    expect(blocks).toMatchObject({ detail: `Slack does not accept the blocks of the message (${line})` })
    const errors = await api(json({ ok: false, error: 'invalid_blocks', errors: ['no more than 50', 7] }))
    expect(errors).toMatchObject({ detail: 'Slack does not accept the blocks of the message (no more than 50)' })
    const scope = await api(json({ ok: false, error: 'missing_scope', needed: 'chat:write', provided: 'team:read' }))
    expect(scope).toMatchObject({
      detail: 'The app lacks a permission; connect again (needed: chat:write; provided: team:read)',
    })
  })

  it('keeps a Retry-After, with 429 and with the word alone', async () => {
    expect(await api(json({ ok: false, error: 'ratelimited' }, 429, { 'retry-after': '30' }))).toMatchObject({
      kind: 'retry',
      code: 'rate_limited',
      status: 429,
      retryAfterMs: 30_000,
      providerCode: 'ratelimited',
    })
    expect(await api(json({ ok: false, error: 'rate_limited' }, 200, { 'retry-after': '7' }))).toMatchObject({
      code: 'rate_limited',
      retryAfterMs: 7_000,
    })
    expect(await api(json({ ok: false, error: 'team_added_to_org' }, 200, { 'retry-after': '60' }))).toMatchObject({
      retryAfterMs: 60_000,
    })
  })

  it.each([
    ['HTML', status(200, {}, '<html>Down for maintenance</html>')],
    ['nothing', status(200)],
    ['JSON that is no object', status(200, {}, '[{"ok":true}]')],
    ['JSON that was cut', status(200, {}, '{"ok":true,"channel":"C0123456789"')],
    ['an object without ok', status(200, {}, '{"channel":"C0123456789"}')],
    ['an ok that is no boolean', status(200, {}, '{"ok":"true"}')],
    ['a long page', status(200, {}, `<html>${'x'.repeat(20_000)}`)],
    ['a 202', json({ ok: true }, 202)],
  ])('takes %s for no answer: the message may have been posted', async (_what, answer) => {
    expect(await api(answer)).toMatchObject({ kind: 'retry', code: 'invalid_response', ambiguous: true })
  })

  it.each([
    [503, '', 'http_5xx', undefined, undefined],
    [502, '<html>', 'http_5xx', true, undefined],
    [500, '{"ok":true,"ts":"1.1"}', 'http_5xx', undefined, undefined],
    [500, '{"ok":false,"error":"fatal_error"}', 'provider_error', true, 'fatal_error'],
    [503, '{"ok":false,"error":"word_of_next_year"}', 'http_5xx', undefined, 'word_of_next_year'],
    [404, 'not found', 'http_4xx', undefined, undefined],
    [410, '', 'http_4xx', undefined, undefined],
    [302, '', 'redirect', undefined, undefined],
  ])('tries again after HTTP %i %s', async (code, body, expected, ambiguous, providerCode) => {
    const outcome = await api(status(code, {}, body))
    expect(outcome).toMatchObject({ kind: 'retry', code: expected, status: code })
    expect(outcome).toHaveProperty('kind', 'retry')
    expect('ambiguous' in outcome ? outcome.ambiguous : undefined).toBe(ambiguous)
    expect('providerCode' in outcome ? outcome.providerCode : undefined).toBe(providerCode)
  })

  it('finds the receipt in an answer that repeats more than is read of it', async () => {
    const message = { text: 'я'.repeat(20_000) }
    expect(await api(json({ ok: true, channel: CHANNEL, ts: TS, message }))).toEqual({
      kind: 'delivered',
      status: 200,
      receipt: { channel: CHANNEL, ts: TS },
    })
    expect(await api(json({ ok: false, error: 'is_archived', message }))).toMatchObject({ kind: 'gone' })
    expect(await api(json({ message, ok: true, channel: CHANNEL, ts: TS }))).toMatchObject({ code: 'invalid_response' })
  })

  it('reports a network failure, and sends nothing without a token', async () => {
    expect(await api((_request, response) => response.destroy())).toMatchObject({ kind: 'retry', ambiguous: true })
    const before = receiver.requests.length
    expect(await exchange({}, { token: '' })).toEqual({ kind: 'reauthorize', code: 'token_missing' })
    const transport = slackTransport({ apiUrl: `${receiver.url}/api` })
    expect(await sendOnce(transport, http, await parsed(CONFIG))).toMatchObject({ code: 'token_missing' })
    expect(receiver.requests.length).toBe(before)
  })

  describe('where the app is not a member of the channel', () => {
    const bound = (channel = CHANNEL) => ({
      config: { webhookUrl: `${receiver.url}${HOOK_PATH}`, webhookChannelId: channel },
    })
    const refused = (word: string) => ({ '/api/chat.postMessage': json({ ok: false, error: word }) })
    const paths = () => receiver.requests.map((request) => request.path)

    it.each(['not_in_channel', 'channel_not_found'])(
      'posts the same message to the incoming webhook of the channel after %s',
      async (word) => {
        const outcome = await exchange({ ...refused(word), [HOOK_PATH]: status(200, {}, 'ok') }, bound(), {
          render: () => DRAWN,
        })
        expect(outcome).toEqual({ kind: 'delivered', status: 200 })
        expect(paths()).toEqual(['/api/chat.postMessage', HOOK_PATH])
        const [, second] = receiver.requests
        expect(second?.body.toString()).toBe(
          '{"text":"Überfällig ✓","blocks":[{"type":"section","text":{"type":"plain_text","text":"a \\"b\\" \\\\ é"}}]}',
        )
        expect(second?.headers.authorization).toBeUndefined()
        expect(second?.headers['content-type']).toBe('application/json; charset=utf-8')
      },
    )

    it.each([
      ['an incoming webhook of another channel', { webhookChannelId: 'C_OTHER' }],
      ['an incoming webhook of nobody knows which channel', { webhookChannelId: undefined }],
      ['no incoming webhook', { webhookUrl: undefined }],
    ])('is gone with %s, which is never called', async (_what, change) => {
      const outcome = await exchange(
        { ...refused('not_in_channel'), [HOOK_PATH]: status(200, {}, 'ok') },
        { config: { ...bound().config, ...change } },
      )
      expect(outcome).toMatchObject({ kind: 'gone', code: 'target_gone', providerCode: 'not_in_channel' })
      expect(paths()).toEqual(['/api/chat.postMessage'])
    })

    it.each(API_ERRORS.filter(({ word }) => !['not_in_channel', 'channel_not_found'].includes(word)))(
      'does not call the incoming webhook after $word',
      async ({ word, kind }) => {
        expect(await exchange(refused(word), bound())).toMatchObject({ kind })
        expect(paths()).toEqual(['/api/chat.postMessage'])
      },
    )

    it.each(WEBHOOK_ERRORS)('reports what the incoming webhook said: $status $word', async (expected) => {
      const { word, ...rest } = expected
      const outcome = await exchange(
        { ...refused('channel_not_found'), [HOOK_PATH]: status(expected.status, {}, word) },
        bound(),
      )
      expect(outcome).toMatchObject({ ...rest, providerCode: word, snippet: word })
      expect('detail' in outcome ? outcome.detail : '').toMatch(
        /^[A-Z].* \(incoming webhook; chat\.postMessage: channel_not_found\)$/,
      )
      expect(JSON.stringify(outcome)).not.toContain(HOOK_PATH)
    })

    it('tries again where the network fails on the second way', async () => {
      const outcome = await exchange(
        { ...refused('not_in_channel'), [HOOK_PATH]: (_request, response) => response.destroy() },
        bound(),
      )
      expect(outcome).toMatchObject({ kind: 'retry', ambiguous: true })
    })
  })
})

describe('slackTransport', () => {
  it('shares one build over all connections, unless the host draws', () => {
    expect(slackTransport().variant?.({ workspaceId: 'T1', workspaceName: 'A' })).toBe(
      slackTransport().variant?.({ workspaceId: 'T2', workspaceName: 'B', channelId: 'C2' }),
    )
    expect(slackTransport({ render: () => undefined }).variant).toBeUndefined()
  })

  it('sends one message a second to a channel by default', () => {
    expect(slackTransport().pace).toEqual({ perSecond: 1, burst: 1 })
    expect(slackTransport({ pace: { perSecond: 2, burst: 4 } }).pace).toEqual({ perSecond: 2, burst: 4 })
    expect(slackTransport({ pace: false }).pace).toBeUndefined()
  })

  it('draws what it likes for a connection, and only that', async () => {
    const transport = slackTransport({
      render: (message, { config }) =>
        message.kind === 'test' ? { text: `Test of ${config.channelName}`, blocks: [] } : undefined,
    })
    const connection = {
      id: 'con_1',
      orgId: 'org_1',
      transport: 'slack',
      label: 'L',
      categories: [],
      eventTypes: [],
      config: await parsed(CONFIG),
    }
    expect(transport.build(testMessage, connection)).toBe('{"text":"Test of alerts","blocks":[]}')
    expect(JSON.parse(transport.build(MESSAGE, connection))).toEqual(slackMessage(MESSAGE))
  })

  it.each<[string, SlackTransportOptions<string>, string | undefined]>([
    ['a name with a space', { name: 'my slack' }, 'name'],
    ['an unknown option', { channel: 'C1' } as never, 'channel'],
    ['a deadline of nothing', { deadlineMs: 0 }, 'deadlineMs'],
    ['a pace without a burst', { pace: { perSecond: 1, burst: 0 } }, 'pace.burst'],
    ['an API without a scheme', { apiUrl: 'slack.com/api' }, 'apiUrl'],
    ['an API with a query', { apiUrl: 'https://slack.com/api?a=1' }, 'apiUrl'],
    ['a webhook host with a path', { webhookHosts: ['hooks.slack.com/services'] }, 'webhookHosts[0]'],
    ['GovSlack under its own name', { name: 'slack-gov', apiUrl: 'https://slack-gov.com/api' }, undefined],
  ])('refuses, or takes, %s', (_what, options, field) => {
    expect(refusal(options)).toBe(field)
  })
})
