import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { HttpPort } from '../contracts/http.ts'
import type { Transport } from '../contracts/transport.ts'
import { invalidInput, isSignalboxError, SignalboxError } from '../errors.ts'
import { checkCustomHeaders } from '../http/headers.ts'
import { checkJson } from './check-input.ts'

type Config = Readonly<Record<string, unknown>>

const MAX_CONFIG_BYTES = 64 * 1024
/** Shorter values are too common in words to be looked for in a schema's message. */
const MIN_TELLTALE_LENGTH = 4

/**
 * Parses a config from outside: the transport's schema, then what no schema can know: its URLs pass the egress guard,
 * its headers may be sent.
 * @throws SignalboxError `invalid_input` (`config.url: …`) · `blocked_url`; never with a value of the config.
 */
export async function parseConfig(transport: Transport, input: unknown, http: HttpPort): Promise<Config> {
  if (typeof input !== 'object' || input === null) throw invalidInput('config', 'must be an object')
  const result = await transport.config['~standard'].validate(input)
  if (result.issues) throw issueError(result.issues, input)
  const config = checkJson(result.value, 'config', MAX_CONFIG_BYTES)
  const denied = (transport.signatures ?? []).flatMap((scheme) => scheme.headers)
  for (const { name, kind } of transport.fields) {
    const value = config[name]
    if (value === undefined || value === null) continue
    const field = `config.${name}`
    if (kind === 'url') checkUrl(field, String(value), http)
    if (kind === 'headers') checkCustomHeaders(value as Record<string, string>, { field, denied })
  }
  return config
}

/** Parses a stored config. Answers what is wrong with it where it is no longer valid. */
export async function reparseConfig(
  transport: Transport,
  stored: Config,
): Promise<{ readonly config: unknown } | { readonly problem: string }> {
  const result = await transport.config['~standard'].validate(stored)
  return result.issues ? { problem: issueError(result.issues, stored).message } : { config: result.value }
}

function issueError(issues: readonly StandardSchemaV1.Issue[], input: object): SignalboxError {
  const [issue] = issues
  const path = (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part))
  const field = `config${path.map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`)).join('')}`
  return invalidInput(field, discreet(issue?.message ?? '', input))
}

/** The guard knows the rule, not the field. */
function checkUrl(field: string, url: string, http: HttpPort): void {
  try {
    http.check(url)
  } catch (error) {
    if (!isSignalboxError(error)) throw error
    throw new SignalboxError(error.code, `${field}: ${discreet(error.message, url)}`, { field })
  }
}

/** A rule in words, or less where the words quote what they judge: some schema libraries do. */
function discreet(rule: string, value: unknown): string {
  const tells = texts(value).some((text) => text.length >= MIN_TELLTALE_LENGTH && rule.includes(text))
  return rule === '' || tells ? 'is not valid' : rule
}

/** All strings and numbers in a value, as text. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(texts)
}
