/**
 * Wire formats: pure builders from a message to the bytes that are signed and sent, and the text helpers that they
 * share with formats of your own.
 */
export type { PayloadFormat, WireBody } from '../contracts/format.ts'
export type { DigestMessage, EventMessage, Message, TestMessage } from '../contracts/message.ts'
export { type CloudEventsFormatOptions, cloudEventsFormat } from './cloud-events.ts'
export { defaultDigestSubject } from './digest-subject.ts'
export { ghostFormat } from './ghost.ts'
export { standardFormat } from './standard.ts'
export { TEST_BODY, TEST_TITLE } from './test-message.ts'
export { cutText, wellFormed } from './text.ts'
