/**
 * The receiving side: a raw request → a verified, typed, deduplicated event.
 *
 * Not exported: how the three formats are read back, and how a message's identity is found. Their results are in what
 * `receive` answers.
 */
export type { HeadersLike, SignatureScheme, VerifyFailure } from '../contracts/signature.ts'
export { isReceiveError, type ReceiveError, type ReceiveErrorStatus } from './errors.ts'
export type { NodeListener, NodeRequest, NodeResponse } from './node.ts'
export { receiver } from './receiver.ts'
export type {
  DedupeOptions,
  DedupeStore,
  RawRequest,
  ReadableFormat,
  ReceivedDigest,
  ReceivedEvent,
  ReceivedItem,
  ReceivedMessage,
  ReceivedTest,
  ReceivedWebhook,
  ReceiveErrorContext,
  Receiver,
  ReceiverOptions,
  Reception,
  WebhookHandler,
} from './types.ts'
