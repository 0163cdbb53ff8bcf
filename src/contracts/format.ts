import type { Message } from './message.ts'

/** A wire body, serialised once and shared by all connections that want this format. */
export interface WireBody {
  readonly contentType: string
  /** Exactly the bytes that are signed and sent. */
  readonly body: string | Uint8Array
  /** Headers that belong to the format, e.g. a content version. Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Turns a message into a wire body. A host can write its own: pure, and total over the kinds of messages. */
export interface PayloadFormat {
  /** What a connection's `config.format` says. */
  readonly name: string
  build(message: Message): WireBody
}
