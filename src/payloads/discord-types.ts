/**
 * What `discordMessage` builds: a body for a Discord webhook.
 * @see https://discord.com/developers/docs/resources/webhook#execute-webhook
 */
export interface DiscordMessage {
  readonly username?: string
  readonly embeds: readonly DiscordEmbed[]
  /** Empty: no mention in any text reaches anybody. */
  readonly allowed_mentions: { readonly parse: readonly [] }
}

/** @see https://discord.com/developers/docs/resources/message#embed-object */
export interface DiscordEmbed {
  /** Plain text above the title. */
  readonly author?: { readonly name: string }
  /** Markdown inside a line. */
  readonly title: string
  /** Where the title leads. */
  readonly url?: string
  /** Markdown. */
  readonly description?: string
  /** RGB. */
  readonly color: number
  /** Plain text. */
  readonly footer?: { readonly text: string }
  /** ISO 8601. */
  readonly timestamp: string
}
