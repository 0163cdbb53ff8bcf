/**
 * Services that live in the test, for msw: Slack, Microsoft Teams, Discord, HubSpot, Salesforce and a webhook receiver, as
 * strict as the real ones. Two ways to use each of them:
 *
 * - `setupServer(...fake.handlers)` of `msw/node` sees global fetch: give the dispatcher `http: fetchHttp()`.
 * - `await fake.listen()` serves the same on 127.0.0.1, for the default HTTP client and for other processes: give the
 *   dispatcher `egress: listening.egress`, and the transports and OAuth providers the options that come with it.
 *
 * Not exported: the checks of blocks, cards and embeds. They are part of what the fakes answer.
 */
export type { Redirect } from './msw/approve.ts'
export {
  type DiscordFailure,
  type DiscordFake,
  type DiscordFakeOptions,
  type DiscordListening,
  type DiscordOperation,
  type DiscordReceived,
  type DiscordWebhook,
  discordFake,
} from './msw/discord.ts'
export type { Fake, FakeRequest } from './msw/fake.ts'
export type { FailOptions } from './msw/faults.ts'
export type { GraphOperation, TeamsReceived } from './msw/graph.ts'
export {
  type HubspotFailure,
  type HubspotFake,
  type HubspotFakeOptions,
  type HubspotListening,
  type HubspotOperation,
  type HubspotReceived,
  type HubspotWord,
  hubspotFake,
} from './msw/hubspot.ts'
export type { Loopback } from './msw/loopback.ts'
export type {
  MicrosoftUser,
  TeamsChannel,
  TeamsChannelInput,
  TeamsTeam,
  TeamsTeamInput,
} from './msw/microsoft-state.ts'
export type { MicrosoftApp } from './msw/microsoft-token.ts'
export type { RateLimit } from './msw/rate-limiter.ts'
export {
  type SalesforceFailure,
  type SalesforceFake,
  type SalesforceFakeOptions,
  type SalesforceListening,
  type SalesforceOperation,
  type SalesforceReceived,
  type SalesforceWord,
  salesforceFake,
} from './msw/salesforce.ts'
export {
  type SlackApproval,
  type SlackFailure,
  type SlackFake,
  type SlackFakeOptions,
  type SlackListening,
  type SlackOperation,
  slackFake,
} from './msw/slack.ts'
export type { SlackReceived } from './msw/slack-api.ts'
export type { SlackApp } from './msw/slack-oauth-access.ts'
export type { IssuedSlackToken, SlackChannel, SlackChannelInput, SlackTeam } from './msw/slack-state.ts'
export { type TeamsFake, type TeamsFakeOptions, type TeamsListening, teamsFake } from './msw/teams.ts'
export type { TeamsFailure, TeamsOperation } from './msw/teams-failure.ts'
export type { JsonObject } from './msw/values.ts'
export {
  type WebhookReceived,
  type WebhookReceiverFake,
  type WebhookReceiverFakeOptions,
  type WebhookReceiverListening,
  webhookReceiverFake,
} from './msw/webhook-receiver.ts'
