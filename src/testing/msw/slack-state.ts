import { invalidInput } from '../../errors.ts'
import { randomHex } from './values.ts'

/** A workspace. */
export interface SlackTeam {
  readonly id: string
  readonly name: string
}

export interface SlackChannelInput {
  /** @default generated */
  readonly id?: string
  /** Without `#`. */
  readonly name: string
  /** @default false */
  readonly private?: boolean
  /** Whether the app's bot has been invited. @default true */
  readonly member?: boolean
  /** @default false */
  readonly archived?: boolean
  /** The id of its workspace. @default the fake's `team` */
  readonly teamId?: string
}

export interface SlackChannel extends Required<SlackChannelInput> {
  readonly id: string
}

/** Why a token is no good; `undefined`: it is good. */
export type TokenFault = 'token_expired' | 'token_revoked'

export interface SlackToken {
  readonly token: string
  readonly team: SlackTeam
  readonly scopes: readonly string[]
  /** Epoch ms. */
  readonly expiresAt: number | undefined
  fault: TokenFault | undefined
}

/** What a person approved, until the app comes with its code. */
export interface SlackCode {
  readonly team: SlackTeam
  readonly channelId: string | undefined
  readonly scopes: readonly string[]
  readonly redirectUri: string | undefined
  /** Epoch ms. */
  readonly issuedAt: number
}

export interface SlackIncomingWebhook {
  readonly url: string
  readonly path: string
  readonly channelId: string
  readonly teamId: string
}

/** Slack's side of things: workspaces with channels, and what the app was given. */
export interface SlackState {
  readonly channels: Map<string, SlackChannel>
  readonly tokens: Map<string, SlackToken>
  /** Unused refresh tokens. */
  readonly refreshTokens: Map<string, { readonly team: SlackTeam; readonly scopes: readonly string[] }>
  readonly codes: Map<string, SlackCode>
  /** By path. */
  readonly webhooks: Map<string, SlackIncomingWebhook>
  addChannel(input: SlackChannelInput): SlackChannel
  change(id: string, patch: Partial<SlackChannel>): void
  issue(team: SlackTeam, scopes: readonly string[], now: number, rotating: boolean): IssuedSlackToken
  /** The token that an installation gives: without rotation a workspace has one, with the scopes of all its grants. */
  install(team: SlackTeam, scopes: readonly string[], now: number, rotating: boolean): IssuedSlackToken
  addWebhook(channelId: string): SlackIncomingWebhook
  /** Ends everything that the app holds of one workspace, or of all. */
  uninstall(teamId?: string): void
}

export interface IssuedSlackToken {
  readonly accessToken: string
  readonly refreshToken?: string
  /** Epoch ms. */
  readonly expiresAt?: number
}

/** 12 hours: `expires_in` of rotated tokens (docs.slack.dev, "Using token rotation"). */
export const SLACK_TOKEN_LIFETIME_MS = 43_200_000

export function createSlackState(team: SlackTeam, channels: readonly SlackChannelInput[]): SlackState {
  let created = 0
  const installed = new Map<string, string>()
  const state: SlackState = {
    channels: new Map(),
    tokens: new Map(),
    refreshTokens: new Map(),
    codes: new Map(),
    webhooks: new Map(),
    addChannel(input) {
      created += 1
      const channel: SlackChannel = {
        id: `C${String(created).padStart(10, '0')}`,
        private: false,
        member: true,
        archived: false,
        teamId: team.id,
        ...input,
      }
      if (state.channels.has(channel.id)) throw invalidInput('id', 'a channel has this id already')
      state.channels.set(channel.id, channel)
      return channel
    },
    change(id, patch) {
      const channel = state.channels.get(id)
      if (channel === undefined) throw invalidInput('id', 'no channel has this id')
      state.channels.set(id, { ...channel, ...patch })
    },
    issue(team, scopes, now, rotating) {
      const accessToken = `${rotating ? 'xoxe.' : ''}xoxb-${randomHex(12)}-${randomHex(24)}`
      const expiresAt = rotating ? now + SLACK_TOKEN_LIFETIME_MS : undefined
      state.tokens.set(accessToken, { token: accessToken, team, scopes, expiresAt, fault: undefined })
      if (expiresAt === undefined) return { accessToken }
      const refreshToken = `xoxe-1-${randomHex(40)}`
      state.refreshTokens.set(refreshToken, { team, scopes })
      return { accessToken, refreshToken, expiresAt }
    },
    install(team, scopes, now, rotating) {
      if (rotating) return state.issue(team, scopes, now, rotating)
      const standing = state.tokens.get(installed.get(team.id) ?? '')
      if (standing === undefined || standing.fault !== undefined) {
        const issued = state.issue(team, scopes, now, rotating)
        installed.set(team.id, issued.accessToken)
        return issued
      }
      state.tokens.set(standing.token, { ...standing, scopes: [...new Set([...standing.scopes, ...scopes])] })
      return { accessToken: standing.token }
    },
    addWebhook(channelId) {
      const channel = state.channels.get(channelId)
      if (channel === undefined) throw invalidInput('channelId', 'no channel has this id')
      const path = `/services/${channel.teamId}/B${randomHex(10).toUpperCase()}/${randomHex(24)}`
      const webhook = { url: `https://hooks.slack.com${path}`, path, channelId, teamId: channel.teamId }
      state.webhooks.set(path, webhook)
      return webhook
    },
    uninstall(teamId) {
      const concerned = (id: string): boolean => teamId === undefined || id === teamId
      for (const token of state.tokens.values()) if (concerned(token.team.id)) token.fault = 'token_revoked'
      for (const [key, { team }] of state.refreshTokens) if (concerned(team.id)) state.refreshTokens.delete(key)
      for (const [path, webhook] of state.webhooks) if (concerned(webhook.teamId)) state.webhooks.delete(path)
    },
  }
  for (const channel of channels) state.addChannel(channel)
  return state
}
