import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { HttpPort } from '../../src/contracts/http.ts'
import type { Outcome } from '../../src/contracts/outcome.ts'
import type { Store } from '../../src/contracts/store.ts'
import type { TokenSource } from '../../src/contracts/tokens.ts'
import type { Transport } from '../../src/contracts/transport.ts'
import { createDispatcher } from '../../src/dispatcher.ts'
import { SignalboxError } from '../../src/errors.ts'
import { storedTokens } from '../../src/oauth/stored-tokens.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type FakeClock, fakeClock } from '../../src/testing/fake-clock.ts'
import { aes, DAY, HOUR, ORG, type ScriptedProvider, scriptedProvider } from '../oauth/world.ts'
import { failure } from './harness.ts'

const chatConfig = z.strictObject({
  team: z.string().optional(),
  channel: z.string().optional(),
  hook: z.string().optional(),
  mention: z.string().optional(),
})
type ChatConfig = z.output<typeof chatConfig>

interface Sent {
  readonly connection: string
  readonly channel: string | undefined
  readonly token: string | undefined
  /** How long the send may take, in ms. */
  readonly forMs: number
}

/** Sends as a person's workspace: one connection a channel, incomplete without one. */
function chat(
  name: string,
  provider: string,
  sent: Sent[],
  answers: Map<string, Outcome>,
): Transport<string, ChatConfig, ChatConfig, string> {
  return {
    name,
    provider,
    config: chatConfig,
    fields: [
      { name: 'team', label: 'Team', kind: 'text', required: false },
      { name: 'channel', label: 'Channel', kind: 'channel', required: false },
      { name: 'hook', label: 'Hook', kind: 'text', required: false, secret: true },
      { name: 'mention', label: 'Mention', kind: 'text', required: false },
    ],
    missing: ({ channel }) => (channel === undefined ? ['a channel'] : []),
    defaultLabel: ({ channel }) => `#${channel ?? ''}`,
    uniqueKey: ({ credentialId, config }) =>
      config.channel === undefined ? undefined : `${credentialId} ${config.channel}`,
    build: () => 'text',
    async send(_, { connection, token, deadlineAt }) {
      const forMs = deadlineAt - clock.now()
      sent.push({ connection: connection.id, channel: connection.config.channel, token, forMs })
      const answer = answers.get(connection.id)
      answers.delete(connection.id)
      return answer ?? { kind: 'delivered' }
    },
  }
}

const plain: Transport<'plain', object, object, string> = {
  name: 'plain',
  config: z.object({}),
  fields: [],
  build: () => '',
  send: async () => ({ kind: 'delivered' }),
}

const http: HttpPort = {
  request: () => Promise.reject(new Error('nothing here sends')),
  check: () => undefined,
  close: async () => undefined,
}

const EVENT = { orgId: ORG, type: 'breach_logged', title: 'T', body: 'B', href: 'https://app.example.com/1' }
const REVOKED: Outcome = { kind: 'reauthorize', code: 'token_revoked' }

let clock: FakeClock
let store: Store
let slack: ScriptedProvider
let microsoft: ScriptedProvider
let sent: Sent[]
let answers: Map<string, Outcome>
let dispatcher: ReturnType<typeof make>

/** A dispatcher like that of any process over the store. */
function make(
  options: {
    readonly tokens?: TokenSource
    readonly keys?: readonly string[]
    readonly authorize?: () => boolean
  } = {},
) {
  const { tokens, keys = ['k1'], ...rest } = options
  return createDispatcher({
    store,
    transports: [chat('slack', 'slack', sent, answers), chat('teams', 'microsoft', sent, answers), plain],
    tokens: tokens ?? storedTokens({ providers: [slack, microsoft] }),
    encryption: aes(...keys),
    http,
    clock,
    random: () => 0.5,
    ...rest,
  })
}

beforeEach(() => {
  clock = fakeClock()
  store = memoryStore()
  slack = scriptedProvider(clock)
  microsoft = scriptedProvider(clock, { name: 'microsoft' })
  sent = []
  answers = new Map()
  dispatcher = make()
})
afterEach(() => dispatcher.close())

const picked = (channel: string) => ({ team: 'T1', channel, hook: `https://hooks.example.com/${channel}` })
const connect = (channel = 'C1', fields: object = {}) =>
  dispatcher.connections.connect({
    orgId: ORG,
    transport: 'slack',
    grant: slack.grant({ config: picked(channel) }),
    ...fields,
  })

/** Dispatches one event, works until nothing is due, and answers who sent with which token. */
async function deliver(): Promise<readonly Sent[]> {
  sent.length = 0
  await dispatcher.dispatch(EVENT)
  await dispatcher.tick()
  return [...sent].sort((a, b) => a.connection.localeCompare(b.connection))
}

async function stored(): Promise<string> {
  const keys = await store.keys.list('', { limit: 1000, now: clock.now() })
  const connections = await store.connections.list({ limit: 1000 })
  return JSON.stringify([keys.items, connections.items])
}

describe('connect', () => {
  it('makes a connection of what the grant chose, which sends with its token', async () => {
    const { connection, created, secret } = await connect('C1', { id: 'con_1', categories: ['breach'] })
    expect({ created, secret }).toEqual({ created: true, secret: undefined })
    expect(connection).toMatchObject({
      id: 'con_1',
      status: 'active',
      label: '#C1',
      credentialId: 'slack:T1',
      categories: ['breach'],
      config: { team: 'T1', channel: 'C1' },
      secretFields: ['hook'],
    })
    expect(await deliver()).toEqual([])
    await dispatcher.connections.update({ orgId: ORG, id: 'con_1', categories: [] })
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-1', forMs: 10_000 }])
  })

  it('takes settings, and config over that of the grant', async () => {
    const { connection } = await connect('C1', {
      label: 'Ops',
      config: { channel: 'C2', mention: '@ops', hook: undefined },
      pace: { perSecond: 1, burst: 1 },
      metadata: { by: 'ada' },
    })
    expect(connection).toMatchObject({
      label: 'Ops',
      config: { channel: 'C2', mention: '@ops' },
      secretFields: ['hook'],
      pace: { perSecond: 1, burst: 1 },
      metadata: { by: 'ada' },
    })
  })

  it('leaves it incomplete where the grant chose no channel, until update does', async () => {
    const { connection } = await dispatcher.connections.connect({
      orgId: ORG,
      transport: 'teams',
      grant: microsoft.grant(),
      id: 'con_1',
    })
    expect(connection).toMatchObject({ status: 'incomplete', credentialId: 'microsoft:T1' })
    const view = await dispatcher.connections.update({ orgId: ORG, id: 'con_1', config: { team: 'A', channel: 'B' } })
    expect(view.status).toBe('active')
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'B', token: 'at-1', forMs: 10_000 }])
  })

  it('stores no token in clear', async () => {
    await connect()
    expect(await stored()).not.toMatch(/[ar]t-\d|hooks\.example/)
  })

  it('asks authorize first', async () => {
    dispatcher = make({ authorize: () => false })
    expect(await failure(connect())).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('connections.connect'),
    })
    expect(await stored()).toBe('[[],[]]')
  })

  it.each([
    ['another provider than the transport has', () => ({ grant: microsoft.grant() }), 'grant.provider'],
    [
      'a provider that the tokens do not know',
      () => ({ grant: slack.grant({ provider: 'hubspot' }) }),
      'grant.provider',
    ],
    ['no grant', () => ({ grant: undefined }), 'grant'],
    ['a transport that takes none', () => ({ transport: 'plain' }), 'grant'],
    ['an unknown transport', () => ({ transport: 'nope' }), 'transport'],
    ['a config that the transport refuses', () => ({ config: { colour: 'red' } }), 'config'],
    ['a config that is none', () => ({ config: 'C1' }), 'config'],
    ['a credential beside the grant', () => ({ credentialId: 'slack:T1' }), 'credentialId'],
    ['a bad label', () => ({ label: '' }), 'label'],
    ['a bad id', () => ({ id: 'a b' }), 'id'],
  ])('refuses %s, and keeps nothing', async (_, fields, field) => {
    expect(await failure(connect('C1', fields()))).toMatchObject({ code: 'invalid_input', field })
    expect(await stored()).toBe('[[],[]]')
    expect(slack.revoked).toEqual([])
  })

  it('says what is missing where the dispatcher keeps no grants', async () => {
    dispatcher = make({ tokens: { get: async () => ({ ok: true, token: 'own' }) } })
    expect(await failure(connect())).toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('storedTokens'),
    })
  })

  it('that ends in a conflict leaves the grant usable for another try, and others untouched', async () => {
    await connect('C1', { id: 'con_1' })
    const grant = slack.grant({ config: picked('C1') })
    const again = { orgId: ORG, transport: 'slack', grant } as const
    expect(await failure(dispatcher.connections.connect(again))).toMatchObject({ code: 'conflict', field: 'uniqueKey' })
    expect(slack.revoked).toEqual([])
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-2', forMs: 10_000 }])
    const { connection } = await dispatcher.connections.connect({ ...again, config: { channel: 'C2' }, id: 'con_2' })
    expect(connection.status).toBe('active')
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_1' })
    expect(slack.revoked).toEqual([])
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_2' })
    expect(slack.revoked).toEqual(['at-2'])
  })

  it('that fails in the store is swept later where nobody tries again', async () => {
    const { insert } = store.connections
    store.connections.insert = () => Promise.reject(new SignalboxError('store_failed', 'no disk'))
    expect(await failure(connect())).toMatchObject({ code: 'store_failed' })
    store.connections.insert = insert
    expect(slack.revoked).toEqual([])
    clock.set(clock.now() + 2 * HOUR)
    await dispatcher.tick()
    expect(slack.revoked).toEqual(['at-1'])
    expect(await stored()).not.toContain('credential/')
  })
})

describe('connect with the id of a connection', () => {
  const again = (fields: object = {}) => connect('C1', { id: 'con_1', ...fields })

  beforeEach(async () => {
    await connect('C1', { id: 'con_1', config: { mention: '@ops' }, label: 'Ops' })
  })

  it('gives it the new grant, and keeps its settings', async () => {
    const { connection, created } = await again()
    expect(created).toBe(false)
    expect(connection).toMatchObject({ label: 'Ops', config: { channel: 'C1', mention: '@ops' }, version: 2 })
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-2', forMs: 10_000 }])
    expect(slack.revoked).toEqual([])
  })

  it('changes what the grant chose and what is given', async () => {
    const { connection } = await connect('C2', { id: 'con_1', label: 'Security', config: { mention: '@sec' } })
    expect(connection).toMatchObject({ label: 'Security', config: { channel: 'C2', mention: '@sec' } })
  })

  it('ends a suspension', async () => {
    answers.set('con_1', REVOKED)
    await deliver()
    expect(await dispatcher.connections.get({ orgId: ORG, id: 'con_1' })).toMatchObject({
      status: 'suspended',
      reason: { code: 'token_revoked' },
    })
    const { connection } = await again()
    expect(connection.status).toBe('active')
    expect(connection.reason).toBeUndefined()
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-2', forMs: 10_000 }])
  })

  it('ends one for want of a channel with the new channel', async () => {
    answers.set('con_1', { kind: 'gone', code: 'target_gone' })
    await deliver()
    const { connection } = await connect('C2', { id: 'con_1' })
    expect(connection).toMatchObject({ status: 'active', config: { channel: 'C2' } })
  })

  it('leaves a pause', async () => {
    await dispatcher.connections.pause({ orgId: ORG, id: 'con_1' })
    expect((await again()).connection.status).toBe('paused')
  })

  it('resumes the other connections of the workspace that were suspended for want of a grant, and only those', async () => {
    for (const [id, channel] of [
      ['con_2', 'C2'],
      ['con_3', 'C3'],
      ['con_4', 'C4'],
    ]) {
      const config = { team: 'T1', channel: channel ?? '' }
      await dispatcher.connections.create({ orgId: ORG, transport: 'slack', id, config, credentialId: 'slack:T1' })
    }
    await dispatcher.connections.pause({ orgId: ORG, id: 'con_4' })
    for (const id of ['con_1', 'con_2']) answers.set(id, REVOKED)
    answers.set('con_3', { kind: 'gone', code: 'target_gone' })
    expect(await deliver()).toHaveLength(3)
    await again()
    const views = (await dispatcher.connections.list({ orgId: ORG })).items
    expect(views.map((one) => one.status)).toEqual(['active', 'active', 'suspended', 'paused'])
  })

  it('of another workspace takes nothing over from the old one, which is let go of', async () => {
    const grant = slack.grant({ externalId: 'T2', config: { team: 'T2', channel: 'C9' } })
    const { connection } = await dispatcher.connections.connect({ orgId: ORG, transport: 'slack', id: 'con_1', grant })
    expect(connection).toMatchObject({
      credentialId: 'slack:T2',
      config: { team: 'T2', channel: 'C9' },
      secretFields: [],
    })
    expect(connection.config).toEqual({ team: 'T2', channel: 'C9' })
    expect(slack.revoked).toEqual(['at-1'])
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C9', token: 'at-2', forMs: 10_000 }])
  })

  it('of another account without a choice keeps what was chosen', async () => {
    const teams = { orgId: ORG, transport: 'teams', id: 'con_2' } as const
    await dispatcher.connections.connect({ ...teams, grant: microsoft.grant(), config: { team: 'A', channel: 'B' } })
    const { connection } = await dispatcher.connections.connect({
      ...teams,
      grant: microsoft.grant({ externalId: 'T2' }),
    })
    expect(connection).toMatchObject({ status: 'active', config: { team: 'A', channel: 'B' } })
  })

  it.each([
    [
      'another transport',
      () => ({ transport: 'teams', grant: microsoft.grant() }),
      { code: 'invalid_input', field: 'id' },
    ],
    ['a signing secret', () => ({ secret: 'whsec_x' }), { code: 'invalid_input', field: 'secret' }],
    ['a bad config', () => ({ config: { colour: 'red' } }), { code: 'invalid_input' }],
  ])('refuses %s, and changes nothing', async (_, fields, expected) => {
    const before = await stored()
    expect(await failure(again(fields()))).toMatchObject(expected)
    expect(await stored()).toBe(before)
  })

  it('is a new one where the id is of another organisation: that is taken', async () => {
    const other = dispatcher.connections.connect({
      orgId: 'org_2',
      transport: 'slack',
      id: 'con_1',
      grant: slack.grant({ config: picked('C1') }),
    })
    expect(await failure(other)).toMatchObject({ code: 'conflict', field: 'id' })
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-1', forMs: 10_000 }])
  })
})

describe('two channels of one workspace', () => {
  const second = { orgId: ORG, transport: 'slack', id: 'con_2', config: picked('C2') } as const

  beforeEach(() => connect('C1', { id: 'con_1' }))

  it('need one grant, and share its token and its refresh', async () => {
    const { connection } = await dispatcher.connections.create({ ...second, credentialId: 'slack:T1' })
    expect(connection).toMatchObject({ status: 'active', credentialId: 'slack:T1' })
    clock.set(clock.now() + DAY)
    expect((await deliver()).map((one) => one.token)).toEqual(['at-2', 'at-2'])
    expect(slack.asked).toEqual(['rt-1'])
  })

  it('part: disconnecting one leaves the other, disconnecting the last erases and revokes, once', async () => {
    await dispatcher.connections.create({ ...second, credentialId: 'slack:T1' })
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_1' })
    expect(await deliver()).toEqual([{ connection: 'con_2', channel: 'C2', token: 'at-1', forMs: 10_000 }])
    expect(slack.revoked).toEqual([])
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_2' })
    expect(slack.revoked).toEqual(['at-1'])
    expect(await stored()).not.toContain('credential/')
  })

  it.each([
    ['that is not there', { credentialId: 'slack:T2' }, { code: 'not_found', field: 'credentialId' }],
    [
      'of another organisation',
      { credentialId: 'slack:T1', orgId: 'org_2' },
      { code: 'not_found', field: 'credentialId' },
    ],
    ['of another provider', { credentialId: 'microsoft:T1' }, { code: 'invalid_input', field: 'credentialId' }],
    ['that is no text', { credentialId: 7 as never }, { code: 'invalid_input', field: 'credentialId' }],
    [
      'for a transport that needs none',
      { transport: 'plain', config: {}, credentialId: 'slack:T1' },
      { code: 'invalid_input', field: 'credentialId' },
    ],
  ])('cannot be made with a credential %s', async (_, fields, expected) => {
    expect(await failure(dispatcher.connections.create({ ...second, ...fields }))).toMatchObject(expected)
    expect((await store.connections.list({ limit: 10 })).items).toHaveLength(1)
  })

  it('that could not be made lets go of the credential, but never for one that has the id', async () => {
    const taken = dispatcher.connections.create({ ...second, id: 'con_1', credentialId: 'slack:T1' })
    expect(await failure(taken)).toMatchObject({ code: 'conflict', field: 'id' })
    const double = dispatcher.connections.create({ ...second, config: picked('C1'), credentialId: 'slack:T1' })
    expect(await failure(double)).toMatchObject({ code: 'conflict', field: 'uniqueKey' })
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_1' })
    expect(slack.revoked).toEqual(['at-1'])
  })

  it('with a source of tokens of the host, any id is stored as it is', async () => {
    const asked: unknown[] = []
    dispatcher = make({
      tokens: {
        async get({ id, credentialId }) {
          asked.push([id, credentialId])
          return { ok: true, token: `own ${credentialId}` }
        },
      },
    })
    await dispatcher.connections.create({ ...second, credentialId: 'vault/17' })
    await dispatcher.connections.update({ orgId: ORG, id: 'con_2', credentialId: 'vault/18' })
    expect((await deliver()).at(-1)).toMatchObject({ connection: 'con_2', token: 'own vault/18' })
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_2' })
    expect(asked).toContainEqual(['con_2', 'vault/18'])
  })
})

describe('update', () => {
  it('moves a connection to another credential, and lets go of the old one', async () => {
    await connect('C1', { id: 'con_1' })
    const grant = slack.grant({ externalId: 'T2', config: picked('C2') })
    await dispatcher.connections.connect({ orgId: ORG, transport: 'slack', id: 'con_2', grant })
    const view = await dispatcher.connections.update({ orgId: ORG, id: 'con_1', credentialId: 'slack:T2' })
    expect(view).toMatchObject({ credentialId: 'slack:T2', config: { channel: 'C1' } })
    expect(slack.revoked).toEqual(['at-1'])
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_2' })
    expect(await deliver()).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-2', forMs: 10_000 }])
  })

  it.each([
    ['to the same credential changes nothing', { credentialId: 'slack:T1' }, undefined],
    ['to one that is not there is refused', { credentialId: 'slack:T9' }, 'not_found'],
    ['that is based on an old version is refused', { credentialId: 'slack:T1', expectedVersion: 9 }, 'conflict'],
  ])('%s, and the credential stays', async (_, fields, code) => {
    await connect('C1', { id: 'con_1' })
    const updating = dispatcher.connections.update({ orgId: ORG, id: 'con_1', ...fields })
    if (code === undefined) await updating
    else expect(await failure(updating)).toMatchObject({ code })
    expect(await deliver()).toMatchObject([{ token: 'at-1' }])
    await dispatcher.connections.delete({ orgId: ORG, id: 'con_1' })
    expect(slack.revoked).toEqual(['at-1'])
  })
})

describe('a credential that the provider refuses', () => {
  it('suspends each connection of the workspace at once, without asking again', async () => {
    await connect('C1', { id: 'con_1' })
    const config = picked('C2')
    await dispatcher.connections.create({
      orgId: ORG,
      transport: 'slack',
      id: 'con_2',
      config,
      credentialId: 'slack:T1',
    })
    slack.grant()
    clock.set(clock.now() + DAY)
    expect(await deliver()).toEqual([])
    const views = (await dispatcher.connections.list({ orgId: ORG })).items
    expect(views.map((one) => [one.status, one.reason?.code])).toEqual([
      ['suspended', 'token_revoked'],
      ['suspended', 'token_revoked'],
    ])
    expect(slack.asked).toEqual(['rt-1'])
  })
})

describe('a token that the destination says has expired', () => {
  it('leaves the send its full time, however long the refresh took', async () => {
    await connect('C1', { id: 'con_1' })
    clock.set(clock.now() + DAY)
    const answer = slack.hold()
    await dispatcher.dispatch(EVENT)
    const ticking = dispatcher.tick()
    await clock.advance(9000)
    answer()
    await ticking
    expect(sent).toEqual([{ connection: 'con_1', channel: 'C1', token: 'at-2', forMs: 10_000 }])
  })

  it('is refreshed, and the message is sent with the new one', async () => {
    await connect('C1', { id: 'con_1' })
    answers.set('con_1', { kind: 'retry', code: 'token_expired' })
    expect((await deliver()).map((one) => one.token)).toEqual(['at-1', 'at-2'])
    expect(slack.asked).toEqual(['rt-1'])
  })
})

describe('the upkeep', () => {
  it('heals a crash between the removal of a connection and the release of its credential, from tick alone', async () => {
    await connect('C1', { id: 'con_1' })
    await store.connections.delete({ orgId: ORG, id: 'con_1' }, { now: clock.now() })
    for (let hour = 0; hour < 3; hour++) {
      clock.set(clock.now() + HOUR)
      const cron = make()
      await cron.tick()
      await cron.close()
    }
    expect(slack.revoked).toEqual(['at-1'])
  })

  it('refreshes what is idle while the host only calls tick', async () => {
    await dispatcher.connections.connect({ orgId: ORG, transport: 'teams', grant: microsoft.grant() })
    for (let day = 0; day < 65; day++) {
      clock.set(clock.now() + DAY)
      const cron = make()
      await cron.tick()
      await cron.close()
    }
    expect(microsoft.asked).toEqual(['rt-1', 'rt-2'])
  })

  it('is done by a worker as well, soon after its start and then about every hour', async () => {
    await dispatcher.connections.connect({ orgId: ORG, transport: 'teams', grant: microsoft.grant() })
    clock.set(clock.now() + 31 * DAY)
    await dispatcher.start()
    await clock.advance(60_000)
    expect(microsoft.asked).toEqual(['rt-1'])
    clock.set(clock.now() + 31 * DAY)
    await clock.advance(2 * HOUR)
    expect(microsoft.asked).toEqual(['rt-1', 'rt-2'])
  })
})

describe('the organisation and the keys', () => {
  it('purge erases and revokes the grants of the organisation', async () => {
    await connect('C1', { id: 'con_1' })
    const other = slack.grant({ externalId: 'T2', config: picked('C2') })
    await dispatcher.connections.connect({ orgId: 'org_2', transport: 'slack', grant: other })
    await dispatcher.purge({ orgId: ORG, olderThanMs: 0 })
    expect(slack.revoked).toEqual([])
    await dispatcher.purge({ orgId: ORG })
    expect(slack.revoked).toEqual(['at-1'])
    expect(await stored()).toContain('credential/org_2/')
  })

  it('rekey seals connections and credentials, and counts both', async () => {
    await connect('C1', { id: 'con_1' })
    await connect('C2', { id: 'con_2' })
    dispatcher = make({ keys: ['k2', 'k1'] })
    expect(await dispatcher.rekey({ limit: 2 })).toEqual({ rekeyed: 2, remaining: 1, unreadable: 0 })
    expect(await dispatcher.rekey({ limit: 2 })).toEqual({ rekeyed: 1, remaining: 0, unreadable: 0 })
    dispatcher = make({ keys: ['k2'] })
    expect((await deliver()).map((one) => one.token)).toEqual(['at-2', 'at-2'])
  })

  it('close waits for a refresh that has begun', async () => {
    await connect('C1', { id: 'con_1' })
    clock.set(clock.now() + DAY)
    const answer = slack.hold()
    await dispatcher.dispatch(EVENT)
    const ticking = dispatcher.tick()
    await clock.advance(0)
    expect(slack.asked).toEqual(['rt-1'])
    let closed = false
    const closing = dispatcher.close({ graceMs: 1 }).then(() => {
      closed = true
    })
    await clock.advance(5000)
    expect(closed).toBe(false)
    answer()
    await Promise.all([closing, ticking])
    dispatcher = make()
    await clock.advance(60_000)
    expect((await deliver()).at(-1)).toMatchObject({ token: 'at-2' })
    expect(slack.asked).toEqual(['rt-1'])
  })
})
