import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HttpPort } from '../../../src/contracts/http.ts'
import { slackTransport } from '../../../src/transports/slack.ts'
import { type Answer, startReceiver, status } from '../../support/receiver.ts'
import { CHANNEL, CONFIG, HOOK_PATH, json, NOW, PORTS, parsed, type Receiver, TOKEN } from './support.ts'

const channel = (id: string, more: object = {}) => ({
  id,
  name: `name-of-${id.toLowerCase()}`,
  is_channel: true,
  is_archived: false,
  is_private: false,
  is_member: false,
  topic: { value: 'A long topic', creator: 'U1', last_set: 0 },
  ...more,
})
const WORKSPACE = { workspaceId: CONFIG.workspaceId, workspaceName: CONFIG.workspaceName }
const listed = (id: string) => ({
  id,
  name: `name-of-${id.toLowerCase()}`,
  config: { ...WORKSPACE, channelId: id, channelName: `name-of-${id.toLowerCase()}` },
})
const page = (channels: readonly unknown[], next = ''): Answer =>
  json({ ok: true, channels, response_metadata: { next_cursor: next } })

describe.each(PORTS)('the channels of a Slack workspace over %s', (_name, openPort) => {
  let receiver: Receiver
  let http: HttpPort
  beforeEach(async () => {
    receiver = await startReceiver()
    http = openPort()
  })
  afterEach(async () => {
    await http.close()
    await receiver.close()
  })

  const channels = async (answer: Answer, more: { readonly token?: string; readonly config?: object } = {}) => {
    receiver.answerWith(answer)
    const { config = CONFIG, ...token } = { token: TOKEN, ...more }
    const transport = slackTransport({ apiUrl: `${receiver.url}/api` })
    return transport.channels?.({
      connection: {
        id: 'con_1',
        orgId: 'org_1',
        transport: 'slack',
        label: 'L',
        categories: [],
        eventTypes: [],
        config: await parsed(config),
      },
      ...token,
      http,
      now: NOW,
      deadlineAt: Date.now() + 5_000,
      signal: new AbortController().signal,
    })
  }
  const queries = () =>
    receiver.requests.map(({ path }) => Object.fromEntries(new URL(path, receiver.url).searchParams.entries()))

  it('are listed page by page, each with the config that chooses it', async () => {
    const pages = [page([channel('C1'), channel('C2')], 'dGVhbTpD'), page([channel('C3')], 'bW9yZQ=='), page([])]
    const found = await channels((request, response, count) => pages[count - 1]?.(request, response, count))
    expect(found).toEqual(['C1', 'C2', 'C3'].map(listed))
    const query = {
      types: 'public_channel,private_channel',
      exclude_archived: 'true',
      limit: '500',
      team_id: 'T01234567',
    }
    expect(queries()).toEqual([query, { ...query, cursor: 'dGVhbTpD' }, { ...query, cursor: 'bW9yZQ==' }])
    for (const { path, headers } of receiver.requests) {
      expect(path).toMatch(/^\/api\/conversations\.list\?/)
      expect(headers.authorization).toBe(`Bearer ${TOKEN}`)
    }
  })

  it('are those that the app can post to: none archived, private ones where it is a member', async () => {
    const found = await channels(
      page([
        channel('C1'),
        channel('C2', { is_archived: true }),
        channel('C3', { is_private: true, is_member: true }),
        channel('C4', { is_private: true }),
        channel('C5', { name: '' }),
        channel('C1'),
        { id: 7, name: 'x' },
        null,
      ]),
    )
    expect(found).toEqual([listed('C1'), listed('C3')])
  })

  it('come with a config that stands by itself, and keeps the channel of the incoming webhook', async () => {
    const config = { ...CONFIG, webhookUrl: `https://hooks.slack.com${HOOK_PATH}`, webhookChannelId: CHANNEL }
    const [found] = (await channels(page([channel('C1')]), { config })) ?? []
    expect(await parsed(found?.config)).toEqual({ ...listed('C1').config, webhookChannelId: CHANNEL })
  })

  it('are read whole, however long a page is', async () => {
    const many = Array.from({ length: 500 }, (_, i) => channel(`C${i}`, { purpose: { value: 'p'.repeat(250) } }))
    expect(await channels(page(many))).toHaveLength(500)
  })

  it('are asked for on twenty pages at most, even of a list without end', async () => {
    const found = await channels((request, response, count) =>
      page([channel(`C${count}`)], 'again')(request, response, count),
    )
    expect(found).toHaveLength(20)
    expect(receiver.requests).toHaveLength(20)
  })

  it('are the public ones alone where the app may not list private ones', async () => {
    const found = await channels((request, response, count) => {
      const isPrivate = request.path.includes('private_channel')
      const answer = isPrivate
        ? json({ ok: false, error: 'missing_scope', needed: 'groups:read' })
        : page([channel('C1')])
      answer(request, response, count)
    })
    expect(found).toEqual([listed('C1')])
    expect(queries().map(({ types }) => types)).toEqual(['public_channel,private_channel', 'public_channel'])
  })

  it('are asked of a workspace by its id, where that is one', async () => {
    await channels(page([]), { config: { workspaceId: 'E123', channelId: 'C1' } })
    expect(queries()[0]).not.toHaveProperty('team_id')
  })

  it.each([
    [
      'a permission that is lacking',
      json({ ok: false, error: 'missing_scope', needed: 'channels:read' }),
      /permission/,
    ],
    ['a token that is dead', json({ ok: false, error: 'token_revoked' }), /connect again/],
    ['too many calls', json({ ok: false, error: 'ratelimited' }, 429, { 'retry-after': '30' }), /slow down/],
    ['an answer of nobody', status(200, {}, '<html>'), /not one that Slack gives/],
    ['an answer without end', json({ ok: true, channels: ['x'.repeat(4_200_000)] }), /could not be read/],
    ['no answer', (_request, response) => response.destroy(), /./],
  ] as [string, Answer, RegExp][])('cannot be listed with %s, which is said', async (_what, answer, message) => {
    const error: unknown = await channels(answer).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ name: 'SignalboxError', code: 'conflict', message: expect.stringMatching(message) })
  })

  it('cannot be listed without a token, and tell none that Slack repeats', async () => {
    await expect(channels(page([]), { token: '' })).rejects.toMatchObject({ code: 'conflict' })
    expect(receiver.requests).toEqual([])
    // Not one that is known for a token by its looks.
    const token = 'opaque.0123456789'
    const echo = json({ ok: false, error: 'invalid_auth', errors: [`what is ${token}?`] })
    const error: unknown = await channels(echo, { token }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('what is [redacted]?') })
  })
})
