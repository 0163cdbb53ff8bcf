import type { Catalog } from '../contracts/catalog.ts'
import type { Clock, Ids, Logger } from '../contracts/clock.ts'
import type { ConnectionRecord } from '../contracts/connection.ts'
import type { AttemptRecord } from '../contracts/delivery.ts'
import type { HttpPort } from '../contracts/http.ts'
import type { Message } from '../contracts/message.ts'
import type { Outcome } from '../contracts/outcome.ts'
import type { Store } from '../contracts/store.ts'
import type { CredentialSource, TokenSource } from '../contracts/tokens.ts'
import type { Transport } from '../contracts/transport.ts'
import type { Authorize } from './authorize.ts'
import type { Vault } from './vault.ts'

/** What the host knows of an organisation. */
export interface OrganisationInfo {
  /** Shown in messages. @default the `orgId` */
  readonly name?: string
  /** Where a test message links to. */
  readonly settingsUrl?: string
  /** Where a digest links to. @default its newest event's `href` */
  readonly digestUrl?: string
}

export type Organisation = (orgId: string) => OrganisationInfo | Promise<OrganisationInfo>

/** The worker's own exchange, for one message outside the queue: build, token, sign, guard, send, classify, record. */
export type AttemptOnce = (
  record: ConnectionRecord,
  message: Message,
  deliveryId: string,
) => Promise<{ readonly outcome: Outcome; readonly attempt: AttemptRecord }>

/** What the management of connections is made of. */
export interface ConnectionsDeps {
  readonly store: Store
  readonly transports: ReadonlyMap<string, Transport>
  readonly catalog?: Catalog | undefined
  readonly vault: Vault
  readonly http: HttpPort
  readonly clock: Clock
  readonly ids: Ids
  readonly authorize?: Authorize | undefined
  readonly organisation: Organisation
  readonly attempt: AttemptOnce
  readonly tokens?: TokenSource | undefined
  /** Keeps grants; absent where the host has a source of tokens of its own. */
  readonly credentials?: CredentialSource | undefined
  readonly logger?: Logger | undefined
  /** Shutdown. */
  readonly signal?: AbortSignal | undefined
  /** Something may be claimable or matched differently now: wakes the worker. */
  onChange?(orgId: string): void
}
