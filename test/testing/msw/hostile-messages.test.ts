import fc from 'fast-check'
import { expect, it } from 'vitest'
import { adaptiveCard, discordMessage, slackMessage } from '../../../src/payloads/index.ts'
import { discordFake, slackFake, teamsFake } from '../../../src/testing/msw.ts'
import { hostileMessage } from '../../payloads/support/hostile-messages.ts'
import { intercept, postJson } from './support.ts'

const RUNS = { numRuns: 40 }

it('Slack takes whatever an event says, by both ways', async () => {
  const slack = slackFake()
  intercept(slack)
  const headers = { authorization: `Bearer ${slack.token}` }
  const webhook = slack.addWebhook('C0001')
  await fc.assert(
    fc.asyncProperty(hostileMessage, async (message) => {
      const body = slackMessage(message)
      const posted = await postJson('https://slack.com/api/chat.postMessage', { channel: 'C0001', ...body }, headers)
      expect(posted.json).toMatchObject({ ok: true })
      expect((await postJson(webhook, body)).text).toBe('ok')
    }),
    RUNS,
  )
  expect(slack.received).toHaveLength(2 * RUNS.numRuns)
})

it('Teams takes whatever an event says, by both ways', async () => {
  const teams = teamsFake()
  intercept(teams)
  const headers = { authorization: `Bearer ${teams.token}` }
  const workflow = teams.addWorkflow()
  const contentType = 'application/vnd.microsoft.card.adaptive'
  await fc.assert(
    fc.asyncProperty(hostileMessage, async (message) => {
      const card = adaptiveCard(message)
      const graph = {
        body: { contentType: 'html', content: '<attachment id="a"></attachment>' },
        attachments: [{ id: 'a', contentType, contentUrl: null, content: JSON.stringify(card) }],
      }
      const url = 'https://graph.microsoft.com/v1.0/teams/team-1/channels/19%3Ageneral%40thread.tacv2/messages'
      expect((await postJson(url, graph, headers)).json?.error).toBeUndefined()
      const attachments = [{ contentType, contentUrl: null, content: card }]
      expect((await postJson(workflow, { type: 'message', attachments })).status).toBe(202)
    }),
    RUNS,
  )
  expect(teams.received).toHaveLength(2 * RUNS.numRuns)
})

it('Discord takes whatever an event says, and pings nobody', async () => {
  const discord = discordFake()
  intercept(discord)
  await fc.assert(
    fc.asyncProperty(hostileMessage, async (message) => {
      const answer = await postJson(`${discord.webhookUrl}?wait=true`, discordMessage(message))
      expect(answer.json?.errors).toBeUndefined()
      expect(answer.status).toBe(200)
    }),
    RUNS,
  )
  expect(discord.received.filter((one) => one.pingsEveryone)).toEqual([])
  expect(discord.received).toHaveLength(RUNS.numRuns)
})
