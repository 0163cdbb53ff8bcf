import { randomUUID } from 'node:crypto'
import { invalidInput } from '../../errors.ts'
import { randomHex } from './values.ts'

export interface TeamsChannelInput {
  /** @default generated */
  readonly id?: string
  readonly displayName: string
  /** @default 'standard' */
  readonly membershipType?: 'standard' | 'private' | 'shared'
}

export interface TeamsTeamInput {
  /** @default generated */
  readonly id?: string
  readonly displayName: string
  /** @default one standard channel, General */
  readonly channels?: readonly TeamsChannelInput[]
}

export interface TeamsChannel extends Required<TeamsChannelInput> {}

export interface TeamsTeam {
  readonly id: string
  readonly displayName: string
  readonly channels: Map<string, TeamsChannel>
}

/** The person who connects. */
export interface MicrosoftUser {
  /** Object id. @default generated */
  readonly id?: string
  /** @default 'Alex Wilber' */
  readonly displayName?: string
  /** @default 'alex@acme.example' */
  readonly userPrincipalName?: string
}

export interface MicrosoftToken {
  readonly scopes: readonly string[]
  /** Epoch ms. */
  expiresAt: number
  revoked: boolean
}

export interface MicrosoftCode {
  readonly scopes: readonly string[]
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  /** Epoch ms. */
  readonly issuedAt: number
  used: boolean
}

export interface MicrosoftState {
  readonly teams: Map<string, TeamsTeam>
  readonly tokens: Map<string, MicrosoftToken>
  readonly refreshTokens: Map<string, { readonly scopes: readonly string[]; revoked: boolean }>
  readonly codes: Map<string, MicrosoftCode>
  /** Paths of workflow triggers, with the signature that their URLs carry. */
  readonly workflows: Map<string, string>
  addTeam(input: TeamsTeamInput): TeamsTeam
  addChannel(teamId: string, input: TeamsChannelInput): TeamsChannel
  issueToken(scopes: readonly string[], now: number): { readonly accessToken: string; readonly expiresAt: number }
  issueRefreshToken(scopes: readonly string[]): string
  /** Answers the URL. */
  addWorkflow(): string
}

/** An hour; Entra ID gives 60 to 90 minutes. */
export const MICROSOFT_TOKEN_LIFETIME_MS = 3_600_000

export function createMicrosoftState(teams: readonly TeamsTeamInput[]): MicrosoftState {
  const state: MicrosoftState = {
    teams: new Map(),
    tokens: new Map(),
    refreshTokens: new Map(),
    codes: new Map(),
    workflows: new Map(),
    addTeam({ id = randomUUID(), displayName, channels = [{ displayName: 'General' }] }) {
      if (state.teams.has(id)) throw invalidInput('id', 'a team has this id already')
      const team: TeamsTeam = { id, displayName, channels: new Map() }
      state.teams.set(id, team)
      for (const channel of channels) state.addChannel(id, channel)
      return team
    },
    addChannel(teamId, { id = `19:${randomHex(32)}@thread.tacv2`, displayName, membershipType = 'standard' }) {
      const team = state.teams.get(teamId)
      if (team === undefined) throw invalidInput('teamId', 'no team has this id')
      const channel: TeamsChannel = { id, displayName, membershipType }
      team.channels.set(id, channel)
      return channel
    },
    issueToken(scopes, now) {
      const accessToken = `eyJ0eXAiOiJKV1QifQ.${randomHex(64)}.${randomHex(64)}`
      const expiresAt = now + MICROSOFT_TOKEN_LIFETIME_MS
      state.tokens.set(accessToken, { scopes, expiresAt, revoked: false })
      return { accessToken, expiresAt }
    },
    issueRefreshToken(scopes) {
      const token = `0.A${randomHex(80)}`
      state.refreshTokens.set(token, { scopes, revoked: false })
      return token
    },
    addWorkflow() {
      const path = `/workflows/${randomHex(32)}/triggers/manual/paths/invoke`
      const signature = randomHex(43)
      state.workflows.set(path, signature)
      const query = `api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=${signature}`
      return `https://prod-00.westeurope.logic.azure.com${path}?${query}`
    },
  }
  for (const team of teams) state.addTeam(team)
  return state
}
