import type { Catalog, EventDefinition } from '../contracts/catalog.ts'
import type { SignatureScheme } from '../contracts/signature.ts'
import { checkOptions, invalidInput } from '../errors.ts'
import { type EventSchemaOptions, eventSchema } from './event-schemas.ts'
import type { JsonSchema } from './json-schema.ts'
import { createSchemaComponents } from './schema-components.ts'

export interface AsyncApiOptions extends EventSchemaOptions {
  /** Of AsyncAPI. */
  readonly version: '2.6.0' | '3.0.0'
  readonly info: {
    readonly title: string
    readonly version: string
    readonly description?: string
    readonly contact?: { readonly name?: string; readonly url?: string; readonly email?: string }
    readonly license?: { readonly name: string; readonly url?: string }
  }
  readonly externalDocs?: { readonly url: string; readonly description?: string }
  /**
   * Where events are sent: the receiver's URL, in braces where it is the receiver who names it.
   * @default name `receiver`, url `{webhookUrl}`
   */
  readonly server?: { readonly name: string; readonly url: string; readonly description?: string }
  /** How requests are signed: one security scheme each, by the header that holds the signature. */
  readonly signatures?: readonly SignatureScheme[]
  /** Names of security schemes, by the names of signature schemes. @default the latter */
  readonly securityNames?: Readonly<Record<string, string>>
  /** The address of an event's channel. @default its type */
  readonly address?: (type: string) => string
  /** In AsyncAPI 2, seen from the receiver: it subscribes, or the sender publishes to it. @default 'subscribe' */
  readonly operation?: 'subscribe' | 'publish'
  /** The name of an event's message; events may share one. @default the type in PascalCase */
  readonly message?: (type: string, definition: EventDefinition) => string
}

/** Plain JSON, ready for `JSON.stringify`. */
export type AsyncApiDocument = { readonly asyncapi: '2.6.0' | '3.0.0' } & Readonly<Record<string, unknown>>

interface Entry {
  readonly type: string
  readonly operationId: string
  readonly address: string
  readonly message: string
  readonly summary: string
  readonly description: string | undefined
}

/**
 * Describes a catalog as an AsyncAPI document: a channel, an operation and a message for each event, the JSON Schemas of
 * the bodies, and how requests are signed. Parts of schemas that have a `title` fit for a name become components of
 * their own.
 *
 * @example
 * const document = asyncapi(catalog, { version: '3.0.0', info: { title: 'Acme webhooks', version: '1.0.0' } })
 * writeFileSync('asyncapi.json', JSON.stringify(document, null, 2))
 * @throws SignalboxError `invalid_input` naming the option, also where two events would share an operation's id.
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export function asyncapi(catalog: Pick<Catalog, 'categories'>, options: AsyncApiOptions): AsyncApiDocument {
  checkOptions(options, OPTIONS)
  const { version, info, externalDocs } = options
  if (version !== '2.6.0' && version !== '3.0.0') throw invalidInput('version', "must be '2.6.0' or '3.0.0'")
  if (typeof info?.title !== 'string' || typeof info.version !== 'string') {
    throw invalidInput('info', 'must have a title and a version')
  }
  const components = createSchemaComponents()
  const messages = new Map<string, JsonSchema[]>()
  const entries: Entry[] = []
  const operations = new Set<string>()
  for (const [category, { events }] of Object.entries(catalog.categories)) {
    for (const [type, definition] of Object.entries(events)) {
      const message = options.message?.(type, definition) ?? pascal(type)
      const schema = eventSchema(type, category, definition, options)
      const payload = components.add(schema, [`${message}Payload`, `${pascal(type)}Payload`])
      const others = messages.get(message)
      if (others === undefined) messages.set(message, [payload])
      else if (!others.some(({ $ref }) => $ref === payload.$ref)) others.push(payload)
      const operationId = `on${pascal(type)}`
      if (operations.has(operationId)) throw invalidInput('catalog', `two types share the operation ${operationId}`)
      operations.add(operationId)
      const address = options.address?.(type) ?? type
      const { label: summary, description } = definition
      entries.push({ type, operationId, address, message, summary, description })
    }
  }
  const security = securityOf(options)
  const parts = {
    messages: Object.fromEntries([...messages].map(([name, payloads]) => [name, messageOf(name, payloads)])),
    schemas: components.all(),
    ...(security.names.length === 0 ? {} : { securitySchemes: security.schemes }),
  }
  if (version === '2.6.0') {
    return {
      asyncapi: version,
      info,
      ...(externalDocs === undefined ? {} : { externalDocs }),
      servers: serversV2(options, security.names),
      defaultContentType: 'application/json',
      channels: Object.fromEntries(entries.map((entry) => [entry.address, channelV2(entry, options)])),
      components: parts,
    }
  }
  return {
    asyncapi: version,
    info: { ...info, ...(externalDocs === undefined ? {} : { externalDocs }) },
    servers: serversV3(options, security.names),
    defaultContentType: 'application/json',
    channels: Object.fromEntries(entries.map((entry) => [channelId(entry), channelV3(entry)])),
    operations: Object.fromEntries(entries.map((entry) => [entry.operationId, operationV3(entry)])),
    components: parts,
  }
}

const OPTIONS: readonly string[] = [
  'version',
  'info',
  'externalDocs',
  'server',
  'signatures',
  'securityNames',
  'address',
  'operation',
  'message',
  'body',
  'toJsonSchema',
] satisfies (keyof AsyncApiOptions)[]

/** Events that share a message may have different bodies. */
function messageOf(name: string, payloads: readonly JsonSchema[]): object {
  const [only] = payloads
  return { name, contentType: 'application/json', payload: payloads.length === 1 ? only : { anyOf: payloads } }
}

const wordsOf = ({ summary, description }: Entry): object => ({
  summary,
  ...(description === undefined ? {} : { description }),
})

function channelV2(entry: Entry, { operation = 'subscribe' }: AsyncApiOptions): object {
  const message = { $ref: `#/components/messages/${entry.message}` }
  return { [operation]: { operationId: entry.operationId, ...wordsOf(entry), message } }
}

const channelId = ({ type }: Entry): string => camel(type)

function channelV3(entry: Entry): object {
  return {
    address: entry.address,
    messages: { [entry.message]: { $ref: `#/components/messages/${entry.message}` } },
  }
}

function operationV3(entry: Entry): object {
  const channel = `#/channels/${channelId(entry)}`
  return {
    action: 'send',
    channel: { $ref: channel },
    ...wordsOf(entry),
    messages: [{ $ref: `${channel}/messages/${entry.message}` }],
  }
}

const RECEIVER = { name: 'receiver', url: '{webhookUrl}', description: 'The URL that the receiver registered' }

function serverOf({ server = RECEIVER }: AsyncApiOptions) {
  const described = server.description === undefined ? {} : { description: server.description }
  const names = [...server.url.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] ?? '')
  const variables = Object.fromEntries(names.map((name) => [name, { description: 'Chosen by the receiver' }]))
  return { server, described, variables: names.length === 0 ? {} : { variables } }
}

function serversV2(options: AsyncApiOptions, security: readonly string[]): object {
  const { server, described, variables } = serverOf(options)
  const secured = security.length === 0 ? {} : { security: security.map((name) => ({ [name]: [] })) }
  return { [server.name]: { url: server.url, protocol: 'https', ...described, ...variables, ...secured } }
}

function serversV3(options: AsyncApiOptions, security: readonly string[]): object {
  const { server, described, variables } = serverOf(options)
  const [host = '', ...path] = server.url.replace(/^https:\/\//, '').split(/(?=\/)/)
  const pathname = path.length === 0 ? {} : { pathname: path.join('') }
  const refs = security.map((name) => ({ $ref: `#/components/securitySchemes/${name}` }))
  const secured = refs.length === 0 ? {} : { security: refs }
  return { [server.name]: { host, ...pathname, protocol: 'https', ...described, ...variables, ...secured } }
}

function securityOf({ signatures = [], securityNames = {} }: AsyncApiOptions): {
  readonly names: readonly string[]
  readonly schemes: Readonly<Record<string, object>>
} {
  const schemes: Record<string, object> = {}
  for (const scheme of signatures) {
    const header = scheme.headers.find((name) => name.includes('signature')) ?? scheme.headers[0]
    if (header === undefined) continue
    schemes[securityNames[scheme.name] ?? scheme.name] = { type: 'httpApiKey', name: headerCase(header), in: 'header' }
  }
  return { names: Object.keys(schemes), schemes }
}

/** `x-ghost-signature` → `X-Ghost-Signature`; names of Standard Webhooks are written in lower case. */
function headerCase(header: string): string {
  if (!header.startsWith('x-')) return header
  return header.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
}

function pascal(type: string): string {
  return type
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

function camel(type: string): string {
  const name = pascal(type)
  return name.charAt(0).toLowerCase() + name.slice(1)
}
