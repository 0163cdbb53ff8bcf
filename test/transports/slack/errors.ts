import type { OutcomeCode } from '../../../src/contracts/outcome.ts'

/** What one of Slack's words leads to. */
export interface SlackError {
  readonly word: string
  readonly kind: 'retry' | 'rejected' | 'reauthorize' | 'gone'
  readonly code: OutcomeCode
  readonly ambiguous?: true
  readonly retryAfterMs?: number
}

const HOUR = 3_600_000

/** Errors of `chat.postMessage`, sent with HTTP 200. */
export const API_ERRORS: readonly SlackError[] = [
  { word: 'token_expired', kind: 'retry', code: 'token_expired' },

  { word: 'invalid_auth', kind: 'reauthorize', code: 'token_revoked' },
  { word: 'not_authed', kind: 'reauthorize', code: 'token_missing' },
  { word: 'account_inactive', kind: 'reauthorize', code: 'token_revoked' },
  { word: 'token_revoked', kind: 'reauthorize', code: 'token_revoked' },
  { word: 'missing_scope', kind: 'reauthorize', code: 'missing_scope' },
  { word: 'no_permission', kind: 'reauthorize', code: 'missing_scope' },
  { word: 'not_allowed_token_type', kind: 'reauthorize', code: 'missing_scope' },
  { word: 'two_factor_setup_required', kind: 'reauthorize', code: 'token_revoked' },
  { word: 'app_access_restricted', kind: 'reauthorize', code: 'token_revoked' },

  { word: 'channel_not_found', kind: 'gone', code: 'target_gone' },
  { word: 'is_archived', kind: 'gone', code: 'target_gone' },
  { word: 'not_in_channel', kind: 'gone', code: 'target_gone' },
  { word: 'restricted_action', kind: 'gone', code: 'target_gone' },
  { word: 'restricted_action_read_only_channel', kind: 'gone', code: 'target_gone' },
  { word: 'restricted_action_thread_only_channel', kind: 'gone', code: 'target_gone' },
  { word: 'restricted_action_of_next_year', kind: 'gone', code: 'target_gone' },
  { word: 'ekm_access_denied', kind: 'gone', code: 'target_gone' },
  { word: 'messages_tab_disabled', kind: 'gone', code: 'target_gone' },

  { word: 'invalid_blocks', kind: 'rejected', code: 'invalid_payload' },
  { word: 'invalid_blocks_format', kind: 'rejected', code: 'invalid_payload' },
  { word: 'no_text', kind: 'rejected', code: 'invalid_payload' },
  { word: 'invalid_arguments', kind: 'rejected', code: 'invalid_payload' },
  { word: 'msg_blocks_too_long', kind: 'rejected', code: 'payload_too_large' },
  { word: 'msg_too_long', kind: 'rejected', code: 'payload_too_large' },
  { word: 'too_many_attachments', kind: 'rejected', code: 'payload_too_large' },
  { word: 'metadata_too_large', kind: 'rejected', code: 'payload_too_large' },

  { word: 'ratelimited', kind: 'retry', code: 'rate_limited' },
  { word: 'rate_limited', kind: 'retry', code: 'rate_limited' },
  { word: 'service_unavailable', kind: 'retry', code: 'provider_error' },
  { word: 'request_timeout', kind: 'retry', code: 'provider_error' },

  { word: 'fatal_error', kind: 'retry', code: 'provider_error', ambiguous: true },
  { word: 'internal_error', kind: 'retry', code: 'provider_error', ambiguous: true },

  { word: 'team_added_to_org', kind: 'retry', code: 'provider_error', retryAfterMs: HOUR },
  { word: 'org_login_required', kind: 'retry', code: 'provider_error', retryAfterMs: HOUR },
  { word: 'message_limit_exceeded', kind: 'retry', code: 'provider_error', retryAfterMs: HOUR },

  // Nobody knows what it means, or whether the message was posted.
  { word: 'word_of_next_year', kind: 'retry', code: 'provider_error', ambiguous: true },
]

/** Errors of incoming webhooks: a status and the word as plain text. */
export const WEBHOOK_ERRORS: readonly (SlackError & { readonly status: number })[] = [
  { status: 400, word: 'invalid_payload', kind: 'rejected', code: 'invalid_payload' },
  { status: 400, word: 'invalid_blocks', kind: 'rejected', code: 'invalid_payload' },
  { status: 400, word: 'no_text', kind: 'rejected', code: 'invalid_payload' },
  { status: 403, word: 'action_prohibited', kind: 'gone', code: 'target_gone' },
  { status: 403, word: 'invalid_token', kind: 'reauthorize', code: 'token_revoked' },
  { status: 404, word: 'channel_not_found', kind: 'gone', code: 'target_gone' },
  { status: 404, word: 'no_service', kind: 'gone', code: 'target_gone' },
  { status: 410, word: 'channel_is_archived', kind: 'gone', code: 'target_gone' },
  { status: 500, word: 'rollup_error', kind: 'retry', code: 'provider_error' },
  { status: 429, word: 'rate_limited', kind: 'retry', code: 'rate_limited' },
  // What is not known goes by the status.
  { status: 400, word: 'word_of_next_year', kind: 'retry', code: 'http_4xx' },
  { status: 410, word: 'word_of_next_year', kind: 'gone', code: 'gone' },
  { status: 503, word: 'word_of_next_year', kind: 'retry', code: 'http_5xx' },
]
