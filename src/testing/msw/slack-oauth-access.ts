import type { Call, Reply } from './fake.ts'
import { slackError } from './slack-api.ts'
import type { IssuedSlackToken, SlackIncomingWebhook, SlackState, SlackTeam } from './slack-state.ts'
import { clientCredentials, formOf, type JsonObject, mediaType } from './values.ts'

/** The app, as its settings at Slack say. */
export interface SlackApp {
  readonly clientId: string
  readonly clientSecret: string
  readonly redirectUri: string
}

export interface SlackAccessParts {
  readonly state: SlackState
  readonly app: SlackApp
  readonly rotation: boolean
  readonly call: Call
}

/** Ten minutes, from docs.slack.dev/authentication/installing-with-oauth. */
const CODE_LIFETIME_MS = 600_000

/** `oauth.v2.access`: a code or a refresh token becomes tokens. */
export function oauthAccess(parts: SlackAccessParts): Reply {
  const { call, app } = parts
  if (call.method !== 'POST') return slackError('invalid_arguments')
  if (mediaType(call.headers) !== 'application/x-www-form-urlencoded') return slackError('invalid_post_type')
  const form = formOf(call.text)
  const client = clientCredentials(call.headers, form)
  if (client.id !== app.clientId) return slackError('invalid_client_id')
  if (client.secret !== app.clientSecret) return slackError('bad_client_secret')
  const grantType = form.get('grant_type') ?? 'authorization_code'
  if (grantType === 'authorization_code') return redeem(parts, form)
  if (grantType === 'refresh_token') return refresh(parts, form)
  return slackError('invalid_grant_type')
}

function redeem({ state, app, rotation, call }: SlackAccessParts, form: URLSearchParams): Reply {
  const value = form.get('code') ?? ''
  const code = state.codes.get(value)
  if (code === undefined || code.issuedAt + CODE_LIFETIME_MS <= call.at) return slackError('invalid_code')
  const redirectUri = form.get('redirect_uri') ?? undefined
  if (redirectUri !== code.redirectUri) return slackError('bad_redirect_uri')
  state.codes.delete(value)
  const issued = state.install(code.team, code.scopes, call.at, rotation)
  const wantsWebhook = code.channelId !== undefined && code.scopes.includes('incoming-webhook')
  const webhook = wantsWebhook ? state.addWebhook(code.channelId) : undefined
  const hook = webhook === undefined ? {} : { incoming_webhook: webhookObject(state, webhook, call) }
  return { status: 200, json: { ...tokenObject(issued, code.team, code.scopes, app, call.at), ...hook } }
}

function refresh({ state, app, rotation, call }: SlackAccessParts, form: URLSearchParams): Reply {
  const value = form.get('refresh_token') ?? ''
  const held = state.refreshTokens.get(value)
  if (!rotation || held === undefined) return slackError('invalid_refresh_token')
  state.refreshTokens.delete(value)
  const issued = state.issue(held.team, held.scopes, call.at, true)
  return { status: 200, json: tokenObject(issued, held.team, held.scopes, app, call.at) }
}

function tokenObject(
  issued: IssuedSlackToken,
  team: SlackTeam,
  scopes: readonly string[],
  app: SlackApp,
  now: number,
): JsonObject {
  return {
    ok: true,
    access_token: issued.accessToken,
    token_type: 'bot',
    scope: scopes.join(','),
    bot_user_id: 'U0BOT',
    app_id: `A${app.clientId.replaceAll(/\W/g, '').toUpperCase()}`,
    team: { id: team.id, name: team.name },
    enterprise: null,
    is_enterprise_install: false,
    authed_user: { id: 'U0PERSON' },
    ...(issued.expiresAt === undefined
      ? {}
      : { expires_in: Math.round((issued.expiresAt - now) / 1000), refresh_token: issued.refreshToken }),
  }
}

function webhookObject(state: SlackState, webhook: SlackIncomingWebhook, call: Call): JsonObject {
  const channel = state.channels.get(webhook.channelId)
  return {
    channel: `${channel?.private === true ? '' : '#'}${channel?.name}`,
    channel_id: webhook.channelId,
    configuration_url: `https://workspace.slack.com/services/${webhook.path.split('/')[3]}`,
    url: call.link(webhook.url),
  }
}
