import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { EventBase, Importance } from '../contracts/event.ts'
import type { HeadersLike, SignatureScheme } from '../contracts/signature.ts'
import type { KeyRepository } from '../contracts/store.ts'
import type { SignalboxError } from '../errors.ts'
import type { NodeListener } from './node.ts'

/** A request as it arrived. */
export interface RawRequest {
  /** Only POST is a webhook. @default 'POST' */
  readonly method?: string
  readonly headers: HeadersLike
  /** The raw body; a string stands for its UTF-8 bytes. */
  readonly body: Uint8Array | string
}

/** A verified webhook. */
export interface ReceivedWebhook<E extends EventBase = EventBase> {
  /** The same for every repetition of a message; the scheme says where it comes from (see `receiver`). */
  readonly id: string
  /** Name of the scheme that verified it. */
  readonly scheme: string
  /**
   * What the sender calls it: the payload's `type`; `event` of Ghost CMS (absent in its older form); for GitHub
   * `X-GitHub-Event`, which is not signed.
   */
  readonly type?: string
  /** Epoch ms at which it was sent, where the scheme has a timestamp. */
  readonly timestamp?: number
  /**
   * What it says, where the payload is one of signalbox's own formats. With a catalog: one of its events, checked by its
   * schema, or a digest or a test.
   */
  readonly event?: ReceivedMessage<E>
  /** Why there is no `event`, where a `catalog` or a `format` asked for one. The payload is authentic all the same. */
  readonly eventError?: SignalboxError
  /** The parsed body: JSON, or the fields of a form. */
  readonly payload: unknown
  /** Exactly the bytes that arrived and were verified. */
  readonly raw: Uint8Array
  /** Handled before: there is nothing left to do. Always `false` with `dedupe: false`. */
  readonly duplicate: boolean
  /** Names in lower case, repeated values joined with `, `. Only what the scheme signs is authentic. */
  readonly headers: Readonly<Record<string, string>>
}

/** What `receive` answers: a webhook that this caller has claimed, unless it is a duplicate. */
export interface Reception<E extends EventBase = EventBase> extends ReceivedWebhook<E> {
  /** It was handled: repetitions are duplicates from now on. @throws SignalboxError `store_failed` */
  confirm(): Promise<void>
  /** It was not handled: the sender's next try is fresh again, at once. @throws SignalboxError `store_failed` */
  release(): Promise<void>
}

/** What a message of signalbox says, whichever format it came in. */
export type ReceivedMessage<E extends EventBase = EventBase> = ReceivedEvent<E> | ReceivedDigest | ReceivedTest

interface ReceivedBase {
  readonly href: string
  readonly orgName: string
  /** Not in the `ghost` format. */
  readonly orgId?: string
  /** Epoch ms: when the event happened, the digest closed, the test was asked for. */
  readonly timestamp: number
}

/** An event; with a catalog the union of its events, told apart by `type`. */
export type ReceivedEvent<E extends EventBase = EventBase> = E extends EventBase
  ? ReceivedBase &
      Pick<E, 'type' | 'metadata'> & {
        readonly kind: 'event'
        readonly title: string
        readonly body: string
        /** Not in the `ghost` format. */
        readonly id?: string
        readonly category?: string
        readonly importance?: Importance
      }
  : never

export interface ReceivedDigest extends ReceivedBase {
  readonly kind: 'digest'
  readonly type: 'digest'
  readonly subject: string
  /** Oldest first. Not checked by the catalog. */
  readonly items: readonly ReceivedItem[]
  /** More than `items` where events were counted and not kept. Not in the `ghost` format. */
  readonly total?: number
  /** What the events were grouped by. */
  readonly key?: string
}

export interface ReceivedItem {
  readonly type: string
  readonly title: string
  readonly body: string
  readonly href: string
  readonly id?: string
  /** Epoch ms. */
  readonly timestamp?: number
  readonly category?: string
  readonly importance?: Importance
  readonly metadata?: object
}

export interface ReceivedTest extends ReceivedBase {
  readonly kind: 'test'
  readonly type: 'test'
  readonly title: string
  readonly body: string
}

/** Names of signalbox's own wire formats. */
export type ReadableFormat = 'ghost' | 'standard' | 'cloudevents'

/** Where ids of handled messages are kept: any signalbox store, or an object with these three calls. */
export interface DedupeStore {
  readonly keys: Pick<KeyRepository, 'get' | 'put' | 'delete'>
  /** Called once before the first use, where there is one. Idempotent. */
  setup?(): Promise<void>
}

export interface DedupeOptions {
  readonly store: DedupeStore
  /** How long a handled message is remembered, in ms. @default 604_800_000 (7 days: longer than senders retry) */
  readonly ttlMs?: number
  /**
   * How long a message is one receiver's to handle, in ms: after a crash it is fresh again when this has passed. Longer
   * than the handler takes.
   * @default 60_000
   */
  readonly claimMs?: number
  /** What the keys begin with. Receivers of different senders that share a store need different ones. @default 'received/' */
  readonly prefix?: string
}

export interface ReceiverOptions<E extends EventBase = EventBase, K extends string = string> {
  /** Of several one that matches is enough: the weakest of them decides. */
  readonly scheme: SignatureScheme | readonly SignatureScheme[]
  /** Any of them may match: keep the old one while a secret is rotated. A function is asked at every request. */
  readonly secrets: readonly string[] | (() => readonly string[] | Promise<readonly string[]>)
  /** Types `event`, and checks it. */
  readonly catalog?: Catalog<E, K>
  /** The one format to read `event` from. @default whichever of them it is */
  readonly format?: ReadableFormat
  /** How far the timestamp may be off, either way, in ms. @default 300_000 (5 minutes) */
  readonly toleranceMs?: number
  /** Where handled ids are kept. `false`: nowhere. @default in this process, the latest 10,000 */
  readonly dedupe?: DedupeOptions | false
  /** Larger bodies are refused, in bytes. @default 1_048_576 (1 MiB) */
  readonly maxBodyBytes?: number
  /**
   * Told why `fetch` and `node` do not answer 2xx, and of a handled message that could not be remembered.
   * @default prints what the sender can do nothing about: failures of handlers, of the store, and of the set-up
   */
  readonly onError?: (error: unknown, context: ReceiveErrorContext) => void
  /** @default the system's clock */
  readonly clock?: Pick<Clock, 'now'>
}

export interface ReceiveErrorContext {
  /** What the sender is answered. */
  readonly status: number
  /** Of the message; absent where the request was refused before it was one. */
  readonly id?: string
  readonly type?: string
}

/**
 * Handles one webhook. When its promise resolves, the message counts as handled; when it rejects, the sender is answered
 * 500 and tries again. A `Response` (Fetch's) is sent as it is, and one that is not 2xx means "not handled"; any other
 * result is ignored, and the answer 204.
 */
export type WebhookHandler<E extends EventBase = EventBase> = (webhook: ReceivedWebhook<E>) => unknown

export interface Receiver<E extends EventBase = EventBase> {
  /**
   * Verifies, parses and claims a request. Afterwards call `confirm` or `release`; with neither, the message is fresh
   * again after `claimMs`.
   *
   * @throws ReceiveError ({@link isReceiveError}): its `status` is what to answer. `signature_invalid` has the reason in
   *   `failure`. Nothing else, but what a `secrets` function throws.
   */
  receive(request: RawRequest): Promise<Reception<E>>
  /** A handler for frameworks that speak Fetch. */
  fetch(handler: WebhookHandler<E>): (request: Request) => Promise<Response>
  /** A listener for `node:http` and frameworks over it. Its promise never rejects. */
  node(handler: WebhookHandler<E>): NodeListener
}
