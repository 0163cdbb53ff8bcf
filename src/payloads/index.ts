/**
 * Wire formats: pure builders from a message to the bytes that are signed and sent, and the text helpers that they
 * share with formats of your own.
 */
export type { PayloadFormat, WireBody } from '../contracts/format.ts'
export type { DigestMessage, EventMessage, Message, TestMessage } from '../contracts/message.ts'
export { type AdaptiveCardOptions, adaptiveCard } from './adaptive-card.ts'
export { cardWireBytes, escapeCardText, MAX_CARD_WIRE_BYTES } from './adaptive-card-text.ts'
export type { AdaptiveCard, AnyAdaptiveCard, OpenUrlAction, RichTextBlock, TextRun } from './adaptive-card-types.ts'
export { type CloudEventsFormatOptions, cloudEventsFormat } from './cloud-events.ts'
export { defaultDigestSubject } from './digest-subject.ts'
export { type DiscordMessageOptions, discordMessage } from './discord.ts'
export { discordLink, escapeDiscordText } from './discord-text.ts'
export type { DiscordEmbed, DiscordMessage } from './discord-types.ts'
export { ghostFormat } from './ghost.ts'
export { type GhostCmsBody, type GhostCmsFormatOptions, ghostCmsFormat } from './ghost-cms.ts'
export { type SlackMessage, type SlackMessageOptions, slackMessage } from './slack.ts'
export { escapeSlackText } from './slack-text.ts'
export { standardFormat } from './standard.ts'
export { TEST_BODY, TEST_TITLE } from './test-message.ts'
export { cutText, wellFormed } from './text.ts'
