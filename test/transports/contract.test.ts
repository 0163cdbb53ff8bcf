import { describe, it } from 'vitest'
import type { Message } from '../../src/contracts/message.ts'
import { ghostId } from '../../src/presets/ghost-id.ts'
import { type ServiceAnswer, type TransportHarness, transportContract } from '../../src/testing/index.ts'
import { discordTransport } from '../../src/transports/discord.ts'
import { hubspotTransport } from '../../src/transports/hubspot.ts'
import { salesforceTransport } from '../../src/transports/salesforce.ts'
import { slackTransport } from '../../src/transports/slack.ts'
import { slackWebhookTransport } from '../../src/transports/slack-webhook.ts'
import { teamsTransport } from '../../src/transports/teams.ts'
import { teamsWorkflowTransport } from '../../src/transports/teams-workflow.ts'
import { webhookTransport } from '../../src/transports/webhook.ts'

/** Every case over both HTTP ports. Services keep their real hosts: the contract leads the requests to its own servers. */
function check<Input>(name: string, harness: TransportHarness<Input>): void {
  describe(`the ${name} transport`, () => {
    for (const { name, skip, run } of transportContract(harness)) {
      if (skip === undefined) it(name, run)
      else it.skip(`${name} (${skip})`, run)
    }
  })
}

const json = (body: object, status = 200): ServiceAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const text = (body: string, status = 200): ServiceAnswer => ({ status, body })

/** What CRMs do not take. */
const TEST: Message = {
  kind: 'test',
  id: 'msg_test',
  orgId: 'org_1',
  orgName: 'Acme',
  timestamp: 1_763_712_000_000,
  title: 'Test notification',
  body: 'This is a test.',
  href: 'https://app.example.com/settings',
}

check('webhook', {
  transport: webhookTransport(),
  config: (origin) => ({
    url: `${origin}/in?key=q_8f1d77aa20`,
    headers: { 'x-api-key': 'k_5f0c2a9144', authorization: 'Bearer b_77aa20c1d4' },
  }),
  otherConfig: (origin) => ({ url: `${origin}/other` }),
  secrets: ['k_5f0c2a9144', 'b_77aa20c1d4'],
  success: ({ headers }) => ({ status: headers['x-api-key'] === 'k_5f0c2a9144' ? 204 : 401 }),
  gone: [{ status: 410 }],
})

const slackError = (error: string) => json({ ok: false, error })
const slackHook = 'https://hooks.slack.com/services/T0001/B0001/hOoK5f0c2a9144d1b77aa20c'

check('slack', {
  transport: slackTransport(),
  config: () => ({
    workspaceId: 'T0001',
    workspaceName: 'Acme',
    channelId: 'C0001',
    channelName: '#alerts',
    webhookUrl: slackHook,
    webhookChannelId: 'C0002',
  }),
  otherConfig: () => ({ workspaceId: 'T0002', channelId: 'C0009' }),
  token: 'xoxb-123456789012-abcdefABCDEF',
  secrets: ['hOoK5f0c2a9144d1b77aa20c'],
  success: ({ path, headers, text }) => {
    const { channel, blocks } = JSON.parse(text)
    const isAllowed =
      path === '/api/chat.postMessage' && headers.authorization === 'Bearer xoxb-123456789012-abcdefABCDEF'
    if (!isAllowed) return slackError('invalid_auth')
    return Array.isArray(blocks) ? json({ ok: true, channel, ts: '1763712000.000100' }) : slackError('invalid_blocks')
  },
  receipt: { channel: 'C0001', ts: '1763712000.000100' },
  gone: ['channel_not_found', 'is_archived', 'not_in_channel', 'restricted_action'].map(slackError),
  reauthorize: ['invalid_auth', 'token_revoked', 'account_inactive', 'missing_scope', 'not_authed'].map(slackError),
  tokenExpired: [slackError('token_expired')],
  rejected: ['invalid_blocks', 'msg_too_long', 'no_text', 'invalid_arguments'].map(slackError),
})

check('slack (with the incoming webhook that takes over)', {
  transport: slackTransport(),
  config: () => ({ workspaceId: 'T0001', channelId: 'C0001', webhookUrl: slackHook, webhookChannelId: 'C0001' }),
  otherConfig: () => ({ workspaceId: 'T0002', channelId: 'C0009' }),
  token: 'xoxb-123456789012-abcdefABCDEF',
  secrets: ['hOoK5f0c2a9144d1b77aa20c'],
  success: ({ path }) => (path.startsWith('/services/') ? text('ok') : slackError('not_in_channel')),
  exchanges: 2,
})

check('slack-webhook', {
  transport: slackWebhookTransport(),
  config: () => ({ url: slackHook }),
  otherConfig: () => ({ url: 'https://hooks.slack.com/services/T0002/B0002/other5f0c2a9144d1b77a' }),
  secrets: ['hOoK5f0c2a9144d1b77aa20c'],
  success: ({ path, text: body }) =>
    path === new URL(slackHook).pathname && Array.isArray(JSON.parse(body).blocks)
      ? text('ok')
      : text('invalid_payload', 400),
  gone: [
    text('action_prohibited', 403),
    text('channel_not_found', 404),
    text('no_service', 404),
    text('channel_is_archived', 410),
  ],
  reauthorize: [text('invalid_token', 403)],
  rejected: [text('invalid_payload', 400)],
})

const graphError = (status: number, code: string) => json({ error: { code, message: 'No.' } }, status)

check('teams', {
  transport: teamsTransport(),
  config: () => ({ teamId: 't-1', teamName: 'Acme', channelId: '19:abc@thread.tacv2', channelName: 'Alerts' }),
  otherConfig: () => ({ teamId: 't-2', channelId: '19:xyz@thread.tacv2' }),
  token: 'eyJ0eXAi.5f0c2a9144d1.b77aa20c',
  success: ({ path, headers }) => {
    if (headers.authorization !== 'Bearer eyJ0eXAi.5f0c2a9144d1.b77aa20c')
      return graphError(401, 'InvalidAuthenticationToken')
    return path === '/v1.0/teams/t-1/channels/19%3Aabc%40thread.tacv2/messages'
      ? json({ id: '1763712000', webUrl: 'https://teams.microsoft.com/l/message/1' }, 201)
      : graphError(404, 'NotFound')
  },
  receipt: { id: '1763712000', webUrl: 'https://teams.microsoft.com/l/message/1' },
  gone: [graphError(404, 'NotFound'), { status: 404 }],
  reauthorize: [graphError(403, 'Forbidden'), { status: 403 }],
  tokenExpired: [graphError(401, 'InvalidAuthenticationToken'), { status: 401 }],
  rejected: [graphError(400, 'BadRequest'), graphError(413, 'RequestEntityTooLarge')],
})

const workflow = 'https://prod-01.westeurope.logic.azure.com:443/workflows/f0c2a914/triggers/manual/paths/invoke'

check('teams-workflow', {
  transport: teamsWorkflowTransport(),
  config: () => ({ url: `${workflow}?api-version=2016-06-01&sp=%2Ftriggers&sv=1.0&sig=sIg5f0c2a9144d1b77aa20c` }),
  otherConfig: () => ({ url: `${workflow}/other?sig=other5f0c2a9144d1` }),
  secrets: ['sIg5f0c2a9144d1b77aa20c'],
  success: ({ path, text: body }) =>
    path.includes('sig=sIg5f0c2a9144d1b77aa20c') && JSON.parse(body).type === 'message'
      ? { status: 202 }
      : { status: 401 },
  gone: [{ status: 410 }],
})

const discordError = (status: number, code: number) => json({ code, message: 'No.', errors: {} }, status)

check('discord', {
  transport: discordTransport(),
  config: () => ({ url: 'https://discord.com/api/webhooks/1234567890123456789/dIsC5f0c2a9144d1-b77aa20c_x' }),
  otherConfig: () => ({ url: 'https://discord.com/api/webhooks/9876543210987654321/other5f0c2a9144d1?thread_id=42' }),
  secrets: ['dIsC5f0c2a9144d1-b77aa20c_x'],
  success: ({ path, text: body }) => {
    const { embeds, content } = JSON.parse(body)
    if (!path.endsWith('/dIsC5f0c2a9144d1-b77aa20c_x?wait=true')) return discordError(404, 10015)
    if (embeds === undefined && content === undefined) return discordError(400, 50006)
    return json({ id: '1111111111111111111', channel_id: '2222222222222222222' })
  },
  receipt: { id: '1111111111111111111', channel_id: '2222222222222222222' },
  gone: [discordError(404, 10015), discordError(401, 50027), discordError(404, 10003), discordError(403, 50013)],
  rejected: [discordError(400, 50006), discordError(400, 50035), discordError(400, 50109)],
})

const hubspotError = (status: number, category: string) => json({ status: 'error', message: 'No.', category }, status)

check('hubspot', {
  transport: hubspotTransport({
    map: ({ id, title }) => ({ email: 'jane@example.com', lead_id: id, lead_title: title }),
  }),
  config: () => ({ portalId: '123', accountName: 'Acme' }),
  otherConfig: () => ({}),
  token: 'CPSB5f0c2a9144d1b77aa20c',
  success: ({ path, headers, text: body }) => {
    if (headers.authorization !== 'Bearer CPSB5f0c2a9144d1b77aa20c') return hubspotError(401, 'INVALID_AUTHENTICATION')
    const { inputs } = JSON.parse(body)
    return path === '/crm/v3/objects/contacts/batch/upsert' && inputs[0].idProperty === 'email'
      ? json({ status: 'COMPLETE', results: [{ id: '512', new: true }] })
      : hubspotError(400, 'VALIDATION_ERROR')
  },
  receipt: { id: '512' },
  reauthorize: [hubspotError(403, 'MISSING_SCOPES'), { status: 403 }],
  tokenExpired: [hubspotError(401, 'EXPIRED_AUTHENTICATION'), { status: 401 }],
  rejected: [hubspotError(400, 'VALIDATION_ERROR'), hubspotError(404, 'OBJECT_NOT_FOUND')],
  unsupported: TEST,
})

const salesforceError = (status: number, errorCode: string) => json([{ message: 'No.', errorCode }], status)

check('salesforce', {
  transport: salesforceTransport({
    defaults: { LastName: 'Website visitor', Company: 'Unknown' },
    map: ({ id, title }) => ({ Ghost_Visitor_ID__c: id, Description: title }),
  }),
  config: () => ({ instanceUrl: 'https://acme.my.salesforce.com' }),
  otherConfig: () => ({ instanceUrl: 'https://acme--dev.sandbox.my.salesforce.com' }),
  token: '00D5g000004XYZ!AQ5f0c2a9144d1b77aa20c',
  success: ({ method, path, headers }) => {
    if (headers.authorization !== 'Bearer 00D5g000004XYZ!AQ5f0c2a9144d1b77aa20c') {
      return salesforceError(401, 'INVALID_SESSION_ID')
    }
    return method === 'PATCH' && path.startsWith('/services/data/v68.0/sobjects/Lead/Ghost_Visitor_ID__c/evt_')
      ? json({ id: '00Q5g0000012345', success: true, errors: [], created: true }, 201)
      : salesforceError(404, 'NOT_FOUND')
  },
  receipt: { id: '00Q5g0000012345' },
  reauthorize: [salesforceError(403, 'INSUFFICIENT_ACCESS'), { status: 403 }],
  tokenExpired: [salesforceError(401, 'INVALID_SESSION_ID'), { status: 401 }],
  rejected: [salesforceError(400, 'INVALID_FIELD'), salesforceError(404, 'NOT_FOUND'), { status: 300 }],
  unsupported: TEST,
})

check('ghost-id', {
  transport: ghostId.transport(),
  config: (origin) => ({ url: `${origin}/hooks/h_5f0c2a9144d1` }),
  otherConfig: (origin) => ({
    url: `${origin}/other`,
    format: 'slack' as const,
    includeJourney: false,
    includeEvents: false,
  }),
  secrets: ['h_5f0c2a9144d1'],
  success: ({ path }) => ({ status: path === '/hooks/h_5f0c2a9144d1' ? 200 : 404 }),
  gone: [{ status: 410 }],
})

check('ghost-id (for a chat)', {
  transport: ghostId.transport({ name: 'ghost-id-chat' }),
  config: (origin) => ({ url: `${origin}/hooks/h_5f0c2a9144d1`, format: 'slack' as const }),
  otherConfig: (origin) => ({ url: `${origin}/other`, format: 'discord' as const }),
  secrets: ['h_5f0c2a9144d1'],
  success: () => ({ status: 200 }),
})
