import { HttpResponse, http as mswHttp } from 'msw'
import { setupServer } from 'msw/node'
import { onTestFinished } from 'vitest'
import type { Channel } from '../../src/contracts/transport.ts'
import { fetchHttp, undiciHttp } from '../../src/http/index.ts'
import { aesGcm, createDispatcher, generateEncryptionKey, type HttpPort } from '../../src/index.ts'
import { microsoftOAuth, oauthStates, slackOAuth, storedTokens } from '../../src/oauth/index.ts'
import { ghostWorkspace } from '../../src/presets/ghost-workspace.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type FakeClock, fakeClock } from '../../src/testing/index.ts'
import {
  type DiscordFake,
  discordFake,
  type SlackFake,
  type SlackFakeOptions,
  slackFake,
  type TeamsFake,
  teamsFake,
} from '../../src/testing/msw.ts'
import { discordTransport } from '../../src/transports/discord.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { teamsTransport } from '../../src/transports/teams.ts'

export const ORG = 'org_1'

const EVENT = {
  orgId: ORG,
  type: 'breach_logged',
  title: 'Breach logged',
  body: 'A laptop was lost',
  href: 'https://app.example.com/breaches/1',
  orgName: 'Acme Privacy',
} as const

interface Fakes {
  readonly slack: SlackFake
  readonly teams: TeamsFake
  readonly discord: DiscordFake
}

interface Reached {
  readonly http: HttpPort
  readonly slack?: { readonly options: object; readonly oauth: object }
  readonly teams?: { readonly options: object; readonly oauth: object }
  readonly discord?: { readonly options: object; readonly webhookUrl: string }
}

export type Way = (fakes: Fakes, clock: FakeClock) => Promise<Reached>

/** The two ways in which hosts test with the fakes. */
export const WAYS: readonly (readonly [string, Way])[] = [
  [
    'msw and fetchHttp',
    async (fakes, clock) => {
      const nobody = mswHttp.all('*', () => HttpResponse.error())
      const server = setupServer(...Object.values(fakes).flatMap((fake) => fake.handlers), nobody)
      server.listen({ onUnhandledFrame: 'error' })
      onTestFinished(() => server.close())
      return { http: fetchHttp({ clock }) }
    },
  ],
  [
    'loopback and undiciHttp',
    async (fakes, clock) => {
      const [slack, teams, discord] = [
        await fakes.slack.listen(),
        await fakes.teams.listen(),
        await fakes.discord.listen(),
      ]
      const all = [slack, teams, discord]
      onTestFinished(async () => {
        for (const each of all) await each.close()
      })
      const allow = all.flatMap((each) => each.egress.allow)
      return { http: undiciHttp({ clock, allow }), slack, teams, discord }
    },
  ],
]

/** A host with everything in it: chat of three kinds, OAuth, encryption, the catalog of a privacy workspace. */
export async function chatHost(way: Way, options: { readonly slack?: SlackFakeOptions } = {}) {
  const clock = fakeClock()
  const fakes: Fakes = {
    slack: slackFake({
      team: { id: 'T0001', name: 'Acme' },
      channels: [
        { id: 'C0001', name: 'privacy' },
        { id: 'C0002', name: 'breaches' },
      ],
      now: clock.now,
      ...options.slack,
    }),
    teams: teamsFake({ now: clock.now }),
    discord: discordFake({ now: clock.now }),
  }
  const reached = await way(fakes, clock)
  const { http } = reached
  const slackProvider = slackOAuth({
    ...fakes.slack.oauth,
    ...reached.slack?.oauth,
    scopes: ['chat:write', 'incoming-webhook', 'channels:read', 'groups:read'],
  })
  const microsoftProvider = microsoftOAuth({ ...fakes.teams.oauth, ...reached.teams?.oauth })
  const store = memoryStore()
  const dispatcher = createDispatcher({
    store,
    clock,
    http,
    catalog: ghostWorkspace.catalog,
    transports: [
      slackTransport(reached.slack?.options),
      teamsTransport(reached.teams?.options),
      discordTransport(reached.discord?.options),
    ],
    tokens: storedTokens({ providers: [slackProvider, microsoftProvider] }),
    encryption: aesGcm({ keys: [{ id: 'k1', key: generateEncryptionKey() }] }),
    organisation: async () => ({ name: 'Acme Privacy', settingsUrl: 'https://app.example.com/settings/integrations' }),
    random: () => 0.5,
  })
  const states = oauthStates({ store, key: generateEncryptionKey(), clock })
  onTestFinished(async () => {
    await dispatcher.close()
    await http.close()
  })

  const announced: string[] = []
  for (const name of ['connection.suspended', 'connection.recovered'] as const) {
    dispatcher.on(name, (event) => announced.push(`${name} ${event.connectionId}`))
  }
  const call = () => ({ http, now: clock.now(), deadlineAt: clock.now() + 10_000 })

  return {
    ...fakes,
    clock,
    dispatcher,
    discordUrl: reached.discord?.webhookUrl ?? fakes.discord.webhookUrl,
    /** What `dispatcher.on` told of connections, in order. */
    announced,
    /** The whole way of a person: to Slack, a channel, back, connected. With `id`, once more. */
    async connectSlack(channelId: string, id?: string) {
      const issued = states.issue({ orgId: ORG, provider: 'slack' })
      const { code, state } = fakes.slack.approve(slackProvider.authorizeUrl({ state: issued.state }), { channelId })
      const { orgId } = await states.consume({ state, nonce: issued.nonce })
      const grant = await slackProvider.exchange(code, call())
      const connected = { orgId, transport: 'slack', grant } as const
      return (await dispatcher.connections.connect(id === undefined ? connected : { ...connected, id })).connection
    },
    async connectTeams() {
      const { nonce, ...begun } = states.issue({ orgId: ORG, provider: 'microsoft' })
      const { code, state } = fakes.teams.approve(microsoftProvider.authorizeUrl(begun))
      const { orgId, codeVerifier } = await states.consume({ state, nonce })
      const grant = await microsoftProvider.exchange(code, { ...call(), codeVerifier })
      return (await dispatcher.connections.connect({ orgId, transport: 'teams', grant })).connection
    },
    view: (id: string) => dispatcher.connections.get({ orgId: ORG, id }),
    async channel(id: string, name: string): Promise<Channel> {
      const found = (await dispatcher.connections.channels({ orgId: ORG, id })).find((one) => one.name === name)
      if (found === undefined) throw new Error(`no channel ${name}`)
      return found
    },
    /** An event, and all that is due from it and before; later than the pace of the ones before. */
    async notify(title: string = EVENT.title) {
      clock.set(clock.now() + 2000)
      const { deliveries } = await dispatcher.dispatch({ ...EVENT, title })
      await dispatcher.tick()
      return deliveries
    },
  }
}
