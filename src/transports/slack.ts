import type { Connection, Pace } from '../contracts/connection.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome, RetryPolicy } from '../contracts/outcome.ts'
import type { SendContext, Transport } from '../contracts/transport.ts'
import { outcomeText } from '../delivery/reasons.ts'
import { slackApiOutcome, slackWebhookOutcome } from '../delivery/slack-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { slackHookUrl } from '../http/slack-hook-url.ts'
import { toJson } from '../payloads/json.ts'
import { type SlackMessage, slackMessage } from '../payloads/slack.ts'
import { slackChannels } from './slack/channels.ts'
import { channelLabel, FIELDS, type SlackConfig, type SlackConfigInput, slackConfig } from './slack/config.ts'

export type { SlackConfig, SlackConfigInput }

export interface SlackTransportOptions<Name extends string = 'slack'> {
  /** Unique in a dispatcher. @default 'slack' */
  readonly name?: Name
  /** Slack's Web API, e.g. `https://slack-gov.com/api`, or a fake in tests. @default 'https://slack.com/api' */
  readonly apiUrl?: string
  /** Where a `webhookUrl` may lead: hosts as `URL.host` gives them. @default hooks.slack.com and hooks.slack-gov.com */
  readonly webhookHosts?: readonly string[]
  /** @default one message a second: above that, Slack may hide messages of a channel without a word */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For a whole delivery, in ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
  /**
   * Draws messages in your own way; `undefined`: in the usual one. Pure. What it gives is sent as it is: keep Slack's
   * limits, and escape text of others (`escapeSlackText` of `signalbox/payloads`) or put it in `plain_text`.
   */
  render?(message: Message, connection: Connection<SlackConfig>): SlackMessage | undefined
}

/**
 * Posts to Slack channels as an app (`chat.postMessage`, scope `chat:write`), with tokens of the dispatcher's `tokens`.
 * Where the bot is not a member of the channel, the incoming webhook of the OAuth grant takes over, if it is bound to
 * that channel. The receipt is `{ channel, ts }`. Slack knows no idempotency key: a retry after an ambiguous failure may
 * post twice (`retry.ambiguous`).
 *
 * @throws SignalboxError `invalid_input` for options that break a rule.
 * @see https://docs.slack.dev/reference/methods/chat.postMessage
 * @example
 * createDispatcher({
 *   store: memoryStore(),
 *   transports: [slackTransport()],
 *   tokens: storedTokens({ providers: [slackOAuth({ clientId, clientSecret, redirectUri })] }),
 * })
 */
export function slackTransport<const Name extends string = 'slack'>(
  options: SlackTransportOptions<Name> = {},
): Transport<Name, SlackConfigInput, SlackConfig, string> {
  checkOptions(options, OPTIONS)
  const { pace = { perSecond: 1, burst: 1 }, deadlineMs = 10_000 } = options
  const name = (options.name ?? 'slack') as Name
  checkTransportName(name)
  checkDeadlineMs(deadlineMs)
  checkPaceOption(pace)
  const apiUrl = checkedApiUrl(options.apiUrl ?? 'https://slack.com/api')
  return {
    name,
    provider: 'slack',
    config: slackConfig(slackHookUrl(options.webhookHosts, 'webhookHosts')),
    fields: FIELDS,
    deadlineMs,
    ...(pace === false ? {} : { pace }),
    ...(options.retry === undefined ? {} : { retry: options.retry }),
    ...(options.render === undefined ? { variant: () => 'slack' } : {}),
    missing: (config) => (config.channelId === undefined ? ['a channel'] : []),
    defaultLabel: (config) => channelLabel(config) ?? config.workspaceName,
    describe: (config) => [config.workspaceName, channelLabel(config)].filter((part) => part !== undefined).join(' · '),
    build(message, connection) {
      const { text, blocks } = options.render?.(message, connection) ?? slackMessage(message)
      // What an incoming webhook takes as it is, and chat.postMessage with the channel.
      return toJson({ text, blocks })
    },
    send: (body, context) => post(body, context, apiUrl),
    channels: (context) => slackChannels(context, { apiUrl, config: context.connection.config }),
  }
}

const CONTENT_TYPE = 'application/json; charset=utf-8'

const OPTIONS: readonly string[] = [
  'name',
  'apiUrl',
  'webhookHosts',
  'pace',
  'retry',
  'deadlineMs',
  'render',
] satisfies (keyof SlackTransportOptions)[]

async function post(body: string, context: SendContext<SlackConfig>, apiUrl: string): Promise<Outcome> {
  const { token } = context
  const { channelId, webhookUrl, webhookChannelId } = context.connection.config
  if (channelId === undefined) return { kind: 'rejected', code: 'config_invalid', detail: 'No channel is chosen' }
  if (token === undefined || token === '') return { kind: 'reauthorize', code: 'token_missing' }
  const request = {
    method: 'POST',
    url: `${apiUrl}/chat.postMessage`,
    headers: { 'content-type': CONTENT_TYPE, authorization: `Bearer ${token}` },
    body: withChannel(body, channelId),
  } as const
  const outcome = await requestOutcome(context, request, slackApiOutcome)
  if (!isOutOfReach(outcome) || webhookUrl === undefined || webhookChannelId !== channelId) return outcome
  const hook = { method: 'POST', url: webhookUrl, headers: { 'content-type': CONTENT_TYPE }, body } as const
  const second = await requestOutcome(context, hook, slackWebhookOutcome)
  if (second.kind === 'delivered') return second
  const detail = second.detail ?? outcomeText(second.code, second.status)
  return { ...second, detail: `${detail} (incoming webhook; chat.postMessage: ${outcome.providerCode})` }
}

/** The message is shared by all connections that it goes to: what is special to one is put around it. */
function withChannel(body: string, channelId: string): string {
  return `{"channel":${JSON.stringify(channelId)},${body.slice(1, -1)},"unfurl_links":false,"unfurl_media":false}`
}

/** The bot is not in the channel: for a public one Slack says so, a private one does not exist for the bot. */
function isOutOfReach(outcome: Outcome): outcome is Extract<Outcome, { kind: 'gone' }> {
  if (outcome.kind !== 'gone') return false
  return outcome.providerCode === 'not_in_channel' || outcome.providerCode === 'channel_not_found'
}

function checkedApiUrl(url: string): string {
  if (typeof url !== 'string' || !/^https?:\/\/[^?#]+$/.test(url) || !URL.canParse(url)) {
    throw invalidInput('apiUrl', 'must be an absolute URL without a query')
  }
  return url.replace(/\/+$/, '')
}
