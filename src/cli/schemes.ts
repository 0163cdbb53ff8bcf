import { cloudEventsFormat, ghostCmsFormat, ghostFormat, type PayloadFormat, standardFormat } from 'signalbox/payloads'
import {
  ghostCmsSignature,
  ghostSignature,
  github,
  type SignatureScheme,
  standardWebhooks,
  stripe,
} from 'signalbox/signing'
import { githubFormat, stripeFormat } from './service-formats.ts'

/** What `--scheme` may say, and the format that its senders use. */
const SCHEMES: Readonly<Record<string, readonly [scheme: () => SignatureScheme, format: string]>> = {
  standard: [standardWebhooks, 'standard'],
  ghost: [ghostSignature, 'ghost'],
  'ghost-cms': [ghostCmsSignature, 'ghost-cms'],
  stripe: [stripe, 'stripe'],
  github: [github, 'github'],
}

const FORMATS: Readonly<Record<string, () => PayloadFormat>> = {
  ghost: () => ghostFormat,
  standard: () => standardFormat,
  cloudevents: cloudEventsFormat,
  'ghost-cms': ghostCmsFormat,
  stripe: () => stripeFormat,
  github: () => githubFormat,
}

export const SCHEME_NAMES: readonly string[] = Object.keys(SCHEMES)
export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS)

/** The scheme of a name that the command line has checked. */
export function schemeNamed(name: string): SignatureScheme {
  return entryOf(name)[0]()
}

/** The format of that name, else the one of the scheme. */
export function formatNamed(name: string | undefined, scheme: string): PayloadFormat {
  const format = FORMATS[name ?? entryOf(scheme)[1]]
  if (format === undefined) throw new Error(`no format is named ${name}`)
  return format()
}

function entryOf(name: string): readonly [() => SignatureScheme, string] {
  const entry = SCHEMES[name]
  if (entry === undefined) throw new Error(`no scheme is named ${name}`)
  return entry
}

/** Those that were typed, else the one of the environment. */
export function secretsFrom(
  typed: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (typed !== undefined && typed.length > 0) return typed
  const { WEBHOOK_SECRET: secret } = env
  return secret === undefined || secret === '' ? [] : [secret]
}
