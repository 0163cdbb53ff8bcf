import type { Place } from '../../encryption/sealer.ts'

/** What a credential is found by: `{ orgId, provider, externalId }`, as a public id and as a key of the store. */
export interface CredentialName {
  readonly orgId: string
  readonly provider: string
  readonly externalId: string
  /** Readable and stable: `slack:T0123`. */
  readonly id: string
  /** In `store.keys`. */
  readonly key: string
}

/** All credentials are listed under it. */
export const CREDENTIALS = 'credential/'

/** A provider's name has no `:`, so that an id has one reading. */
export const PROVIDER_NAME: RegExp = /^[\w.-]{1,64}$/
export const EXTERNAL_ID: RegExp = /^[\x21-\x7e]{1,200}$/

export function credentialName(orgId: string, provider: string, externalId: string): CredentialName {
  const key = `${credentialsOf(orgId)}${suffixOf(provider, externalId)}`
  return { orgId, provider, externalId, id: `${provider}:${externalId}`, key }
}

/** `undefined` where `credentialId` is none that `storedTokens` gives. */
export function nameOfId(orgId: string, credentialId: string): CredentialName | undefined {
  const at = credentialId.indexOf(':')
  const provider = credentialId.slice(0, Math.max(0, at))
  const externalId = credentialId.slice(at + 1)
  if (!PROVIDER_NAME.test(provider) || !EXTERNAL_ID.test(externalId)) return undefined
  return credentialName(orgId, provider, externalId)
}

export function nameOfKey(key: string): CredentialName | undefined {
  const [orgId, provider, externalId, ...rest] = key.slice(CREDENTIALS.length).split('/').map(decodeURIComponent)
  if (orgId === undefined || provider === undefined || externalId === undefined || rest.length > 0) return undefined
  return credentialName(orgId, provider, externalId)
}

/** The keys of one organisation begin with it. Encoded, so that no organisation's prefix is another's. */
export function credentialsOf(orgId: string): string {
  return `${CREDENTIALS}${encodeURIComponent(orgId)}/`
}

/** Whether both are of one workspace or account, in whatever organisations. */
export function isSameAccount(a: CredentialName, b: CredentialName): boolean {
  return a.provider === b.provider && a.externalId === b.externalId
}

/** Where the value is sealed to. */
export function placeOf({ orgId, id }: CredentialName): Place {
  return { orgId, record: id, field: 'credential' }
}

function suffixOf(provider: string, externalId: string): string {
  return `${encodeURIComponent(provider)}/${encodeURIComponent(externalId)}`
}
