import type { OutcomeCode } from '../contracts/outcome.ts'

/** What one of Slack's error words means for a delivery. */
export interface SlackMeaning {
  readonly kind: 'retry' | 'rejected' | 'reauthorize' | 'gone'
  readonly code: OutcomeCode
  /** For people: a settings page shows it as the reason of a suspension. */
  readonly text: string
  /** The message may have been posted. */
  readonly ambiguous?: true
  /** In ms, where Slack names no wait. */
  readonly retryAfterMs?: number
}

/** A migration or a used-up allowance of the workspace lasts: sooner tries only add to it. */
const LONG_WAIT_MS = 3_600_000

const reauthorize = (code: OutcomeCode, text: string): SlackMeaning => ({ kind: 'reauthorize', code, text })
const gone = (text: string): SlackMeaning => ({ kind: 'gone', code: 'target_gone', text })
const refused = (text: string): SlackMeaning => ({ kind: 'rejected', code: 'invalid_payload', text })
const tooLarge = (text: string): SlackMeaning => ({ kind: 'rejected', code: 'payload_too_large', text })
const retry = (code: OutcomeCode, text: string): SlackMeaning => ({ kind: 'retry', code, text })
const unsure = (text: string): SlackMeaning => ({ ...retry('provider_error', text), ambiguous: true })
const later = (text: string): SlackMeaning => ({ ...retry('provider_error', text), retryAfterMs: LONG_WAIT_MS })

/** What is wrong with a message itself, by either way in. */
const REFUSALS: Readonly<Record<string, SlackMeaning>> = {
  invalid_arguments: refused('Slack does not accept the message'),
  invalid_blocks: refused('Slack does not accept the blocks of the message'),
  invalid_blocks_format: refused('Slack does not accept the blocks of the message'),
  no_text: refused('The message has no text'),
  metadata_too_large: tooLarge('The message has too much metadata for Slack'),
  msg_blocks_too_long: tooLarge('The blocks of the message are too long for Slack'),
  msg_too_long: tooLarge('The text of the message is too long for Slack'),
  too_many_attachments: tooLarge('The message has too many attachments for Slack'),
}

const RATE_LIMITED = retry('rate_limited', 'Slack asked to slow down')
const RESTRICTED = gone('The workspace does not allow the app to post in this channel')

/** Errors of `chat.postMessage` and `conversations.list`: docs.slack.dev/reference/methods. */
const API_WORDS: ReadonlyMap<string, SlackMeaning> = new Map(
  Object.entries({
    ...REFUSALS,
    // The worker gets a new token and sends once more.
    token_expired: retry('token_expired', 'The token has expired'),

    account_inactive: reauthorize('token_revoked', 'The account or workspace of the token was deactivated'),
    app_access_restricted: reauthorize('token_revoked', 'An administrator restricted the app; connect again'),
    invalid_auth: reauthorize('token_revoked', 'Slack does not accept the token; connect again'),
    missing_scope: reauthorize('missing_scope', 'The app lacks a permission; connect again'),
    no_permission: reauthorize('missing_scope', 'The app may not post there; connect again'),
    not_allowed_token_type: reauthorize('missing_scope', 'The token is of a kind that may not post; connect again'),
    not_authed: reauthorize('token_missing', 'Slack received no token; connect again'),
    token_revoked: reauthorize('token_revoked', 'The app was removed from the workspace; connect again'),
    two_factor_setup_required: reauthorize('token_revoked', 'Slack demands two-factor authentication; connect again'),

    channel_not_found: gone('The channel does not exist, or the app cannot see it'),
    ekm_access_denied: gone('The administrators of the workspace suspended posting'),
    is_archived: gone('The channel was archived'),
    messages_tab_disabled: gone('The messages tab of the app is switched off'),
    not_in_channel: gone('The app is not a member of the channel'),
    restricted_action: RESTRICTED,
    restricted_action_read_only_channel: gone('The channel is read-only'),
    restricted_action_thread_only_channel: gone('The channel takes replies in threads only'),

    rate_limited: RATE_LIMITED,
    ratelimited: RATE_LIMITED,
    request_timeout: retry('provider_error', 'Slack did not receive the whole request'),
    service_unavailable: retry('provider_error', 'Slack is unavailable for the time being'),

    // "It's possible some aspect of the operation succeeded before the error was raised."
    fatal_error: unsure('Slack failed with an error of its own'),
    internal_error: unsure('Slack failed with an error of its own'),

    message_limit_exceeded: later('The workspace has reached its limit of messages'),
    org_login_required: later('The workspace is being moved to an Enterprise organisation'),
    team_added_to_org: later('The workspace is being moved to an Enterprise organisation'),
  }),
)

/** Errors of incoming webhooks, sent as plain text: docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. */
const WEBHOOK_WORDS: ReadonlyMap<string, SlackMeaning> = new Map(
  Object.entries({
    ...REFUSALS,
    invalid_payload: refused('Slack does not accept the message'),
    invalid_token: reauthorize('token_revoked', 'Slack no longer accepts the webhook URL; connect again'),
    action_prohibited: gone('The workspace does not allow the webhook to post in this channel'),
    channel_is_archived: gone('The channel was archived'),
    channel_not_found: gone('The channel of the webhook does not exist any more'),
    no_service: gone('The webhook was removed or switched off'),
    rate_limited: RATE_LIMITED,
    ratelimited: RATE_LIMITED,
    rollup_error: retry('provider_error', 'Slack failed with an error of its own'),
  }),
)

/** The meaning of a Web API error, `undefined` for a word that is not known. */
export function slackApiMeaning(word: string): SlackMeaning | undefined {
  // Slack adds kinds of restrictions; all of them are about the channel.
  return API_WORDS.get(word) ?? (word.startsWith('restricted_action_') ? RESTRICTED : undefined)
}

/** The meaning of an incoming webhook's error, `undefined` for a word that is not known. */
export function slackWebhookMeaning(word: string): SlackMeaning | undefined {
  return WEBHOOK_WORDS.get(word)
}
