import { undiciHttp } from 'signalbox/http'
import { microsoftOAuth, slackOAuth } from 'signalbox/oauth'
import { discordFake, slackFake, teamsFake } from 'signalbox/testing/msw'
import { discordTransport } from 'signalbox/transports/discord'
import { slackTransport } from 'signalbox/transports/slack'
import { teamsTransport } from 'signalbox/transports/teams'
import { loopback } from './egress.ts'

/** Acme's Slack, Teams and Discord on 127.0.0.1, as strict as the services, and what leads a dispatcher there. */
export async function startChat() {
  const slack = slackFake({
    team: { id: 'T0ACME', name: 'Acme' },
    channels: [
      { id: 'C1', name: 'breaches' },
      { id: 'C2', name: 'cases' },
      { id: 'C3', name: 'policies' },
    ],
  })
  const general = { id: '19:general@thread.tacv2', displayName: 'General' }
  const teams = teamsFake({ teams: [{ id: 'team-1', displayName: 'Privacy', channels: [general] }] })
  const discord = discordFake()
  const here = [await slack.listen(), await teams.listen(), await discord.listen()] as const
  const [slackHere, teamsHere, discordHere] = here
  const http = undiciHttp(loopback)
  return {
    slack,
    teams,
    discord,
    http,
    discordUrl: discordHere.webhookUrl,
    transports: [
      slackTransport(slackHere.options),
      teamsTransport(teamsHere.options),
      discordTransport(discordHere.options),
    ] as const,
    slackOAuth: slackOAuth({ ...slackHere.oauth, http }),
    microsoftOAuth: microsoftOAuth({ ...teamsHere.oauth, http }),
    async close(): Promise<void> {
      await http.close()
      for (const one of here) await one.close()
    },
  }
}
