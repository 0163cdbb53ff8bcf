/**
 * Why an exchange did not deliver. A closed union of stable literals: the number is in `status`, the service's own
 * word in `providerCode`.
 */
export type OutcomeCode =
  | 'timeout'
  | 'dns_error'
  | 'tls_error'
  | 'connection_refused'
  | 'connection_reset'
  | 'network_error'
  | 'http_4xx'
  | 'http_5xx'
  | 'redirect'
  | 'gone'
  | 'rate_limited'
  | 'blocked_address'
  | 'blocked_url'
  | 'invalid_response'
  | 'response_too_large'
  | 'invalid_request'
  | 'provider_error'
  | 'invalid_payload'
  | 'payload_too_large'
  | 'unsupported_message'
  | 'token_missing'
  | 'token_expired'
  | 'token_revoked'
  | 'missing_scope'
  | 'target_gone'
  | 'config_invalid'
  | 'secret_unreadable'
  | 'transport_threw'
  | 'abandoned'
  | 'cancelled'

/** What the destination gave back to find the message again: Slack `ts`, a Graph message id. */
export type Receipt = Readonly<Record<string, string>>

interface Failure {
  readonly code: OutcomeCode
  /** HTTP status, where one arrived. */
  readonly status?: number
  /** The service's own error word. */
  readonly providerCode?: string
  /**
   * For a person: one sentence, no secrets. Of `gone` and `reauthorize` it becomes the reason of the suspension, which a
   * settings page shows: say what happened, and quote the service behind it.
   */
  readonly detail?: string
  /** The response as text; the core redacts it and keeps 2 KiB. Do not cut it before: half a secret is not found. */
  readonly snippet?: string
}

/** What a transport reports of one exchange. An expected failure is data, not an exception. */
export type Outcome =
  /** `cooldownMs`: the destination's allowance is used up, and new for the whole connection after so long. */
  | {
      readonly kind: 'delivered'
      readonly status?: number
      readonly receipt?: Receipt
      readonly snippet?: string
      readonly cooldownMs?: number
    }
  /** Try later. `retryAfterMs`: what the destination asked for. `ambiguous`: the message may have arrived. */
  | (Failure & { readonly kind: 'retry'; readonly retryAfterMs?: number; readonly ambiguous?: boolean })
  /** This message never; the connection stays. */
  | (Failure & { readonly kind: 'rejected' })
  /** The credentials are dead: suspend the connection. */
  | (Failure & { readonly kind: 'reauthorize' })
  /** The destination is gone: suspend the connection. */
  | (Failure & { readonly kind: 'gone' })

export type FailedOutcome = Exclude<Outcome, { kind: 'delivered' }>

/** How failed deliveries are tried again. */
export interface RetryPolicy {
  /**
   * Waits in ms after the first, second, … failed round; the delivery fails when they are used up.
   * @default the Standard Webhooks schedule: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h
   */
  readonly delaysMs?: readonly number[]
  /** Each wait is multiplied by a random factor in `1 ± jitter`; 0 to 1. @default 0.2 */
  readonly jitter?: number
  /** A longer `Retry-After` is cut to this. @default 3_600_000 (1 h) */
  readonly maxRetryAfterMs?: number
  /** What an outcome that may have arrived leads to: another try (a possible duplicate) or the end. @default 'retry' */
  readonly ambiguous?: 'retry' | 'fail'
  /** Upper bound of exchanges of one delivery, quick second tries included. @default no bound beside `delaysMs` */
  readonly maxAttempts?: number
  /** Only these codes are tried again; any other failure is final. @default every `retry` outcome */
  readonly only?: readonly OutcomeCode[]
  /**
   * The second try after a 429 inside the same claim: after `Retry-After` where that is at most `maxWaitMs`, else,
   * where none was given, after a random wait of up to `maxWaitMs`. `false`: never. @default { maxWaitMs: 2_000 }
   */
  readonly quick?: { readonly maxWaitMs: number } | false
}
