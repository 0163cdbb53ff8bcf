import type { StoredEvent } from '../contracts/event.ts'
import type { OpenDigest, Page } from '../contracts/store.ts'

export interface DigestListQuery {
  readonly orgId: string
  readonly connectionId?: string | undefined
  /** The `next` of the page before. */
  readonly after?: string | undefined
  /** 1–200. @default 50 */
  readonly limit?: number | undefined
}

/** Names an open digest. */
export interface DigestCall {
  readonly orgId: string
  readonly connectionId: string
  /** Of connections whose digests are grouped. @default '' */
  readonly key?: string | undefined
}

export interface FlushCall extends Omit<DigestCall, 'key'> {
  /** @default every open digest of the connection */
  readonly key?: string | undefined
  /** Who is asking, in whatever form the host's `authorize` understands. */
  readonly actor?: unknown
}

export interface PeekedDigest extends OpenDigest {
  /** The kept events, oldest first. */
  readonly events: readonly StoredEvent[]
}

/** The digests that are open. Those of another organisation do not exist for a call. */
export interface Digests {
  /** By connection, then key. */
  list(query: DigestListQuery): Promise<Page<OpenDigest>>
  /** What an open digest holds; `undefined` where none is open. */
  peek(call: DigestCall): Promise<PeekedDigest | undefined>
  /**
   * Closes digests now: each becomes a delivery that is due at once (quiet hours, pauses and cooldowns hold all the same).
   * @throws `forbidden` · `invalid_input`
   */
  flush(call: FlushCall): Promise<{ readonly deliveryIds: readonly string[] }>
}
