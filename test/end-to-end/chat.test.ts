import { describe, expect, it } from 'vitest'
import { chatHost, ORG, WAYS } from './support-chat.ts'

const HOUR = 3_600_000

describe.each(WAYS)('chat, over %s', (_name, way) => {
  it('Slack: a person approves and picks a channel, and the event arrives there', async () => {
    const host = await chatHost(way)
    const connection = await host.connectSlack('C0002')
    expect(connection).toMatchObject({
      status: 'active',
      label: expect.stringContaining('breaches'),
      destination: expect.stringMatching(/Acme.*breaches/),
      health: 'unknown',
      config: { workspaceId: 'T0001', workspaceName: 'Acme', channelId: 'C0002', channelName: 'breaches' },
    })
    expect(JSON.stringify(connection)).not.toMatch(/xoxb|hooks\.slack\.com|services/)

    await host.notify()
    const [message] = host.slack.received
    expect(message).toMatchObject({ via: 'chat.postMessage', channel: 'C0002', channelName: 'breaches' })
    expect(message?.text).toContain('Breach logged')
    const blocks = JSON.stringify(message?.blocks)
    for (const part of ['Breach logged', 'A laptop was lost', 'https://app.example.com/breaches/1', 'Acme Privacy']) {
      expect(blocks).toContain(part)
    }
    expect(message?.blocks.map((block) => Object(block).type)).toEqual(['header', 'section', 'actions', 'context'])
    expect(await host.view(connection.id)).toMatchObject({ health: 'ok', latestDelivery: { status: 'delivered' } })
  })

  it('Slack: a bot that was not invited posts by the webhook of the channel that was picked', async () => {
    const host = await chatHost(way, { slack: { channels: [{ id: 'C0002', name: 'breaches', member: false }] } })
    await host.connectSlack('C0002')
    await host.notify()
    expect(host.slack.requests.map((one) => one.error ?? one.operation)).toEqual([
      'oauth.v2.access',
      'not_in_channel',
      'incoming-webhook',
    ])
    expect(host.slack.received).toEqual([expect.objectContaining({ via: 'incoming-webhook', channel: 'C0002' })])
  })

  it('Teams: nothing is sent until a channel is chosen', async () => {
    const host = await chatHost(way)
    const { id, status } = await host.connectTeams()
    expect(status).toBe('incomplete')
    await host.notify()
    expect([host.teams.received, await host.notify()]).toEqual([[], []])

    host.teams.addChannel('team-1', { displayName: 'Breaches' })
    const channel = await host.channel(id, 'Breaches')
    expect(channel.group).toEqual({ id: 'team-1', name: 'Privacy' })
    const chosen = await host.dispatcher.connections.update({ orgId: ORG, id, config: channel.config })
    expect(chosen).toMatchObject({ status: 'active', destination: expect.stringMatching(/Privacy.*Breaches/) })
    await host.notify('Second breach')
    expect(host.teams.received).toEqual([
      expect.objectContaining({ via: 'graph', teamId: 'team-1', channelName: 'Breaches' }),
    ])
    const card = JSON.stringify(host.teams.received[0]?.card)
    for (const part of ['Second breach', 'A laptop was lost', 'https://app.example.com/breaches/1']) {
      expect(card).toContain(part)
    }
  })

  it('Discord: a webhook takes the event, and its end suspends the connection', async () => {
    const host = await chatHost(way)
    const { connection } = await host.dispatcher.connections.create({
      orgId: ORG,
      transport: 'discord',
      config: { url: host.discordUrl },
    })
    await host.notify()
    expect(host.discord.received).toEqual([
      expect.objectContaining({ waited: true, allowedMentions: { parse: [] }, pingsEveryone: false }),
    ])
    expect(JSON.stringify(host.discord.received[0]?.embeds)).toContain('A laptop was lost')

    host.discord.removeWebhook(host.discord.webhookUrl)
    await host.notify()
    expect(await host.view(connection.id)).toMatchObject({ status: 'suspended', reason: { code: 'target_gone' } })
    expect(host.announced).toEqual([`connection.suspended ${connection.id}`])
  })

  it('Slack: tokens that end after twelve hours are refreshed once for all connections of the workspace', async () => {
    const host = await chatHost(way, { slack: { rotation: true } })
    await host.connectSlack('C0001')
    await host.connectSlack('C0002')
    await host.notify()
    host.clock.set(host.clock.now() + 13 * HOUR)
    await host.notify()
    expect(host.slack.received.map((one) => one.channel).sort()).toEqual(['C0001', 'C0001', 'C0002', 'C0002'])
    const [before, after] = [host.slack.received[0]?.token, host.slack.received[3]?.token]
    expect(before).not.toBe(after)
    const accesses = host.slack.requests.filter((one) => one.operation === 'oauth.v2.access')
    expect(accesses.map((one) => one.error)).toEqual([undefined, undefined, undefined])
  })

  it('a token that ends early is refreshed within the delivery', async () => {
    const host = await chatHost(way, { slack: { rotation: true } })
    await host.connectSlack('C0001')
    const { id } = await host.connectTeams()
    const { config } = await host.channel(id, 'General')
    await host.dispatcher.connections.update({ orgId: ORG, id, config })
    host.slack.expireTokens()
    host.teams.expireTokens()
    const deliveries = await host.notify()
    expect([host.slack.received.length, host.teams.received.length]).toEqual([1, 1])
    for (const { id } of deliveries) {
      expect(await host.dispatcher.deliveries.get({ orgId: ORG, id })).toMatchObject({ status: 'delivered' })
    }
    expect(host.slack.requests.map((one) => one.error ?? one.operation)).toEqual([
      'oauth.v2.access',
      'token_expired',
      'oauth.v2.access',
      'chat.postMessage',
    ])
  })

  it('an archived channel suspends; another channel and resume deliver again', async () => {
    const host = await chatHost(way)
    const { id, config } = await host.connectSlack('C0002')
    await host.notify('First')
    host.slack.archive('C0002')
    await host.notify('Second')
    expect(await host.view(id)).toMatchObject({
      status: 'suspended',
      health: 'failing',
      reason: { code: 'target_gone' },
      latestDelivery: { status: 'failed' },
    })
    expect(host.announced).toEqual([`connection.suspended ${id}`])
    const since = host.clock.now() - 1
    expect(await host.notify('Third')).toEqual([])

    const channel = await host.channel(id, 'privacy')
    await host.dispatcher.connections.update({ orgId: ORG, id, config: { ...config, ...channel.config } })
    expect(await host.dispatcher.connections.resume({ orgId: ORG, id })).toMatchObject({ status: 'active' })
    await host.dispatcher.deliveries.replay({ orgId: ORG, connectionId: id, since })
    for (let i = 0; i < 3; i++) await host.notify(`After ${i}`)

    expect(host.slack.received[0]).toMatchObject({ channelName: 'breaches' })
    const later = host.slack.received.slice(1)
    expect(later.map((one) => one.channelName)).toEqual(later.map(() => 'privacy'))
    const texts = later.map((one) => one.text).join('\n')
    for (const title of ['Second', 'Third', 'After 0']) expect(texts).toContain(title)
    expect(await host.view(id)).toMatchObject({ status: 'active', health: 'ok' })
    expect(host.announced).toEqual([`connection.suspended ${id}`, `connection.recovered ${id}`])
  })

  it('an app that was removed suspends; approving again delivers again', async () => {
    const host = await chatHost(way)
    const { id } = await host.connectSlack('C0001')
    host.slack.revokeTokens()
    await host.notify()
    expect(await host.view(id)).toMatchObject({ status: 'suspended', reason: { code: 'token_revoked' } })
    expect(await host.connectSlack('C0001', id)).toMatchObject({ id, status: 'active' })
    await host.notify()
    expect(host.slack.received).toHaveLength(1)
  })

  it('of two channels of a workspace, the last one to be disconnected ends the grant', async () => {
    const host = await chatHost(way)
    const [one, two] = [await host.connectSlack('C0001'), await host.connectSlack('C0002')]
    expect(one.credentialId).toBe(two.credentialId)
    await host.notify()
    expect(host.slack.received.map((message) => message.channel).sort()).toEqual(['C0001', 'C0002'])

    const revoked = () => host.slack.requests.filter((request) => request.operation === 'auth.revoke').length
    await host.dispatcher.connections.delete({ orgId: ORG, id: one.id })
    await host.notify()
    expect(host.slack.received.slice(2).map((message) => message.channel)).toEqual(['C0002'])
    expect(revoked()).toBe(0)

    await host.dispatcher.connections.delete({ orgId: ORG, id: two.id })
    expect(revoked()).toBe(1)
    expect(await host.notify()).toEqual([])
    expect(host.slack.received).toHaveLength(3)
  })
})
