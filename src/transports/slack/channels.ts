import type { FailedOutcome, Outcome } from '../../contracts/outcome.ts'
import type { Channel, ChannelsContext } from '../../contracts/transport.ts'
import { asObject, asText, type JsonObject, jsonObject } from '../../delivery/provider-error.ts'
import { outcomeText } from '../../delivery/reasons.ts'
import { slackApiOutcome } from '../../delivery/slack-outcome.ts'
import { SignalboxError } from '../../errors.ts'
import { redact } from '../../http/redact.ts'
import { requestOutcome } from '../../http/request-outcome.ts'
import type { SlackConfig } from './config.ts'

/** Slack allows 999 and recommends at most 200; larger pages ask a method of 20 calls a minute less often. */
const PAGE_SIZE = 500
const MAX_PAGES = 20
/** A channel with a long topic and purpose takes 2 to 3 KiB. */
const MAX_PAGE_BYTES = 4_194_304

const PUBLIC = 'public_channel'
const ALL = 'public_channel,private_channel'

/**
 * The channels of a workspace that are not archived, by `conversations.list`: public ones, and the private ones that the
 * app is a member of (where its scopes include `groups:read`). At most 10,000.
 *
 * @throws SignalboxError `conflict` with what went wrong in words; the token's end is its cause.
 */
export async function slackChannels(
  context: ChannelsContext,
  { apiUrl, config }: { readonly apiUrl: string; readonly config: SlackConfig },
): Promise<readonly Channel[]> {
  const { token } = context
  const { workspaceId, workspaceName, webhookChannelId } = config
  // `update` replaces the config whole: without its channel the incoming webhook, which is kept, would be of no use
  const kept = { workspaceId, workspaceName, ...(webhookChannelId === undefined ? {} : { webhookChannelId }) }
  if (token === undefined || token === '') throw new SignalboxError('conflict', outcomeText('token_missing'))
  const found = new Map<string, Channel>()
  let types = ALL
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query = new URLSearchParams({ types, exclude_archived: 'true', limit: String(PAGE_SIZE) })
    // Tokens of organisation-wide installations need it; with all others Slack ignores it.
    if (workspaceId.startsWith('T')) query.set('team_id', workspaceId)
    if (cursor !== undefined) query.set('cursor', cursor)
    const { page, failure } = await getPage(context, `${apiUrl}/conversations.list?${query}`, token)
    if (failure?.providerCode === 'missing_scope' && types === ALL && cursor === undefined) {
      types = PUBLIC
      continue
    }
    if (page === undefined) {
      const cause = failure?.code === 'token_expired' ? { cause: { code: failure.code } } : {}
      throw new SignalboxError('conflict', reason(failure, token), cause)
    }
    for (const channel of channelsOf(page, kept)) found.set(channel.id, channel)
    cursor = asText(asObject(page.response_metadata)?.next_cursor)
    if (cursor === undefined) break
  }
  return [...found.values()]
}

async function getPage(
  context: ChannelsContext,
  url: string,
  token: string,
): Promise<{ readonly page?: JsonObject | undefined; readonly failure?: FailedOutcome }> {
  let page: JsonObject | undefined
  const headers = { authorization: `Bearer ${token}` }
  const request = { method: 'GET', url, headers, maxResponseBytes: MAX_PAGE_BYTES } as const
  const outcome: Outcome = await requestOutcome(context, request, (response, now) => {
    page = jsonObject(response.text)
    return slackApiOutcome(response, now)
  })
  return outcome.kind === 'delivered' ? { page } : { failure: outcome }
}

function reason(failure: FailedOutcome | undefined, token: string): string {
  if (failure === undefined) return 'the list of channels could not be read'
  return redact(failure.detail ?? outcomeText(failure.code, failure.status), [token])
}

function channelsOf(page: JsonObject, kept: Channel['config']): readonly Channel[] {
  const list: unknown = page.channels
  return Array.isArray(list) ? list.flatMap((value: unknown) => channelOf(value, kept)) : []
}

function channelOf(value: unknown, kept: Channel['config']): readonly Channel[] {
  const channel = asObject(value)
  const id = asText(channel?.id)
  const name = asText(channel?.name)
  if (channel === undefined || id === undefined || name === undefined) return []
  if (channel.is_archived === true) return []
  if (channel.is_private === true && channel.is_member === false) return []
  return [{ id, name, config: { ...kept, channelId: id, channelName: name } }]
}
