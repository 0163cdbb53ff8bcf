import { describe, expect, it } from 'vitest'
import { slackTransport } from '../../../src/transports/slack.ts'
import { CHANNEL, CONFIG, HOOK_PATH, parsed } from './support.ts'

describe('the config of a Slack connection', () => {
  it('fills in names by ids, takes # off, and accepts what it gives', async () => {
    const minimal = await parsed({ workspaceId: 'T1', channelId: 'C1' })
    expect(minimal).toEqual({ workspaceId: 'T1', workspaceName: 'T1', channelId: 'C1', channelName: 'C1' })
    const whole = await parsed({
      ...CONFIG,
      channelName: ' #alerts ',
      webhookUrl: `https://hooks.slack.com${HOOK_PATH}`,
      webhookChannelId: CHANNEL,
    })
    expect(whole).toEqual({
      ...CONFIG,
      webhookUrl: `https://hooks.slack.com${HOOK_PATH}`,
      webhookChannelId: CHANNEL,
    })
    for (const config of [minimal, whole]) expect(await parsed(config)).toEqual(config)
    expect(await parsed({ workspaceId: 'T1', channelName: 'alerts' })).toEqual({
      workspaceId: 'T1',
      workspaceName: 'T1',
    })
  })

  it.each([
    ['no workspace', {}],
    ['a channel by its name', { ...CONFIG, channelId: '#alerts' }],
    ['an empty channel', { ...CONFIG, channelId: '' }],
    ['a key that it does not know', { ...CONFIG, channel: 'C1' }],
    ['a webhook of somebody else', { ...CONFIG, webhookUrl: 'https://hooks.example.com/services/T/B/x' }],
    ['a webhook by plain HTTP', { ...CONFIG, webhookUrl: 'http://hooks.slack.com/services/T/B/x' }],
    ['a host that ends like Slack', { ...CONFIG, webhookUrl: 'https://evilhooks.slack.com/services/T/B/x' }],
    ['a webhook that is no URL', { ...CONFIG, webhookUrl: 'hooks.slack.com' }],
  ])('refuses %s', async (_what, input) => {
    await expect(parsed(input)).rejects.toThrow()
  })

  it('takes webhooks of GovSlack, or of the hosts that it is told', async () => {
    const gov = { ...CONFIG, webhookUrl: 'https://hooks.slack-gov.com/services/T/B/x' }
    expect(await parsed(gov)).toMatchObject(gov)
    const fake = { ...CONFIG, webhookUrl: 'http://127.0.0.1:8080/services/T/B/x' }
    expect(await parsed(fake, { webhookHosts: ['127.0.0.1:8080'] })).toMatchObject(fake)
    await expect(parsed(gov, { webhookHosts: ['127.0.0.1:8080'] })).rejects.toThrow()
  })

  it('is incomplete without a channel, and shows workspace and channel by name', async () => {
    const { missing, defaultLabel, describe } = slackTransport()
    const cards = await Promise.all(
      [CONFIG, { workspaceId: 'T1' }, { workspaceId: 'T1', channelId: 'C1' }].map((input) => parsed(input)),
    )
    expect(cards.map((config) => missing?.(config))).toEqual([[], ['a channel'], []])
    expect(cards.map((config) => defaultLabel?.(config))).toEqual(['#alerts', 'T1', 'C1'])
    expect(cards.map((config) => describe?.(config))).toEqual(['Acme · #alerts', 'T1', 'T1 · C1'])
  })
})
