import type { AsyncApiOptions, JsonSchema } from '../../catalog/index.ts'
import { ghostCmsSignature } from '../../signing/ghost-cms.ts'

const DOCS = 'https://ghost.org/docs/webhooks/'

type Options = Omit<AsyncApiOptions, 'version'>

const common: Options = {
  info: { title: 'Ghost Webhooks', version: '5.0', contact: { url: DOCS }, license: { name: 'MIT' } },
  externalDocs: { url: DOCS },
  server: { name: 'yourServer', url: '{webhookTargetUrl}' },
  signatures: [ghostCmsSignature()],
  securityNames: { 'ghost-cms': 'webhookSecret' },
  address: (type) => `/webhook/${type}`,
  operation: 'publish',
}

/** Options of `asyncapi` from `signalbox/catalog`. */
export const ghostCmsAsyncApi: {
  /** With the documented catalog: Ghost's own document. */
  readonly documented: Options
  /** With the catalog: what Ghost sends. */
  readonly sent: Options
} = {
  documented: { ...common, message: messageName, body: 'metadata' },
  sent: { ...common, body: sentBody },
}

function sentBody(type: string, _: unknown, metadata: JsonSchema | undefined): JsonSchema {
  const [resource = ''] = type.split('.')
  const event = { event: { const: type } }
  if (metadata === undefined) return { type: 'object', properties: event, required: ['event'] }
  return { type: 'object', properties: { ...event, [resource]: metadata }, required: ['event', resource] }
}

/** Events of one resource share a message; tags that are attached to one have another. */
function messageName(type: string): string {
  const [resource = '', ...rest] = type.split('.')
  if (resource === 'site') return 'SiteChangedEvent'
  if (rest[0] === 'tag') return 'TagAttachmentEvent'
  return `${resource.charAt(0).toUpperCase()}${resource.slice(1)}Event`
}
