import { describe, expect, it } from 'vitest'
import { type TeamsFake, type TeamsFakeOptions, teamsFake } from '../../../src/testing/msw.ts'
import { type Answered, call, intercept, postJson, refusalOf } from './support.ts'

const GRAPH = 'https://graph.microsoft.com/v1.0'
const CHANNEL = '19:general@thread.tacv2'
const CARD = { type: 'AdaptiveCard', version: '1.5', body: [{ type: 'TextBlock', text: 'Hello' }] }
const CARD_TYPE = 'application/vnd.microsoft.card.adaptive'

function start(options?: TeamsFakeOptions): TeamsFake {
  const teams = teamsFake(options)
  intercept(teams)
  return teams
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

function messageOf(card: unknown, attachment: object = {}, content = '<attachment id="a1"></attachment>') {
  return {
    body: { contentType: 'html', content },
    attachments: [{ id: 'a1', contentType: CARD_TYPE, contentUrl: null, content: JSON.stringify(card), ...attachment }],
  }
}

interface Where {
  readonly team?: string
  readonly channel?: string
  readonly token?: string
}

function post(teams: TeamsFake, body: unknown, where: Where = {}): Promise<Answered> {
  const { team = 'team-1', channel = CHANNEL, token = teams.token } = where
  const path = `/teams/${encodeURIComponent(team)}/channels/${encodeURIComponent(channel)}/messages`
  return postJson(GRAPH + path, body, bearer(token))
}

describe('channel messages', () => {
  it('are kept with their card, and answered with id and link', async () => {
    const teams = start()
    const { status, json } = await post(teams, messageOf(CARD))
    expect(status).toBe(201)
    expect(json).toMatchObject({ id: expect.stringMatching(/^\d+$/), webUrl: expect.stringContaining(json.id) })
    expect(teams.received).toEqual([
      expect.objectContaining({
        via: 'graph',
        teamId: 'team-1',
        channelId: CHANNEL,
        teamName: 'Privacy',
        channelName: 'General',
        text: 'Hello',
        card: CARD,
        token: teams.token,
        id: json.id,
      }),
    ])
  })

  it('need a token that is good', async () => {
    const teams = start()
    const without = await postJson(`${GRAPH}/teams/team-1/channels/x/messages`, messageOf(CARD))
    expect(without.status).toBe(401)
    expect(without.json).toEqual({
      error: {
        code: 'InvalidAuthenticationToken',
        message: 'Access token is empty.',
        innerError: {
          date: expect.any(String),
          'request-id': expect.any(String),
          'client-request-id': expect.any(String),
        },
      },
    })
    expect((await post(teams, messageOf(CARD), { token: 'eyJ-of-nobody' })).status).toBe(401)
    teams.expireTokens()
    expect(await post(teams, messageOf(CARD))).toMatchObject({
      status: 401,
      json: { error: { message: 'Lifetime validation failed, the token is expired.' } },
    })
    const fresh = teams.issueToken().accessToken
    expect((await post(teams, messageOf(CARD), { token: fresh })).status).toBe(201)
    teams.revokeTokens()
    expect((await post(teams, messageOf(CARD), { token: fresh })).status).toBe(401)
  })

  it('end with the hour of their token', async () => {
    let now = 1_780_000_000_000
    const teams = start({ now: () => now })
    now += 3_600_000 - 1
    expect((await post(teams, messageOf(CARD))).status).toBe(201)
    now += 1
    expect((await post(teams, messageOf(CARD))).status).toBe(401)
  })

  it('need the scope', async () => {
    const teams = start()
    const { accessToken } = teams.issueToken({ scopes: ['User.Read'] })
    const { status, json } = await post(teams, messageOf(CARD), { token: accessToken })
    expect([status, json.error.code]).toEqual([403, 'Forbidden'])
    expect(json.error.message).toContain('ChannelMessage.Send')
  })

  it('need a team and a channel that are there', async () => {
    const teams = start()
    const status = async (where: Where) => (await post(teams, messageOf(CARD), where)).status
    expect(await status({ team: 'team-9' })).toBe(404)
    expect(await status({ channel: '19:none@thread.tacv2' })).toBe(404)
    const channel = teams.addChannel('team-1', { displayName: 'Alerts' })
    expect(await status({ channel: channel.id })).toBe(201)
    teams.removeChannel('team-1', channel.id)
    expect(await status({ channel: channel.id })).toBe(404)
    teams.removeTeam('team-1')
    expect(await status({})).toBe(404)
    expect(refusalOf(() => teams.removeTeam('team-1'))).toMatch(/^teamId: /)
  })

  it.each<[string, object | string]>([
    ['Unable to read JSON request payload.', '{'],
    ['Invalid request body was sent.', { attachments: [] }],
    ['The message has no card.', { body: { contentType: 'html', content: 'x' } }],
    [
      "Attachments need a body whose contentType is 'html'.",
      { ...messageOf(CARD), body: { contentType: 'text', content: '' } },
    ],
    [
      "Body does not contain marker for attachment with Id 'a1'.",
      messageOf(CARD, {}, '<attachment id="a2"></attachment>'),
    ],
    ["Attachment with Id 'a2' is not in the message.", messageOf(CARD, {}, marker('a1') + marker('a2'))],
    ['Attachments need an id.', messageOf(CARD, { id: '' })],
    [`The contentType of attachment with Id 'a1' must be '${CARD_TYPE}'.`, messageOf(CARD, { contentType: 'x' })],
    ['Invalid request body was sent.', messageOf(CARD, { content: CARD })],
    [
      "Failed to process content in attachment with Id 'a1'. must be an object [card]",
      messageOf(CARD, { content: '{' }),
    ],
  ])('are refused: %s', async (message, body) => {
    const teams = start()
    const answer = await post(teams, body)
    expect(answer).toMatchObject({ status: 400, json: { error: { code: 'BadRequest', message } } })
    expect(teams.received).toEqual([])
  })

  it.each<[string, object]>([
    ["must be 'AdaptiveCard' [type]", { ...CARD, type: 'Card' }],
    ['must be from 1.0 to 1.5 [version]', { ...CARD, version: '1.6' }],
    ['must be from 1.0 to 1.5 [version]', { type: 'AdaptiveCard', body: [] }],
    ['a card needs a body [body]', { type: 'AdaptiveCard', version: '1.5' }],
    ['must be an array [body]', { ...CARD, body: {} }],
    ["Teams shows no element 'Media' [body[0].type]", { ...CARD, body: [{ type: 'Media' }] }],
    ['must be a string [body[0].text]', { ...CARD, body: [{ type: 'TextBlock' }] }],
    [
      "must be 'TextRun' [body[0].inlines[0].type]",
      { ...CARD, body: [{ type: 'RichTextBlock', inlines: [{ text: 'x' }] }] },
    ],
    ['must be an array [body[0].inlines]', { ...CARD, body: [{ type: 'RichTextBlock' }] }],
    ['must be a string [body[0].facts[0].value]', { ...CARD, body: [{ type: 'FactSet', facts: [{ title: 'x' }] }] }],
    [
      'must be a string [body[0].items[0].text]',
      { ...CARD, body: [{ type: 'Container', items: [{ type: 'TextBlock' }] }] },
    ],
    [
      'must be a string [body[0].columns[0].items[0].text]',
      { ...CARD, body: [{ type: 'ColumnSet', columns: [{ items: [{ type: 'TextBlock' }] }] }] },
    ],
    ["Teams knows no action 'OpenUrl' [actions[0].type]", { ...CARD, actions: [{ type: 'OpenUrl' }] }],
    [
      'must be an http or https URL [actions[0].url]',
      { ...CARD, actions: [{ type: 'Action.OpenUrl', url: 'javascript:x' }] },
    ],
  ])('are refused with a card that Teams can’t show: %s', async (problem, card) => {
    const { status, json } = await post(start(), messageOf(card))
    expect([status, json.error.message]).toEqual([
      400,
      `Failed to process content in attachment with Id 'a1'. ${problem}`,
    ])
  })

  it('are refused above 28 KB', async () => {
    const teams = start()
    const size = (text: string) =>
      Buffer.byteLength(JSON.stringify(messageOf({ ...CARD, body: [{ type: 'TextBlock', text }] })))
    const text = 'x'.repeat(28_672 - size(''))
    const of = (text: string) => messageOf({ ...CARD, body: [{ type: 'TextBlock', text }] })
    expect((await post(teams, of(text))).status).toBe(201)
    expect(await post(teams, of(`${text}x`))).toMatchObject({
      status: 413,
      json: { error: { code: 'RequestEntityTooLarge' } },
    })
  })

  it('are limited a channel when told to', async () => {
    let now = 1_780_000_000_000
    const teams = start({ now: () => now })
    teams.rateLimit({ perSecond: 0.25 })
    expect((await post(teams, messageOf(CARD))).status).toBe(201)
    const limited = await post(teams, messageOf(CARD))
    expect([limited.status, limited.json.error.code, limited.headers.get('retry-after')]).toEqual([
      429,
      'TooManyRequests',
      '4',
    ])
    now += 4000
    expect((await post(teams, messageOf(CARD))).status).toBe(201)
  })

  it('fail as ordered', async () => {
    const teams = start()
    teams.fail(403)
    teams.fail('ServiceUnavailable', { retryAfter: 0.5 })
    teams.fail({ status: 409, code: 'Conflict', message: 'Not now.' })
    teams.fail(507)
    const answers: Answered[] = []
    for (let i = 0; i < 5; i++) answers.push(await post(teams, messageOf(CARD)))
    expect(answers.map((one) => [one.status, one.json?.error?.code, one.headers.get('retry-after')])).toEqual([
      [403, 'Forbidden', null],
      [503, 'ServiceUnavailable', '0.5'],
      [409, 'Conflict', null],
      [507, undefined, null],
      [201, undefined, null],
    ])
    teams.fail('network_error')
    await expect(post(teams, messageOf(CARD))).rejects.toThrow(TypeError)
    expect(refusalOf(() => teams.fail({ status: 42, code: 'x' }))).toMatch(/^failure: /)
  })
})

describe('lists', () => {
  const get = (teams: TeamsFake, path: string, token = teams.token) => call(GRAPH + path, { headers: bearer(token) })

  it('show the teams and channels of the user', async () => {
    const teams = start()
    expect((await get(teams, '/me')).json).toMatchObject({ displayName: 'Alex Wilber' })
    const joined = await get(teams, '/me/joinedTeams')
    expect(joined.json.value).toEqual([{ id: 'team-1', displayName: 'Privacy', description: null }])
    const channels = await get(teams, '/teams/team-1/channels?$select=id,displayName')
    expect(channels.json.value).toEqual([{ id: CHANNEL, displayName: 'General', membershipType: 'standard' }])
    expect((await get(teams, '/teams/none/channels')).status).toBe(404)
    expect((await get(teams, '/nothing')).status).toBe(400)
  })

  it('page by @odata.nextLink', async () => {
    const teams = start({ pageSize: 2, teams: ['a', 'b', 'c'].map((id) => ({ id, displayName: id })) })
    const first = await get(teams, '/me/joinedTeams')
    expect(first.json.value).toHaveLength(2)
    const second = await call(first.json['@odata.nextLink'], { headers: bearer(teams.token) })
    expect(second.json.value.map((team: { id: string }) => team.id)).toEqual(['c'])
    expect(second.json).not.toHaveProperty('@odata.nextLink')
  })

  it('need a scope each', async () => {
    const teams = start()
    const { accessToken } = teams.issueToken({ scopes: ['Team.ReadBasic.All'] })
    expect((await get(teams, '/me/joinedTeams', accessToken)).status).toBe(200)
    expect((await get(teams, '/teams/team-1/channels', accessToken)).status).toBe(403)
  })
})

describe('workflows', () => {
  const body = (card: object = CARD) => ({
    type: 'message',
    attachments: [{ contentType: CARD_TYPE, contentUrl: null, content: card }],
  })

  it('take a card as an object and answer 202', async () => {
    const teams = start()
    expect(await postJson(teams.addWorkflow(), body())).toMatchObject({ status: 202, text: '' })
    expect(teams.received).toEqual([expect.objectContaining({ via: 'workflow', card: CARD })])
  })

  it('swallow a card that they can’t post: nobody but the test hears of it', async () => {
    const teams = start()
    const url = teams.addWorkflow()
    expect((await postJson(url, body({ ...CARD, version: '1.6' }))).status).toBe(202)
    expect((await postJson(url, { ...body(), type: 'note' })).status).toBe(202)
    expect(teams.received).toEqual([])
    expect(teams.requests.map((one) => one.error)).toEqual(['InvalidCard', 'InvalidCard'])
  })

  it('refuse what is no envelope, a wrong signature, and what is gone', async () => {
    const teams = start()
    const url = teams.addWorkflow()
    expect(await postJson(url, {})).toMatchObject({
      status: 400,
      json: { error: { code: 'TriggerInputSchemaMismatch' } },
    })
    expect((await postJson(`${url}x`, body())).status).toBe(401)
    expect((await call(url)).status).toBe(405)
    teams.rateLimit()
    expect([(await postJson(url, body())).status, (await postJson(url, body())).status]).toEqual([202, 429])
    teams.fail(502)
    expect((await postJson(url, body())).status).toBe(502)
    teams.removeWorkflow(url)
    expect((await postJson(url, body())).status).toBe(404)
  })

  it('answer on both of their hosts', async () => {
    const teams = start()
    const url = new URL(teams.addWorkflow())
    url.hostname = 'default0.00.environment.api.powerplatform.com'
    expect((await postJson(url.href, body())).status).toBe(202)
  })
})

it('reset brings everything back', async () => {
  const teams = start()
  teams.removeTeam('team-1')
  teams.expireTokens()
  teams.fail(500)
  await post(teams, messageOf(CARD))
  teams.reset()
  expect([teams.received, teams.requests]).toEqual([[], []])
  expect((await post(teams, messageOf(CARD))).status).toBe(201)
})

function marker(id: string): string {
  return `<attachment id="${id}"></attachment>`
}
