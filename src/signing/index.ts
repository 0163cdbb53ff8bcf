/**
 * Signing and verifying webhooks, one scheme a factory. Needs `node:crypto` and nothing else.
 *
 * Not exported: the helpers that the schemes share. Their behaviour is part of the schemes, their shape is not.
 */
export type {
  HeadersLike,
  SignatureScheme,
  SignInput,
  VerifyFailure,
  VerifyInput,
  VerifyResult,
} from '../contracts/signature.ts'
export { generateSecret } from './generate-secret.ts'
export { type GhostSignatureOptions, ghostSignature } from './ghost.ts'
export { type GhostCmsSignatureOptions, ghostCmsSignature } from './ghost-cms.ts'
export { github } from './github.ts'
export { slackRequest } from './slack-request.ts'
export { standardWebhooks } from './standard-webhooks.ts'
export { stripe } from './stripe.ts'
export {
  isSignatureError,
  type SignatureError,
  type VerifiedWebhook,
  type VerifyRequestInput,
  verifyWebhook,
} from './verify-webhook.ts'
