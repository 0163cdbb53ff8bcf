import type { OAuthGrant, OAuthProvider } from '../../contracts/oauth.ts'
import { invalidInput } from '../../errors.ts'
import { EXTERNAL_ID } from './name.ts'

const MAX_TOKEN_LENGTH = 32_768
const MAX_NAME_LENGTH = 500

/** @throws SignalboxError `invalid_input` naming the field, never with a token */
export function checkGrant(grant: OAuthGrant, providers: ReadonlyMap<string, OAuthProvider>): void {
  if (typeof grant !== 'object' || grant === null) throw invalidInput('grant', 'must be what `exchange` answered')
  const { provider, externalId, accountName, accessToken, refreshToken, expiresAt, scopes } = grant
  if (!providers.has(provider)) {
    throw invalidInput('grant.provider', `must be one of: ${[...providers.keys()].join(', ')}`)
  }
  if (typeof externalId !== 'string' || !EXTERNAL_ID.test(externalId)) {
    throw invalidInput('grant.externalId', 'must be 1 to 200 printable ASCII characters without spaces')
  }
  if (!isText(accessToken, MAX_TOKEN_LENGTH)) throw invalidInput('grant.accessToken', 'must be a token')
  if (refreshToken !== undefined && !isText(refreshToken, MAX_TOKEN_LENGTH)) {
    throw invalidInput('grant.refreshToken', 'must be a token, where it is given')
  }
  if (accountName !== undefined && (typeof accountName !== 'string' || accountName.length > MAX_NAME_LENGTH)) {
    throw invalidInput('grant.accountName', `must be a text of at most ${MAX_NAME_LENGTH} characters`)
  }
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
    throw invalidInput('grant.expiresAt', 'must be an instant in epoch milliseconds, where it is given')
  }
  if (!Array.isArray(scopes) || scopes.some((scope) => typeof scope !== 'string')) {
    throw invalidInput('grant.scopes', 'must be an array of texts')
  }
}

function isText(value: unknown, most: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= most
}
