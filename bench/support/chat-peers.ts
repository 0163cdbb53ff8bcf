/** Messages by the clients that people use, with the defaults of each. */
import type { Json, Send } from './chat-contests.ts'
import { PATHS } from './chat-service.ts'
import { importPeer } from './peers.ts'

/** `bodies`: the JSON of each message, made before. */
export async function openPeer(name: string, origin: string, bodies: readonly Json[]): Promise<Send> {
  const bodyOf = (index: number): Json => bodies[index % bodies.length] ?? {}
  switch (name) {
    case '@slack/web-api': {
      const { WebClient } = await importPeer<WebApi>(name)
      const client = new WebClient('xoxb-not-a-token', { slackApiUrl: `${origin}/api/` })
      return (index) => client.chat.postMessage(bodyOf(index))
    }
    case '@slack/webhook': {
      const { IncomingWebhook } = await importPeer<SlackWebhook>(name)
      const client = new IncomingWebhook(`${origin}${PATHS.slackHook}`)
      return (index) => client.send(bodyOf(index))
    }
    case 'ms-teams-webhook': {
      const { IncomingWebhook } = await importPeer<TeamsWebhook>(name)
      const client = new IncomingWebhook(`${origin}${PATHS.workflow}`)
      return (index) => client.sendRawAdaptiveCard(bodyOf(index))
    }
    case 'axios': {
      const { default: axios } = await importPeer<Axios>(name)
      return (index) => axios.post(`${origin}${PATHS.hook}`, bodyOf(index))
    }
    case 'notifme-sdk': {
      // Its Slack channel POSTs any JSON to a URL; it has no other webhook.
      const providers = [{ type: 'webhook', webhookUrl: `${origin}${PATHS.hook}` }] as const
      const Notifme = (await importPeer<Notifme>(name)).default.default
      const client = new Notifme({ channels: { slack: { providers } } })
      return async (index) => {
        const { status } = await client.send({ slack: bodyOf(index) })
        if (status !== 'success') throw new Error(`notifme-sdk: ${status}`)
      }
    }
    case 'svix': {
      const { Svix } = await importPeer<SvixClient>(name)
      const client = new Svix('not-a-token', { serverUrl: origin })
      return (index) => client.message.create('app_1', { eventType: 'case_assigned', payload: bodyOf(index) })
    }
    default:
      return async (index) => {
        const response = await fetch(`${origin}${PATHS.hook}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(bodyOf(index)),
        })
        await response.text()
        if (!response.ok) throw new Error(`fetch: HTTP ${response.status}`)
      }
  }
}

/** Of each package, what is used of it. */
interface WebApi {
  WebClient: new (
    token: string,
    options: { slackApiUrl: string },
  ) => {
    chat: { postMessage(body: Json): Promise<unknown> }
  }
}
interface SlackWebhook {
  IncomingWebhook: new (url: string) => { send(body: Json): Promise<unknown> }
}
interface TeamsWebhook {
  IncomingWebhook: new (url: string) => { sendRawAdaptiveCard(body: Json): Promise<unknown> }
}
interface Axios {
  default: { post(url: string, body: Json): Promise<unknown> }
}
interface Notifme {
  default: {
    default: new (options: {
      channels: { slack: { providers: readonly { type: 'webhook'; webhookUrl: string }[] } }
    }) => { send(request: { slack: Json }): Promise<{ status: string }> }
  }
}
interface SvixClient {
  Svix: new (
    token: string,
    options: { serverUrl: string },
  ) => {
    message: { create(app: string, message: { eventType: string; payload: Json }): Promise<unknown> }
  }
}
