import { describe, expectTypeOf, it } from 'vitest'
import type { Connections, ConnectionView, CreateFor, UpdateFor } from '../../src/connections/types.ts'
import type { EventInput } from '../../src/contracts/event.ts'
import type { Channel, Transport } from '../../src/contracts/transport.ts'
import type { slackTransport } from '../../src/transports/slack.ts'
import type { teamsTransport } from '../../src/transports/teams.ts'

interface HookInput {
  url: string
  headers?: Record<string, string>
}
type Hook = Transport<'hook', HookInput, HookInput, string>
type Chat = Transport<'chat', { channel: string }, { channel: string }, string>
type Event = EventInput<'breach_logged'> | EventInput<'member_joined'>
type Typed = Connections<Event, 'breach' | 'team', Hook | Chat>

declare const connections: Typed
declare const chat: Connections<
  Event,
  'breach',
  ReturnType<typeof slackTransport<'slack'>> | ReturnType<typeof teamsTransport<'teams'>>
>
const ref = { orgId: 'org_1', id: 'con_1' }

describe('connections.create', () => {
  it('takes the config of the transport that is named', () => {
    expectTypeOf(connections.create).toBeCallableWith({ orgId: 'o', transport: 'hook', config: { url: 'https://x' } })
    expectTypeOf(connections.create).toBeCallableWith({ orgId: 'o', transport: 'chat', config: { channel: 'C1' } })
    expectTypeOf<CreateFor<Hook, Event, 'team'>['config']>().toEqualTypeOf<HookInput>()
  })

  it('takes the config of a channel as it was listed, for Slack and for Teams', () => {
    const about = { orgId: 'o', credentialId: 'c', config: {} as Channel['config'] }
    expectTypeOf(chat.create).toBeCallableWith({ ...about, transport: 'slack' })
    expectTypeOf(chat.create).toBeCallableWith({ ...about, transport: 'teams' })
    expectTypeOf(chat.update).toBeCallableWith({ ...ref, config: about.config })
    // @ts-expect-error no such field
    void chat.create({ ...about, transport: 'slack', config: { workspaceId: 'T1', chanelId: 'C1' } })
  })

  it('refuses what is wrong', () => {
    // @ts-expect-error no such transport
    void connections.create({ orgId: 'o', transport: 'nope', config: { url: 'https://x' } })
    // @ts-expect-error another transport's config
    void connections.create({ orgId: 'o', transport: 'chat', config: { url: 'https://x' } })
    // @ts-expect-error a wrong type in the config
    void connections.create({ orgId: 'o', transport: 'hook', config: { url: 5 } })
    // @ts-expect-error no such category
    void connections.create({ orgId: 'o', transport: 'hook', config: { url: 'https://x' }, categories: ['nope'] })
    // @ts-expect-error no such event type
    void connections.create({ orgId: 'o', transport: 'hook', config: { url: 'https://x' }, eventTypes: ['nope'] })
    // @ts-expect-error no organisation
    void connections.create({ transport: 'hook', config: { url: 'https://x' } })
  })
})

describe('connections.update', () => {
  it('takes a config with fields left out, and null to remove one', () => {
    expectTypeOf(connections.update).toBeCallableWith({ ...ref, config: { headers: null }, categories: ['team'] })
    expectTypeOf<UpdateFor<Transport, EventInput, string>['config']>().toEqualTypeOf<unknown>()
  })

  it('refuses what is wrong', () => {
    // @ts-expect-error a wrong type in the config
    void connections.update({ ...ref, config: { url: 5 } })
    // @ts-expect-error no such field in any config
    void connections.update({ ...ref, config: { colour: 'red' } })
    // @ts-expect-error no such event type
    void connections.update({ ...ref, eventTypes: ['nope'] })
  })
})

describe('typed connections', () => {
  it('can be passed where plain ones are taken, and the other way round', () => {
    expectTypeOf<Typed>().toExtend<Connections>()
    expectTypeOf<Connections>().toExtend<Typed>()
  })

  it('answer a view without any field for a secret', () => {
    expectTypeOf(connections.get).returns.resolves.toEqualTypeOf<ConnectionView>()
    expectTypeOf<ConnectionView>().not.toHaveProperty('secret')
  })
})

describe('connections.connect', () => {
  const grant = { provider: 'slack', externalId: 'T1', accessToken: 'xoxb', scopes: [] }

  it('takes a grant, with parts of the config of the transport that is named', () => {
    expectTypeOf(connections.connect).toBeCallableWith({ orgId: 'o', transport: 'chat', grant })
    expectTypeOf(connections.connect).toBeCallableWith({
      orgId: 'o',
      transport: 'hook',
      grant,
      config: { headers: {} },
    })
    expectTypeOf(connections.connect).returns.resolves.toHaveProperty('created')
  })

  it('refuses what is wrong', () => {
    // @ts-expect-error no grant
    void connections.connect({ orgId: 'o', transport: 'chat' })
    // @ts-expect-error no such transport
    void connections.connect({ orgId: 'o', transport: 'nope', grant })
    // @ts-expect-error a wrong type in the config
    void connections.connect({ orgId: 'o', transport: 'chat', grant, config: { channel: 5 } })
    // @ts-expect-error the grant says which credential
    void connections.connect({ orgId: 'o', transport: 'chat', grant, credentialId: 'slack:T1' })
    // @ts-expect-error no such event type
    void connections.connect({ orgId: 'o', transport: 'chat', grant, eventTypes: ['nope'] })
  })
})
