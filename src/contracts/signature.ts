/** A request's headers: a plain object (names in any case, values possibly repeated) or Fetch `Headers`. */
export type HeadersLike = Readonly<Record<string, string | readonly string[] | undefined>> | Headers

export interface SignInput {
  /** The message id; without `.`. */
  readonly id: string
  /** Epoch ms of this attempt, whatever the wire format. */
  readonly sentAt: number
  /** Exactly the bytes that are sent. */
  readonly body: string | Uint8Array
  /** Newest first. Schemes whose header holds one signature use the first only. */
  readonly secrets: readonly string[]
}

export interface VerifyInput {
  readonly headers: HeadersLike
  /** The raw body as received; a decoded and re-encoded one does not do. */
  readonly body: string | Uint8Array
  /** Any of them may match. */
  readonly secrets: readonly string[]
  /** Epoch ms. @default Date.now() */
  readonly now?: number
  /** How far the timestamp may be off, either way, where the scheme has one. @default 300_000 (5 minutes) */
  readonly toleranceMs?: number
}

export type VerifyFailure =
  | 'header_missing'
  | 'header_malformed'
  | 'timestamp_malformed'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'secret_invalid'
  | 'no_match'

export type VerifyResult =
  | {
      readonly ok: true
      /** The message id, where the scheme has one. */
      readonly id?: string
      /** Epoch ms, where the scheme has one. */
      readonly timestamp?: number
    }
  | { readonly ok: false; readonly code: VerifyFailure }

/** One way to sign requests. Pure: the time is passed in. */
export interface SignatureScheme {
  readonly name: string
  /** The header names that `sign` writes, lower case: two schemes of one transport must not share one. */
  readonly headers: readonly string[]
  /** Allows requests without a secret: then `sign` is called with none and writes what needs none. */
  readonly unsigned?: true
  /** @throws SignalboxError `invalid_input` naming the rule, when a secret does not suit the scheme. */
  checkSecret(secret: string): void
  /** @throws SignalboxError `invalid_input` when `id`, `sentAt` or a secret does not suit the scheme. */
  sign(input: SignInput): Record<string, string>
  /** Never throws for what arrives from outside. */
  verify(input: VerifyInput): VerifyResult
}
