export type {
  AuthorizeUrlOptions,
  OAuthCallOptions,
  OAuthGrant,
  OAuthProvider,
  RefreshResult,
} from '../contracts/oauth.ts'
export { type MicrosoftOAuthOptions, microsoftOAuth } from './microsoft.ts'
export { pkceChallenge, pkceVerifier } from './pkce.ts'
export type { OAuthClientOptions } from './provider-options.ts'
export { type SlackOAuthOptions, slackOAuth } from './slack.ts'
export {
  type ConsumedOAuthState,
  type IssuedOAuthState,
  type OAuthStateInput,
  type OAuthStates,
  type OAuthStatesOptions,
  oauthStates,
} from './states.ts'
export { type StoredTokensOptions, storedTokens } from './stored-tokens.ts'
