import { describe, expect, it, onTestFinished } from 'vitest'
import { createDispatcher } from '../../../src/dispatcher.ts'
import { fetchHttp, type HttpPort, undiciHttp } from '../../../src/http/index.ts'
import { memoryStore } from '../../../src/stores/memory.ts'
import { discordFake, slackFake, teamsFake, webhookReceiverFake } from '../../../src/testing/msw.ts'
import { discordTransport } from '../../../src/transports/discord.ts'
import { slackTransport } from '../../../src/transports/slack.ts'
import { slackWebhookTransport } from '../../../src/transports/slack-webhook.ts'
import { teamsTransport } from '../../../src/transports/teams.ts'
import { teamsWorkflowTransport } from '../../../src/transports/teams-workflow.ts'
import { webhookTransport } from '../../../src/transports/webhook.ts'
import { call, intercept, postJson } from './support.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const EVENT = {
  orgId: 'org_1',
  type: 'policy_published',
  title: 'Policy published',
  body: 'Retention policy, version 3.',
  href: 'https://app.example.com/policies/2',
}

function fakes() {
  return {
    slack: slackFake(),
    teams: teamsFake(),
    discord: discordFake(),
    receiver: webhookReceiverFake({ secret: SECRET }),
  }
}

type Fakes = ReturnType<typeof fakes>

interface Options {
  readonly slack?: Parameters<typeof slackTransport>[0]
  readonly slackWebhook?: Parameters<typeof slackWebhookTransport>[0]
  readonly teams?: Parameters<typeof teamsTransport>[0]
  readonly workflow?: Parameters<typeof teamsWorkflowTransport>[0]
  readonly discord?: Parameters<typeof discordTransport>[0]
}

interface Way {
  readonly http: HttpPort
  readonly options: Options
  /** Where a URL of the real service is reached. */
  link(fake: keyof Fakes, url: string): string
}

/** What hosts do whose tests have msw in front of fetch. */
async function overMsw(all: Fakes): Promise<Way> {
  intercept(...Object.values(all))
  return { http: fetchHttp(), options: {}, link: (_fake, url) => url }
}

/** What hosts do who test with the client that they run with. */
async function overLoopback(all: Fakes): Promise<Way> {
  const listening = {
    slack: await all.slack.listen(),
    teams: await all.teams.listen(),
    discord: await all.discord.listen(),
    receiver: await all.receiver.listen(),
  }
  onTestFinished(async () => {
    for (const each of Object.values(listening)) await each.close()
  })
  const { slack, teams, discord } = listening
  return {
    http: undiciHttp({ allow: Object.values(listening).flatMap((each) => each.egress.allow) }),
    options: {
      slack: slack.options,
      slackWebhook: slack.webhook,
      teams: teams.options,
      workflow: teams.workflow,
      discord: discord.options,
    },
    link: (fake, url) => listening[fake].link(url),
  }
}

async function start(way: (all: Fakes) => Promise<Way>) {
  const all = fakes()
  const { http, options, link } = await way(all)
  const dispatcher = createDispatcher({
    store: memoryStore(),
    transports: [
      slackTransport(options.slack),
      slackWebhookTransport(options.slackWebhook),
      teamsTransport(options.teams),
      teamsWorkflowTransport(options.workflow),
      discordTransport(options.discord),
      webhookTransport(),
    ],
    tokens: {
      get: async ({ transport }) => ({ ok: true, token: transport === 'slack' ? all.slack.token : all.teams.token }),
    },
    retry: { quick: false },
    http,
  })
  onTestFinished(async () => {
    await dispatcher.close()
    await http.close()
  })
  return { ...all, dispatcher, link }
}

describe.each([
  ['setupServer and fetchHttp', overMsw],
  ['listen and undiciHttp', overLoopback],
])('a dispatcher over %s', (_name, way) => {
  it('delivers one event to everything there is', async () => {
    const { dispatcher, slack, teams, discord, receiver, link } = await start(way)
    const { create } = dispatcher.connections
    const orgId = 'org_1'
    await create({ orgId, transport: 'slack', config: { workspaceId: 'T0001', channelId: 'C0001' } })
    await create({
      orgId,
      transport: 'slack-webhook',
      config: { url: link('slack', slack.addWebhook('C0001')) },
    })
    await create({ orgId, transport: 'teams', config: { teamId: 'team-1', channelId: '19:general@thread.tacv2' } })
    await create({ orgId, transport: 'teams-workflow', config: { url: link('teams', teams.addWorkflow()) } })
    await create({ orgId, transport: 'discord', config: { url: link('discord', discord.webhookUrl) } })
    await create({ orgId, transport: 'webhook', config: { url: link('receiver', receiver.url) }, secret: SECRET })

    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })

    expect(deliveries.map((one) => one.outcome)).toEqual(
      deliveries.map(() => expect.objectContaining({ kind: 'delivered' })),
    )
    expect(slack.received.map((one) => one.via).sort()).toEqual(['chat.postMessage', 'incoming-webhook'])
    expect(JSON.stringify(slack.received[0]?.blocks)).toContain('Policy published')
    expect(teams.received.map((one) => one.via).sort()).toEqual(['graph', 'workflow'])
    expect(teams.received[0]?.text).toContain('Policy published')
    expect(discord.received[0]?.text).toContain('Policy published')
    expect(discord.received[0]).toMatchObject({ allowedMentions: { parse: [] }, waited: true })
    expect(receiver.messages).toEqual([
      expect.objectContaining({ json: expect.objectContaining({ type: 'policy_published', title: EVENT.title }) }),
    ])
    for (const fake of [slack, teams, discord, receiver]) {
      expect(fake.requests.filter((one) => one.error !== undefined)).toEqual([])
    }
  })

  it('reports what the services refuse, in their own words', async () => {
    const { dispatcher, slack, teams, discord, receiver, link } = await start(way)
    const { create } = dispatcher.connections
    const orgId = 'org_1'
    await create({ orgId, transport: 'slack', config: { workspaceId: 'T0001', channelId: 'C0001' } })
    await create({ orgId, transport: 'teams', config: { teamId: 'team-1', channelId: '19:general@thread.tacv2' } })
    await create({ orgId, transport: 'discord', config: { url: link('discord', discord.webhookUrl) } })
    await create({ orgId, transport: 'webhook', config: { url: link('receiver', receiver.url) }, secret: SECRET })
    slack.archive('C0001')
    teams.fail(403)
    discord.fail(429, { retryAfter: 1.5 })
    receiver.respond(500, {}, 'down')

    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })

    const outcomes = deliveries.map((one) => one.outcome)
    expect(outcomes).toHaveLength(4)
    expect(outcomes).toContainEqual(expect.objectContaining({ kind: 'gone', providerCode: 'is_archived' }))
    expect(outcomes).toContainEqual(expect.objectContaining({ kind: 'reauthorize', providerCode: 'Forbidden' }))
    expect(outcomes).toContainEqual(
      expect.objectContaining({ kind: 'retry', code: 'rate_limited', retryAfterMs: 1500 }),
    )
    expect(outcomes).toContainEqual(expect.objectContaining({ kind: 'retry', code: 'http_5xx', status: 500 }))
    expect([slack.received, teams.received, discord.received]).toEqual([[], [], []])
    expect(receiver.received.map((one) => one.status)).toEqual([500])
  })

  it('calls a connection that breaks off ambiguous where the message may have arrived', async () => {
    const { dispatcher, slack } = await start(way)
    const config = { workspaceId: 'T0001', channelId: 'C0001' }
    await dispatcher.connections.create({ orgId: 'org_1', transport: 'slack', config })
    slack.fail('network_error', { afterPosting: true })
    const { deliveries } = await dispatcher.dispatch(EVENT, { wait: true })
    expect(deliveries[0]?.outcome).toMatchObject({ kind: 'retry', ambiguous: true })
    expect(slack.received).toHaveLength(1)
    expect(slack.requests).toEqual([expect.objectContaining({ status: 0, error: 'network_error' })])
  })

  it('lists channels over all pages', async () => {
    const { dispatcher, slack, teams } = await start(way)
    slack.addChannel({ id: 'C2', name: 'secret', private: true })
    teams.addTeam({ id: 'team-2', displayName: 'Security', channels: [{ displayName: 'A' }, { displayName: 'B' }] })
    const { create, channels } = dispatcher.connections
    const orgId = 'org_1'
    const inSlack = await create({ orgId, transport: 'slack', config: { workspaceId: 'T0001' } })
    const inTeams = await create({ orgId, transport: 'teams', config: {} })
    const names = async (id: string) => (await channels({ orgId, id })).map((one) => one.name).sort()
    expect(await names(inSlack.connection.id)).toEqual(['general', 'secret'])
    expect(await names(inTeams.connection.id)).toEqual(['A', 'B', 'General'])
  })
})

describe('a listening fake', () => {
  it('serves each host of the service under its own path, and links to itself', async () => {
    const teams = teamsFake({ pageSize: 1, teams: [{ displayName: 'a' }, { displayName: 'b' }] })
    await using listening = await teams.listen()
    const headers = { authorization: `Bearer ${teams.token}` }
    const first = await call(`${listening.options.graphUrl}/me/joinedTeams`, { headers })
    expect(first.json['@odata.nextLink']).toMatch(listening.url)
    expect((await call(first.json['@odata.nextLink'], { headers })).json.value).toHaveLength(1)
    expect((await call(`${listening.url}/nowhere`)).status).toBe(404)
    expect(teams.requests.map((one) => new URL(one.url).host)).toEqual([
      'graph.microsoft.com',
      'graph.microsoft.com',
      'login.microsoftonline.com',
    ])
  })

  it('answers 404 where the service has nothing', async () => {
    const discord = discordFake()
    await using listening = await discord.listen()
    expect(await call(`${listening.url}/channels`)).toMatchObject({ status: 404, text: 'no handler answers this path' })
  })

  it('passes on bytes as they are, and headers that come twice', async () => {
    const receiver = webhookReceiverFake({ secret: false })
    await using listening = await receiver.listen()
    const headers = new Headers([
      ['x-a', '1'],
      ['x-a', '2'],
      ['content-type', 'application/octet-stream'],
    ])
    await call(listening.webhookUrl, { method: 'POST', headers, body: new TextEncoder().encode('{"é":1}') })
    expect(receiver.received).toEqual([expect.objectContaining({ text: '{"é":1}', json: { é: 1 } })])
    expect(receiver.received[0]?.headers['x-a']).toBe('1, 2')
  })

  it('breaks the connection off when told to, and is gone once closed', async () => {
    const discord = discordFake()
    const listening = await discord.listen()
    discord.fail('network_error')
    await expect(postJson(listening.webhookUrl, { content: 'a' })).rejects.toThrow(TypeError)
    expect((await postJson(listening.webhookUrl, { content: 'a' })).status).toBe(204)
    await listening.close()
    await expect(postJson(listening.webhookUrl, { content: 'a' })).rejects.toThrow(TypeError)
  })

  it('can listen twice, beside the handlers: it is one fake', async () => {
    const discord = discordFake()
    intercept({ handlers: discord.handlers })
    await postJson(discord.webhookUrl, { content: 'a' })
    expect(discord.received).toHaveLength(1)
    await using one = await discord.listen()
    await using two = await discord.listen()
    expect(one.url).not.toBe(two.url)
  })
})
