import type { StatusReason } from '../contracts/connection.ts'
import type { OutcomeCode } from '../contracts/outcome.ts'

const OUTCOME_TEXTS: Readonly<Record<OutcomeCode, string>> = Object.freeze({
  timeout: 'The destination did not answer in time',
  dns_error: 'The host name could not be resolved',
  tls_error: 'No secure connection could be made (certificate or TLS problem)',
  connection_refused: 'The destination refused the connection',
  connection_reset: 'The connection broke off',
  network_error: 'The destination could not be reached',
  http_4xx: 'The destination refused the request',
  http_5xx: 'The destination failed with an error of its own',
  redirect: 'The destination answered with a redirect, and redirects are not followed',
  gone: 'The destination no longer exists',
  rate_limited: 'The destination asked to slow down',
  blocked_address: 'The address is one that may not be reached',
  blocked_url: 'The URL is one that may not be called',
  invalid_response: 'The destination answered with something that is not valid HTTP',
  response_too_large: 'The answer was too large',
  invalid_request: 'The request could not be made',
  provider_error: 'The service reported an error',
  invalid_payload: 'The destination did not accept the content of the message',
  payload_too_large: 'The message is too large for the destination',
  unsupported_message: 'This kind of message cannot be sent to this destination',
  token_missing: 'There is no authorisation; connect again',
  token_expired: 'The authorisation has expired; connect again',
  token_revoked: 'The authorisation was withdrawn; connect again',
  missing_scope: 'The authorisation lacks a permission; connect again',
  target_gone: 'The channel was archived or removed, or is no longer accessible',
  config_invalid: 'The settings of this connection are not valid',
  secret_unreadable: 'The stored secret of this connection cannot be read',
  transport_threw: 'Sending failed because of a fault in the sender',
  abandoned: 'Sending was begun several times and never finished',
  cancelled: 'The delivery was cancelled',
})

/** Whether `code` is one of the closed list of outcome codes. */
export function isOutcomeCode(code: unknown): code is OutcomeCode {
  return typeof code === 'string' && Object.hasOwn(OUTCOME_TEXTS, code)
}

/** What an outcome means, in words for a settings page; with `status`, the HTTP status is added. */
export function outcomeText(code: OutcomeCode, status?: number): string {
  return status === undefined ? OUTCOME_TEXTS[code] : `${OUTCOME_TEXTS[code]} (HTTP ${status})`
}

/** Says no more than the status does: `404: Not Found`, `Forbidden`. */
const STATUS_WORDS = /^(?:\d{3}\W*)?(?:unauthorized|forbidden|not ?found|gone)\W*$/i

/**
 * The `detail` of an outcome that ends a connection. It becomes the reason on a settings page, so that what it means for
 * people comes first, and what the service `said` behind it, in parentheses, where that adds something.
 *
 * @param own says more than {@link outcomeText}, which stands in for it.
 */
export function endDetail(
  code: OutcomeCode,
  said: string | undefined,
  own?: string | undefined,
): { readonly detail?: string } {
  const words = said?.trim().replace(/\.$/, '') ?? ''
  if (words !== '' && !STATUS_WORDS.test(words)) return { detail: `${own ?? outcomeText(code)} (${words})` }
  return own === undefined ? {} : { detail: own }
}

/** Why a connection that a person paused is not active. `now`: epoch ms. */
export function pausedReason(now: number): StatusReason {
  return { code: 'paused', text: 'Paused by a person', since: now }
}

/** Why a connection is `incomplete`. `missing`: what its transport says is still lacking, in words; not empty. */
export function missingReason(missing: readonly string[], now: number): StatusReason {
  return { code: 'missing', text: `Still missing: ${missing.join(', ')}`, since: now }
}

/** Why a connection whose stored config no longer parses is `incomplete`. `problem`: one sentence without values. */
export function configInvalidReason(problem: string | undefined, now: number): StatusReason {
  const text = outcomeText('config_invalid')
  return { code: 'config_invalid', text: problem === undefined ? text : `${text}: ${problem}`, since: now }
}
