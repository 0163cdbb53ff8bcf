import type { Reply } from './fake.ts'
import type { SlackMethodParts } from './slack-api.ts'
import { readContent } from './slack-arguments.ts'
import { checkBlocks, MAX_BLOCKS_LENGTH } from './slack-blocks.ts'
import { isObject, mediaType, parseJson } from './values.ts'

/** Incoming webhooks answer with a status and a word in plain text. */
export function webhookError(error: string, status: number = WEBHOOK_STATUS[error] ?? 400): Reply {
  return { status, text: error, error }
}

/** docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, "Handling errors"; what is not named there is 400. */
const WEBHOOK_STATUS: Readonly<Record<string, number>> = {
  action_prohibited: 403,
  invalid_token: 403,
  posting_to_general_channel_denied: 403,
  channel_not_found: 404,
  no_service: 404,
  no_team: 404,
  channel_is_archived: 410,
  ratelimited: 429,
  rate_limited: 429,
  rollup_error: 500,
  fatal_error: 500,
  internal_error: 500,
  service_unavailable: 503,
}

/** Answers a POST to `https://hooks.slack.com/services/…`. */
export function postToWebhook({ state, call, limiter, post }: Omit<SlackMethodParts, 'pageSize'>): Reply {
  if (call.method !== 'POST') return webhookError('invalid_payload')
  const webhook = state.webhooks.get(call.url.pathname)
  if (webhook === undefined) {
    const known = [...state.webhooks.keys()].some((path) => sameService(path, call.url.pathname))
    return webhookError(known ? 'invalid_token' : 'no_service')
  }
  const channel = state.channels.get(webhook.channelId)
  if (channel === undefined) return webhookError('channel_not_found')
  if (channel.archived) return webhookError('channel_is_archived')
  const form = mediaType(call.headers) === 'application/x-www-form-urlencoded'
  const body = parseJson(form ? (new URLSearchParams(call.text).get('payload') ?? '') : call.text)
  if (!isObject(body) || (!form && mediaType(call.headers) !== 'application/json')) {
    return webhookError('invalid_payload')
  }
  const content = readContent(body)
  if (!content.ok) return webhookError(content.error)
  if (checkBlocks(content.blocks).length > 0) return webhookError('invalid_blocks')
  if (JSON.stringify(content.blocks).length > MAX_BLOCKS_LENGTH) return webhookError('invalid_blocks')
  const allowance = limiter.take(channel.id, call.at)
  if (allowance?.ok === false) {
    const headers = { 'retry-after': String(Math.ceil(allowance.waitMs / 1000)) }
    return { ...webhookError('rate_limited'), headers }
  }
  const { text, blocks } = content
  post({ via: 'incoming-webhook', channel: channel.id, channelName: channel.name, text, blocks, body })
  return { status: 200, text: 'ok' }
}

/** Equal but for the secret at the end. */
function sameService(one: string, other: string): boolean {
  return one.split('/').slice(0, 4).join('/') === other.split('/').slice(0, 4).join('/')
}
