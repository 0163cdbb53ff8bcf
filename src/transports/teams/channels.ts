import type { FailedOutcome } from '../../contracts/outcome.ts'
import type { Channel, ChannelsContext } from '../../contracts/transport.ts'
import { classifyHttpFailure } from '../../delivery/classify.ts'
import { graphOutcome } from '../../delivery/graph-outcome.ts'
import { asObject, asText, jsonObject } from '../../delivery/provider-error.ts'
import { outcomeText } from '../../delivery/reasons.ts'
import { SignalboxError } from '../../errors.ts'
import { isHttpError } from '../../http/http-error.ts'
import { cutText } from '../../payloads/text.ts'
import { isId, MAX_NAME_LENGTH } from './ids.ts'

/** A person can be in so many teams, by the limits of Microsoft Teams. */
const MAX_TEAMS = 1000
/** Of one list. */
const MAX_PAGES = 50
/** Graph answers a team with all of its properties, most of them empty: close to 1 KiB each. */
const MAX_PAGE_BYTES = 2_097_152
/** Teams whose channels are asked for at once. */
const CONCURRENCY = 8

interface Named {
  readonly id: string
  readonly name: string
}

type Failure = Pick<FailedOutcome, 'code' | 'status'>
type Listed = { readonly ok: true; readonly found: readonly Named[] } | { readonly ok: false; readonly why: Failure }

/**
 * The channels of all teams that the token's owner is in. A team that may not be looked into, or has gone meanwhile, is
 * left out, unless that is so of all of them.
 *
 * @throws SignalboxError `conflict` that says in words what went wrong; nothing of the answer.
 */
export async function teamsChannels(context: ChannelsContext, graphUrl: string): Promise<readonly Channel[]> {
  if (context.token === undefined) throw failed({ code: 'token_missing' })
  const teams = await listAll(context, graphUrl, '/me/joinedTeams')
  if (!teams.ok) throw failed(teams.why)
  let closed: Failure | undefined
  const lists = await mapBounded(teams.found.slice(0, MAX_TEAMS), async (team) => {
    // Without a selection each channel comes with its mail address, which takes Graph long to find.
    const path = `/teams/${encodeURIComponent(team.id)}/channels?$select=id,displayName`
    const channels = await listAll(context, graphUrl, path)
    if (channels.ok) return channels.found.map((channel) => channelOf(team, channel))
    if (channels.why.status !== 403 && channels.why.status !== 404) throw failed(channels.why)
    closed = channels.why
    return undefined
  })
  const open = lists.filter((list) => list !== undefined)
  if (closed !== undefined && open.length === 0) throw failed(closed)
  return open.flat()
}

function channelOf(team: Named, channel: Named): Channel {
  return {
    id: channel.id,
    name: channel.name,
    group: team,
    config: { teamId: team.id, teamName: team.name, channelId: channel.id, channelName: channel.name },
  }
}

/** All pages of a list. The token goes to the origin of `graphUrl` only, whatever an answer says. */
async function listAll(context: ChannelsContext, graphUrl: string, path: string): Promise<Listed> {
  const { origin } = new URL(graphUrl)
  const found: Named[] = []
  let url = `${graphUrl}${path}`
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = await get(context, url)
    if ('code' in answer) return { ok: false, why: answer }
    for (const one of answer.value) {
      const item = asObject(one)
      const id = item?.id
      if (isId(id)) found.push({ id, name: cutText(asText(item?.displayName) ?? id, MAX_NAME_LENGTH) })
    }
    if (answer.next === undefined) return { ok: true, found }
    if (!URL.canParse(answer.next) || new URL(answer.next).origin !== origin) break
    url = answer.next
  }
  return { ok: false, why: { code: 'invalid_response' } }
}

async function get(
  context: ChannelsContext,
  url: string,
): Promise<Failure | { readonly value: readonly unknown[]; readonly next: string | undefined }> {
  const { http, token, now, deadlineAt, signal } = context
  try {
    const response = await http.request({
      method: 'GET',
      url,
      headers: { accept: 'application/json', authorization: `Bearer ${token}` },
      maxResponseBytes: MAX_PAGE_BYTES,
      deadlineAt,
      signal,
    })
    const outcome = graphOutcome(response, now)
    if (outcome.kind !== 'delivered') return outcome
    const body = response.truncated ? undefined : jsonObject(response.text)
    const value = body?.value
    if (!Array.isArray(value)) return { code: 'invalid_response' }
    return { value, next: asText(body?.['@odata.nextLink']) }
  } catch (error) {
    if (isHttpError(error)) return classifyHttpFailure(error)
    throw error
  }
}

/** Nothing of what the service said: it may quote the token. */
function failed({ code, status }: Failure): SignalboxError {
  const cause = code === 'token_expired' ? { cause: { code } } : {}
  return new SignalboxError('conflict', `the channels could not be listed: ${outcomeText(code, status)}`, cause)
}

/** In order; nothing new is begun after a failure. */
async function mapBounded<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  const waiting = items.entries()
  let ended = false
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (ended) return
      try {
        results[index] = await map(item)
      } catch (error) {
        ended = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return results
}
