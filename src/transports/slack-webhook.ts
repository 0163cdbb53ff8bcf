import { z } from 'zod'
import type { Connection, Pace } from '../contracts/connection.ts'
import type { Message } from '../contracts/message.ts'
import type { RetryPolicy } from '../contracts/outcome.ts'
import type { FieldDescription, Transport } from '../contracts/transport.ts'
import { slackWebhookOutcome } from '../delivery/slack-outcome.ts'
import { checkDeadlineMs, checkPaceOption, checkTransportName } from '../delivery/transport-options.ts'
import { checkOptions } from '../errors.ts'
import { truncatedUrl } from '../http/redact.ts'
import { requestOutcome } from '../http/request-outcome.ts'
import { slackHookUrl } from '../http/slack-hook-url.ts'
import { toJson } from '../payloads/json.ts'
import { type SlackMessage, slackMessage } from '../payloads/slack.ts'

export interface SlackWebhookConfig {
  /** Secret: whoever has it can post. `https://hooks.slack.com/services/…` */
  readonly url: string
}

export interface SlackWebhookTransportOptions<Name extends string = 'slack-webhook'> {
  /** Unique in a dispatcher. @default 'slack-webhook' */
  readonly name?: Name
  /** Where webhooks may live: hosts as `URL.host` gives them. @default hooks.slack.com and hooks.slack-gov.com */
  readonly hosts?: readonly string[]
  /** @default one message a second: above that, Slack may hide messages of a channel without a word */
  readonly pace?: Pace | false
  /** @default the dispatcher's */
  readonly retry?: RetryPolicy
  /** For the whole exchange, in ms, 100 to 60,000. @default 10_000 */
  readonly deadlineMs?: number
  /**
   * Draws messages in your own way; `undefined`: in the usual one. Pure. What it gives is sent as it is: keep Slack's
   * limits, and escape text of others (`escapeSlackText` of `signalbox/payloads`) or put it in `plain_text`.
   */
  render?(message: Message, connection: Connection<SlackWebhookConfig>): SlackMessage | undefined
}

/**
 * Posts to the one channel of a Slack incoming webhook, by a URL that a person made in Slack and pasted: no OAuth, no
 * receipt. Channels that people pick, and messages that are found again, are `slackTransport`'s.
 *
 * @throws SignalboxError `invalid_input` for options that break a rule.
 * @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 * @example
 * createDispatcher({ store: memoryStore(), transports: [slackWebhookTransport()] })
 */
export function slackWebhookTransport<const Name extends string = 'slack-webhook'>(
  options: SlackWebhookTransportOptions<Name> = {},
): Transport<Name, SlackWebhookConfig, SlackWebhookConfig, string> {
  checkOptions(options, OPTIONS)
  const { pace = { perSecond: 1, burst: 1 }, deadlineMs = 10_000 } = options
  const name = (options.name ?? 'slack-webhook') as Name
  checkTransportName(name)
  checkDeadlineMs(deadlineMs)
  checkPaceOption(pace)
  const isHookUrl = slackHookUrl(options.hosts, 'hosts')
  return {
    name,
    config: z.strictObject({
      url: z
        .string()
        .max(2048, 'must be at most 2048 characters')
        .refine(isHookUrl, 'must be an incoming webhook of Slack'),
    }),
    fields: FIELDS,
    deadlineMs,
    ...(pace === false ? {} : { pace }),
    ...(options.retry === undefined ? {} : { retry: options.retry }),
    ...(options.render === undefined ? { variant: () => 'slack' } : {}),
    defaultLabel: (config) => new URL(config.url).host,
    describe: (config) => truncatedUrl(config.url, { originOnly: true }),
    build(message, connection) {
      const { text, blocks } = options.render?.(message, connection) ?? slackMessage(message)
      return toJson({ text, blocks })
    },
    send(body, context) {
      const { url } = context.connection.config
      const request = {
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body,
      } as const
      return requestOutcome(context, request, slackWebhookOutcome)
    },
  }
}

const OPTIONS: readonly string[] = [
  'name',
  'hosts',
  'pace',
  'retry',
  'deadlineMs',
  'render',
] satisfies (keyof SlackWebhookTransportOptions)[]

const FIELDS: readonly FieldDescription[] = [
  { name: 'url', label: 'Incoming webhook URL', kind: 'url', required: true, secret: true },
]
