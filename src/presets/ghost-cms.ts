import { ghostCmsFormat } from '../payloads/ghost-cms.ts'
import { ghostCmsSignature } from '../signing/ghost-cms.ts'
import type { WebhookTransportOptions } from '../transports/webhook.ts'
import { ghostCmsAsyncApi } from './ghost-cms/asyncapi.ts'
import { ghostCmsCatalog, ghostCmsCatalogFor, ghostCmsCategories, ghostCmsEvents } from './ghost-cms/catalog.ts'
import { change, type GhostCmsChange } from './ghost-cms/change.ts'
import { ghostCmsConnection, hookKey } from './ghost-cms/connection.ts'
import { ghostCmsDocumentedCatalog } from './ghost-cms/documented.ts'
import type { GhostCmsCategories, GhostCmsEventType } from './ghost-cms/events.ts'
import { ghostCmsRequest } from './ghost-cms/request.ts'

export type { GhostCmsBody } from '../payloads/ghost-cms.ts'
export type { GhostCmsCatalogOptions } from './ghost-cms/catalog.ts'
export type { GhostCmsChange, GhostCmsChanged } from './ghost-cms/change.ts'
export type { GhostCmsConnection, GhostCmsHook } from './ghost-cms/connection.ts'
export type {
  GhostCmsCategories,
  GhostCmsCategory,
  GhostCmsDefinition,
  GhostCmsDocumentedEvent,
  GhostCmsEvent,
  GhostCmsEventType,
  GhostCmsSchema,
} from './ghost-cms/events.ts'
export type { GhostCmsRequest, GhostCmsRequestInput } from './ghost-cms/request.ts'
export type * from './ghost-cms/resources.ts'

/** The options that make `webhookTransport` behave as the webhooks of Ghost CMS. */
const webhook: WebhookTransportOptions = {
  formats: [ghostCmsFormat()],
  signatures: [ghostCmsSignature()],
  deadlineMs: 2000,
  // One exchange, whatever comes of it.
  retry: { maxAttempts: 1 },
  keepResponse: 'none',
  uniqueKey: hookKey,
}

/**
 * The webhooks of Ghost CMS, the publishing platform (as Ghost 6.65 sends them): one event and one target URL a hook,
 * a body of `{ event, post: { current, previous } }`, signed with the time where the hook has a secret. 2xx is success,
 * anything else a failure, redirects included; one attempt in 2 seconds, 410 ends the hook, and nothing of a response
 * is kept.
 *
 * | | |
 * | --- | --- |
 * | `catalog` | 29 events in the categories `site` `post` `page` `tag` `member`; metadata are `{ current, previous }`, stored and sent as they are given; title, body and href follow from them |
 * | `categories` | its categories, to extend: `defineCatalog({ categories: { ...ghostCms.categories, … } })` |
 * | `catalogFor({ siteUrl })` | the same; what names no URL of its own (deletions, members, `site.changed`) leads to the site instead of Ghost's documentation |
 * | `documentedCatalog` | the 29 events as Ghost documents them, which what it sends contradicts |
 * | `asyncapi` | options of `asyncapi` from `signalbox/catalog`: `documented`, with the documented catalog, gives Ghost's own document; `sent`, with the catalog, what it sends |
 * | `change` | makes metadata: `added` `edited` `deleted` `tagged` |
 * | `connection(hook)` | what `connections.create` takes; the same event and URL again are a `conflict` |
 * | `webhook` | the options of `webhookTransport` |
 * | `request(delivery)` | headers and body of one delivery, for tests of receivers |
 * | `events` | the 29 ids |
 *
 * @example
 * const dispatcher = createDispatcher({
 *   store,
 *   catalog: ghostCms.catalog,
 *   transports: [webhookTransport(ghostCms.webhook)],
 * })
 * await dispatcher.connections.create(
 *   ghostCms.connection({ orgId: 'org_1', event: 'post.published', targetUrl: 'https://build.example.com/hook' }),
 * )
 * await dispatcher.dispatch({ orgId: 'org_1', type: 'post.published', metadata: ghostCms.change.edited(draft, post) })
 * // the durable schedule: webhookTransport({ ...ghostCms.webhook, retry: {} })
 * // as before 6.45 and 5.87.1: { ...ghostCms.webhook, formats: [ghostCmsFormat({ body: 'without-event' })],
 * //   signatures: [ghostCmsSignature({ signs: 'body' })] }
 */
export const ghostCms: {
  readonly catalog: typeof ghostCmsCatalog
  readonly categories: GhostCmsCategories
  readonly catalogFor: typeof ghostCmsCatalogFor
  readonly documentedCatalog: typeof ghostCmsDocumentedCatalog
  readonly asyncapi: typeof ghostCmsAsyncApi
  readonly change: GhostCmsChange
  readonly connection: typeof ghostCmsConnection
  readonly webhook: WebhookTransportOptions
  readonly request: typeof ghostCmsRequest
  readonly events: readonly GhostCmsEventType[]
} = {
  catalog: ghostCmsCatalog,
  categories: ghostCmsCategories,
  catalogFor: ghostCmsCatalogFor,
  documentedCatalog: ghostCmsDocumentedCatalog,
  asyncapi: ghostCmsAsyncApi,
  change,
  connection: ghostCmsConnection,
  webhook,
  request: ghostCmsRequest,
  events: ghostCmsEvents,
}
