import type { SignatureScheme } from '../contracts/signature.ts'
import type { Transport } from '../contracts/transport.ts'
import { invalidInput, isSignalboxError, type SignalboxError } from '../errors.ts'
import { generateSecret } from '../signing/generate-secret.ts'

const MAX_SECRET_LENGTH = 512

/**
 * The signing secret of a connection: the given one, or a new one; `undefined` where requests go out unsigned.
 * @throws SignalboxError `invalid_input` that says which schemes are in the way; never with the secret.
 */
export function chooseSecret(transport: Transport, given: string | false | undefined): string | undefined {
  const schemes = transport.signatures ?? []
  if (schemes.length === 0) {
    if (given === undefined || given === false) return undefined
    throw invalidInput('secret', `the transport ${transport.name} does not sign, so that it takes no secret`)
  }
  if (given === false) {
    const strict = schemes.filter((scheme) => scheme.unsigned !== true)
    if (strict.length === 0) return undefined
    throw invalidInput('secret', `must not be false, unless the transport leaves out ${namesOf(strict)}`)
  }
  return checkSecret(schemes, given === undefined ? generateSecret() : given)
}

/** A given secret suits all of the schemes. @throws SignalboxError `invalid_input`, never with the secret. */
export function checkSecret(schemes: readonly SignatureScheme[], secret: unknown): string {
  if (typeof secret !== 'string' || secret === '' || secret.length > MAX_SECRET_LENGTH || /\p{Cc}/u.test(secret)) {
    throw invalidInput('secret', `must be a text of 1 to ${MAX_SECRET_LENGTH} characters without control characters`)
  }
  const refusals = schemes.flatMap((scheme) => refusalOf(scheme, secret) ?? [])
  if (refusals.length === 0) return secret
  const names = namesOf(refusals.map((refusal) => refusal.scheme))
  const rules = refusals.map((refusal) => refusal.rule).join('; ')
  throw invalidInput('secret', `does not suit ${names} (${rules}): give another one, or leave out ${names}`)
}

function refusalOf(scheme: SignatureScheme, secret: string): { scheme: SignatureScheme; rule: string } | undefined {
  try {
    scheme.checkSecret(secret)
    return undefined
  } catch (error) {
    if (!isSignalboxError(error, 'invalid_input')) throw error
    return { scheme, rule: ruleOf(error, secret) }
  }
}

function ruleOf(error: SignalboxError, secret: string): string {
  return error.message.includes(secret) ? 'not valid' : error.message.replace(/^secret: /, '')
}

function namesOf(schemes: readonly SignatureScheme[]): string {
  return schemes.map((scheme) => scheme.name).join(', ')
}
